"""What becomes of every part of the protocol between 1.0 and 0.3, as data for people to read.

The code that does it is in the modules beside this one; tests hold each row against it, and hold
the rows against the definitions: a field of 1.0 that is in no row is called and typed alike in both.
Fields are named as in JSON. A loss is what the other version cannot hold; "" is none.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """One thing that the two versions say differently."""

    new: str
    """In 1.0, as `Message.field`."""
    json: str
    """In the JSON-RPC dialect of 0.3."""
    proto: str
    """In the 0.3 definition, which is gRPC and HTTP+JSON; a card on HTTP+JSON is as `json` says."""
    rule: str
    lost_to_0_3: str = ""
    lost_to_1_0: str = ""


CONVERSIONS: tuple[Conversion, ...] = (
    # Messages and parts
    Conversion(
        "Message",
        '`kind: "message"`',
        "Message",
        "The JSON names its kind; one that does not is told by `messageId`.",
    ),
    Conversion("Message.parts", "parts", "content", "Each part by its own rule."),
    Conversion(
        "Message.role",
        "role: user, agent",
        "role",
        "By name in JSON, by number on gRPC.",
        lost_to_0_3="in JSON, a role other than these is `agent`",
    ),
    Conversion(
        "Message.referenceTaskIds",
        "referenceTaskIds",
        "",
        "As it is in JSON.",
        lost_to_0_3="on gRPC and HTTP+JSON",
    ),
    Conversion(
        "Part.text",
        '{kind: "text", text}',
        "text",
        "As it is; a part without content is an empty text in JSON.",
        lost_to_0_3="filename and mediaType of a text",
    ),
    Conversion(
        "Part.raw",
        '{kind: "file", file: {bytes}}',
        "file.fileWithBytes",
        "Base64 in JSON. On gRPC and HTTP+JSON the bytes are base64 text or themselves, as `file_bytes` says.",
    ),
    Conversion("Part.url", '{kind: "file", file: {uri}}', "file.fileWithUri", "As it is."),
    Conversion("Part.filename", "file.name", "file.name", "Of files."),
    Conversion("Part.mediaType", "file.mimeType", "file.mimeType", "Of files."),
    Conversion(
        "Part.data",
        '{kind: "data", data}',
        "data.data",
        "An object as it is; any other value as `{value: …}` with `data_part_compat: true` in the metadata.",
        lost_to_0_3="filename and mediaType of data; empty metadata of data that is not an object",
    ),
    Conversion("Part.metadata", "metadata", "metadata", "As it is, without the flag of wrapped data."),
    Conversion("Artifact", "Artifact, without a kind", "Artifact", "Field by field; the numbers differ."),
    # Tasks and events
    Conversion("Task", '`kind: "task"`', "Task", "JSON always says contextId and status, 1.0 may leave them out."),
    Conversion(
        "TaskStatus.state",
        "state: submitted, working, input-required, completed, canceled, failed, rejected, auth-required, unknown",
        "state; TASK_STATE_CANCELLED has two L",
        "By name in JSON, by number on gRPC; UNSPECIFIED is `unknown`.",
        lost_to_0_3="in JSON, a state without a name is `unknown`",
    ),
    Conversion("TaskStatus.message", "message", "update", "A message."),
    Conversion(
        "TaskStatus.timestamp",
        "timestamp",
        "timestamp",
        "JSON allows any ISO 8601 time; it becomes RFC 3339 in UTC, one without a zone counts as UTC.",
        lost_to_1_0="a time that cannot be read",
    ),
    Conversion(
        "TaskStatusUpdateEvent",
        '`kind: "status-update"`, final',
        "TaskStatusUpdateEvent.final",
        "`final` is said of terminal states, and of interrupted ones if `final_on_interrupted` says so.",
        lost_to_1_0="final",
    ),
    Conversion(
        "TaskArtifactUpdateEvent",
        '`kind: "artifact-update"`',
        "TaskArtifactUpdateEvent",
        "False is not written for append and lastChunk.",
    ),
    Conversion(
        "StreamResponse",
        "the bare object",
        "StreamResponse; msg is called message in JSON",
        "Told apart by kind.",
    ),
    Conversion(
        "SendMessageResponse",
        "the bare object",
        "SendMessageResponse; msg is called message in JSON",
        "Told apart by kind.",
    ),
    # Requests
    Conversion(
        "SendMessageRequest.message",
        "message",
        "request, in JSON message",
        "A message.",
    ),
    Conversion(
        "SendMessageConfiguration.returnImmediately",
        "configuration.blocking",
        "configuration.blocking",
        "Inverted. Towards 0.3 it is always said. From 0.3, not saying it means what `blocking_when_absent` says; "
        "on gRPC only a missing configuration does not say it.",
    ),
    Conversion(
        "SendMessageConfiguration.historyLength",
        "configuration.historyLength",
        "configuration.historyLength",
        "0 is all of it in 0.3 and none of it in 1.0; from 0.3 it becomes unset.",
        lost_to_0_3="0, which means the opposite there: whoever sent it has to leave the history out of the answer",
    ),
    Conversion(
        "SendMessageConfiguration.taskPushNotificationConfig",
        "configuration.pushNotificationConfig",
        "configuration.pushNotification",
        "The configuration without its task.",
        lost_to_0_3="taskId and tenant of it",
    ),
    Conversion(
        "GetTaskRequest.id",
        "id",
        "name: tasks/{id}",
        "An id with a slash is refused on gRPC and HTTP+JSON.",
    ),
    Conversion(
        "GetTaskRequest.historyLength",
        "historyLength",
        "historyLength",
        "As in SendMessageConfiguration.",
        lost_to_0_3="0, which means the opposite there",
        lost_to_1_0="metadata of the request",
    ),
    Conversion("CancelTaskRequest.id", "id", "name: tasks/{id}", "As GetTaskRequest.id."),
    Conversion(
        "CancelTaskRequest.metadata", "metadata", "", "As it is in JSON.", lost_to_0_3="on gRPC and HTTP+JSON"
    ),
    Conversion(
        "SubscribeToTaskRequest.id",
        "id",
        "TaskSubscriptionRequest.name: tasks/{id}",
        "As GetTaskRequest.id.",
        lost_to_1_0="metadata of the request",
    ),
    Conversion("ListTasksRequest", "", "", "No operation of 0.3.", lost_to_0_3="all of it"),
    Conversion("ListTasksResponse", "", "", "No operation of 0.3.", lost_to_0_3="all of it"),
    Conversion("GetExtendedAgentCardRequest", "no params", "GetAgentCardRequest", "Nothing to say."),
    Conversion(
        "*.tenant",
        "",
        "",
        "Of every request, of configurations and of interfaces.",
        lost_to_0_3="always; the address has to say it",
    ),
    # Webhooks
    Conversion(
        "TaskPushNotificationConfig.taskId",
        "taskId",
        "name: tasks/{taskId}/pushNotificationConfigs/{id}; creating, parent: tasks/{taskId}",
        "An id with a slash is refused on gRPC and HTTP+JSON; an answer that lacks an id has no name.",
        lost_to_0_3="on gRPC and HTTP+JSON, taskId of an answer without id",
    ),
    Conversion(
        "TaskPushNotificationConfig.id",
        "pushNotificationConfig.id",
        "pushNotificationConfig.id; creating, configId too",
        "From 0.3 the one in the configuration counts, else the one in the name or configId.",
    ),
    Conversion("TaskPushNotificationConfig.url", "pushNotificationConfig.url", "pushNotificationConfig.url", "Nested."),
    Conversion(
        "TaskPushNotificationConfig.token", "pushNotificationConfig.token", "pushNotificationConfig.token", "Nested."
    ),
    Conversion(
        "TaskPushNotificationConfig.authentication",
        "pushNotificationConfig.authentication",
        "pushNotificationConfig.authentication",
        "Nested.",
    ),
    Conversion(
        "AuthenticationInfo.scheme",
        "schemes",
        "schemes",
        "A list of one; none for an empty one.",
        lost_to_1_0="all schemes but the first",
    ),
    Conversion(
        "GetTaskPushNotificationConfigRequest.id",
        "pushNotificationConfigId",
        "name: tasks/{taskId}/pushNotificationConfigs/{id}",
        "JSON may leave it out, and means any of the task's; 1.0 demands it.",
    ),
    Conversion(
        "GetTaskPushNotificationConfigRequest.taskId", "id", "name", "As above.", lost_to_1_0="metadata of the request"
    ),
    Conversion(
        "DeleteTaskPushNotificationConfigRequest.id",
        "pushNotificationConfigId",
        "name: tasks/{taskId}/pushNotificationConfigs/{id}",
        "As for getting one; the JSON result is null.",
    ),
    Conversion(
        "DeleteTaskPushNotificationConfigRequest.taskId",
        "id",
        "name",
        "As for getting one.",
        lost_to_1_0="metadata of the request",
    ),
    Conversion(
        "ListTaskPushNotificationConfigsRequest.taskId",
        "id",
        "parent: tasks/{taskId}",
        "An id with a slash is refused on gRPC and HTTP+JSON.",
        lost_to_1_0="metadata of the request",
    ),
    Conversion(
        "ListTaskPushNotificationConfigsRequest.pageSize", "", "pageSize", "As it is on gRPC.", lost_to_0_3="in JSON"
    ),
    Conversion(
        "ListTaskPushNotificationConfigsRequest.pageToken", "", "pageToken", "As it is on gRPC.", lost_to_0_3="in JSON"
    ),
    Conversion(
        "ListTaskPushNotificationConfigsResponse",
        "a bare array",
        "ListTaskPushNotificationConfigResponse",
        "Each configuration by its rule.",
        lost_to_0_3="in JSON, nextPageToken: whoever answers has to read all pages",
    ),
    # Cards
    Conversion(
        "AgentCard.supportedInterfaces",
        "url, preferredTransport, additionalInterfaces[{url, transport}], protocolVersion",
        "the same",
        "To 0.3 those of version 0.3 to below 1.0, or of none; a card without one is refused. From 0.3 the "
        "preferred one first, each once, all of the card's protocolVersion. A card on HTTP+JSON is as on JSON-RPC, "
        "here and below.",
        lost_to_0_3="addresses of other versions, and all versions but the first",
    ),
    Conversion(
        "AgentCapabilities.extendedAgentCard",
        "supportsAuthenticatedExtendedCard",
        "supportsAuthenticatedExtendedCard",
        "As it is.",
        lost_to_0_3="on gRPC, whether a capability is false or not said",
        lost_to_1_0="capabilities.stateTransitionHistory",
    ),
    Conversion(
        "AgentCard.securityRequirements",
        "security: [{scheme: [scopes]}]",
        "security; on HTTP+JSON as on JSON-RPC",
        "Plain objects in JSON.",
    ),
    Conversion(
        "AgentSkill.securityRequirements",
        "security: [{scheme: [scopes]}]",
        "security; on HTTP+JSON as on JSON-RPC",
        "As those of the card.",
    ),
    Conversion(
        "SecurityScheme",
        '{type: "apiKey", "http", "oauth2", "openIdConnect" or "mutualTLS", …}',
        "SecurityScheme; on HTTP+JSON as on JSON-RPC",
        "One flat object in JSON; an API key's location is called in.",
        lost_to_0_3="in JSON, a scheme that is none of these",
    ),
    Conversion(
        "OAuthFlows",
        "flows: any of authorizationCode, clientCredentials, implicit, password",
        "OAuthFlows; on HTTP+JSON as on JSON-RPC",
        "1.0 has room for one: the first of these.",
        lost_to_0_3="deviceCode",
        lost_to_1_0="from JSON, all flows but one",
    ),
    Conversion("AuthorizationCodeOAuthFlow.pkceRequired", "", "", "No field of 0.3.", lost_to_0_3="always"),
    Conversion(
        "AgentCard.signatures",
        "signatures",
        "signatures",
        "Left out: a signature holds for the card that was signed and for no other form of it.",
        lost_to_0_3="always",
        lost_to_1_0="always",
    ),
)
