"""The losses that `table.CONVERSIONS` tells of, applied to a 1.0 message without converting it."""

from collections.abc import Callable
from typing import Any

from protobuf import Message, Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value

from gateway.codec.v0_3.addresses import DEFAULT_TRANSPORT, speaks_0_3
from generated.a2a.v1 import a2a_pb as a2a

Any_ = Any  # a message of the type that the row names


def apply(message: Any_, *, json: bool) -> None:
    """Takes out of `message` what does not come back from 0.3, over JSON-RPC or else over gRPC."""
    for name in [one.local_name for one in (*message.desc().fields, *message.desc().oneofs)]:
        for value in _messages(getattr(message, name, None)):
            apply(value, json=json)
    if hasattr(message, "tenant"):
        message.tenant = ""
    for lose in (LOSSES.get(type(message)), (IN_JSON if json else ON_GRPC).get(type(message))):
        if lose:
            lose(message)


def _messages(value: object) -> list[Any_]:
    match value:
        case Oneof():
            return _messages(value.value)
        case list():
            return [one for one in value if _is_ours(one)]
        case dict():
            return [one for one in value.values() if _is_ours(one)]
        case _:
            return [value] if _is_ours(value) else []


def _is_ours(value: object) -> bool:
    return isinstance(value, Message) and value.desc().file is a2a.desc()


def _part(part: a2a.Part) -> None:
    match part.content:
        case Oneof(field="raw" | "url"):
            return
        case Oneof(field="data", value=Value(kind=Oneof(field=kind))) if kind != "struct_value":
            if part.metadata is not None and not part.metadata.fields:
                part.metadata = None
        case _:
            pass
    part.filename = part.media_type = ""


def _send(request: a2a.SendMessageRequest) -> None:
    configuration = request.configuration = request.configuration or a2a.SendMessageConfiguration()
    if not configuration.history_length:
        configuration.clear_field("history_length")
    if configuration.task_push_notification_config:
        configuration.task_push_notification_config.task_id = ""


def _get(request: a2a.GetTaskRequest) -> None:
    if not request.history_length:
        request.clear_field("history_length")


def _flows(flows: a2a.OAuthFlows) -> None:
    if flows.flow and flows.flow.field == "device_code":
        flows.flow = None


def _code(flow: a2a.AuthorizationCodeOAuthFlow) -> None:
    flow.pkce_required = False


def _card(card: a2a.AgentCard) -> None:
    card.signatures = []
    kept = [one for one in card.supported_interfaces if speaks_0_3(one.protocol_version)]
    made: list[a2a.AgentInterface] = []
    for one in kept:
        one.protocol_version = kept[0].protocol_version or "0.3"
        one.protocol_binding = one.protocol_binding or DEFAULT_TRANSPORT
        if one.url and one not in made:
            made.append(one)
    card.supported_interfaces = made


def _message(message: a2a.Message) -> None:
    message.reference_task_ids = []


def _no_metadata(request: a2a.CancelTaskRequest) -> None:
    request.metadata = None


def _nothing_false(capabilities: a2a.AgentCapabilities) -> None:
    for name in ("streaming", "push_notifications", "extended_agent_card"):
        if not getattr(capabilities, name):
            capabilities.clear_field(name)


def _no_empty_urls(card: a2a.AgentCard) -> None:
    for name in ("documentation_url", "icon_url"):
        if not getattr(card, name):
            card.clear_field(name)


def _known_role(message: a2a.Message) -> None:
    if message.role is not a2a.Role.USER:
        message.role = a2a.Role.AGENT


def _known_state(status: a2a.TaskStatus) -> None:
    if status.state not in list(a2a.TaskState):
        status.state = a2a.TaskState.UNSPECIFIED


def _always_a_status(task: a2a.Task | a2a.TaskStatusUpdateEvent) -> None:
    task.status = task.status or a2a.TaskStatus()


def _always_an_artifact(event: a2a.TaskArtifactUpdateEvent) -> None:
    event.artifact = event.artifact or a2a.Artifact()


def _always_a_message(request: a2a.SendMessageRequest) -> None:
    request.message = request.message or a2a.Message(role=a2a.Role.AGENT)


def _always_content(part: a2a.Part) -> None:
    part.content = part.content or Oneof("text", "")


def _always_capabilities(card: a2a.AgentCard) -> None:
    card.capabilities = card.capabilities or a2a.AgentCapabilities()
    card.security_schemes = {name: one for name, one in card.security_schemes.items() if one.scheme}


def _always_flows(scheme: a2a.OAuth2SecurityScheme) -> None:
    scheme.flows = scheme.flows or a2a.OAuthFlows()


def _no_page(response: a2a.ListTaskPushNotificationConfigsResponse) -> None:
    response.next_page_token = ""


def _no_paging(request: a2a.ListTaskPushNotificationConfigsRequest) -> None:
    request.page_size, request.page_token = 0, ""


def _named(config: a2a.TaskPushNotificationConfig) -> None:
    if not config.id:
        config.task_id = ""


LOSSES: dict[type[Message], Callable[[Any_], None]] = {
    a2a.Part: _part,
    a2a.SendMessageRequest: _send,
    a2a.GetTaskRequest: _get,
    a2a.OAuthFlows: _flows,
    a2a.AuthorizationCodeOAuthFlow: _code,
    a2a.AgentCard: _card,
}
IN_JSON: dict[type[Message], Callable[[Any_], None]] = {
    a2a.Message: _known_role,
    a2a.TaskStatus: _known_state,
    a2a.Task: _always_a_status,
    a2a.TaskStatusUpdateEvent: _always_a_status,
    a2a.TaskArtifactUpdateEvent: _always_an_artifact,
    a2a.SendMessageRequest: _always_a_message,
    a2a.Part: _always_content,
    a2a.AgentCard: _always_capabilities,
    a2a.OAuth2SecurityScheme: _always_flows,
    a2a.ListTaskPushNotificationConfigsResponse: _no_page,
    a2a.ListTaskPushNotificationConfigsRequest: _no_paging,
}
ON_GRPC: dict[type[Message], Callable[[Any_], None]] = {
    a2a.Message: _message,
    a2a.CancelTaskRequest: _no_metadata,
    a2a.AgentCapabilities: _nothing_false,
    a2a.AgentCard: _no_empty_urls,
}
