"""What the protocol demands to be present in a request, as a table and a check.

The table is the REQUIRED marks of the protocol's own definition; a test holds it against the
descriptor that the a2a-sdk ships. Answers are not held to it: agents in the field leave things
out, and a caller can still use the rest.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from protobuf import DescFieldValueList, DescFieldValueMessage, DescMessage, Message

from gateway.codec.freeform import within
from gateway.codec.malformed import Malformed
from generated.a2a.v1 import a2a_pb as a2a

REQUIRED: Mapping[type[Message], tuple[str, ...]] = {
    a2a.Task: ("id", "status"),
    a2a.TaskStatus: ("state",),
    a2a.Message: ("message_id", "role", "parts"),
    a2a.Artifact: ("artifact_id", "parts"),
    a2a.TaskStatusUpdateEvent: ("task_id", "context_id", "status"),
    a2a.TaskArtifactUpdateEvent: ("task_id", "context_id", "artifact"),
    a2a.AuthenticationInfo: ("scheme",),
    a2a.AgentInterface: ("url", "protocol_binding", "protocol_version"),
    a2a.AgentCard: (
        "name",
        "description",
        "supported_interfaces",
        "version",
        "capabilities",
        "default_input_modes",
        "default_output_modes",
        "skills",
    ),
    a2a.AgentProvider: ("url", "organization"),
    a2a.AgentSkill: ("id", "name", "description", "tags"),
    a2a.AgentCardSignature: ("protected", "signature"),
    a2a.TaskPushNotificationConfig: ("url",),
    a2a.APIKeySecurityScheme: ("location", "name"),
    a2a.HTTPAuthSecurityScheme: ("scheme",),
    a2a.OAuth2SecurityScheme: ("flows",),
    a2a.OpenIdConnectSecurityScheme: ("open_id_connect_url",),
    a2a.AuthorizationCodeOAuthFlow: ("authorization_url", "token_url", "scopes"),
    a2a.ClientCredentialsOAuthFlow: ("token_url", "scopes"),
    a2a.DeviceCodeOAuthFlow: ("device_authorization_url", "token_url", "scopes"),
    a2a.SendMessageRequest: ("message",),
    a2a.GetTaskRequest: ("id",),
    a2a.ListTasksResponse: ("tasks", "next_page_token", "page_size", "total_size"),
    a2a.CancelTaskRequest: ("id",),
    a2a.GetTaskPushNotificationConfigRequest: ("task_id", "id"),
    a2a.DeleteTaskPushNotificationConfigRequest: ("task_id", "id"),
    a2a.SubscribeToTaskRequest: ("id",),
    a2a.ListTaskPushNotificationConfigsRequest: ("task_id",),
}

_NEEDS_CONTENT: frozenset[type[Message]] = frozenset({a2a.Part})
"""Messages whose oneof must be set for them to mean anything (section 4.1.6)."""


def check_required(request: Message, may_lack: frozenset[str] = frozenset()) -> None:
    """Raises Malformed with the path of the first thing that `request` lacks, but for what it may lack."""
    for name, json_name in _required_fields(type(request)):
        if not getattr(request, name) and name not in may_lack:
            raise Malformed("is required", json_name)
    if type(request) in _NEEDS_CONTENT and getattr(request, "content", None) is None:
        raise Malformed("one of text, raw, url and data is required")
    for name, json_name, check in _message_fields(request.desc()):
        check(getattr(request, name), json_name)


@cache
def _required_fields(message_type: type[Message]) -> tuple[tuple[str, str], ...]:
    names = REQUIRED.get(message_type, ())
    return tuple((field.local_name, field.json_name) for field in message_type.desc().fields if field.name in names)


@cache
def _message_fields(desc: DescMessage) -> tuple[tuple[str, str, Callable[[object, str], None]], ...]:
    """The fields whose own messages come from the A2A package, with how to check them."""
    found: list[tuple[str, str, Callable[[object, str], None]]] = []
    for field in desc.fields:
        match field.value:
            case DescFieldValueMessage(message=message, oneof=None) if message.file is desc.file:
                found.append((field.local_name, field.json_name, _check_one))
            case DescFieldValueList(element=DescMessage() as message) if message.file is desc.file:
                found.append((field.local_name, field.json_name, _check_each))
            case _:
                pass
    return tuple(found)


def _check_one(value: object, name: str) -> None:
    if isinstance(value, Message):
        try:
            check_required(cast(Message, value))
        except Malformed as error:
            raise within(name, error) from None


def _check_each(values: object, name: str) -> None:
    if isinstance(values, list):
        for index, value in enumerate(cast(list[object], values)):
            _check_one(value, f"{name}[{index}]")
