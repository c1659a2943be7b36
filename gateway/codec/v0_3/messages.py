"""Messages of 1.0 to those of 0.3 (`a2a.v1`, what gRPC and HTTP+JSON carry) and back.

Most types differ in names and numbers only and stand in `PAIRS`; the rest is converted by hand, here
and in `parts`, `webhooks` and `cardfields`.
"""

from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.codec.v0_3 import cardfields, names, parts, webhooks
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.pairs import Conversion, Convert, Pair, converted
from gateway.operations import CREATE_PUSH_CONFIG, INTERRUPTED_STATES, TERMINAL_STATES, Operation
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a


def is_final(state: a2a.TaskState, choices: Choices) -> bool:
    """Whether a status update to `state` is the last of its stream."""
    return state in TERMINAL_STATES or (choices.final_on_interrupted and state in INTERRUPTED_STATES)


def _say_final(event: a2a.TaskStatusUpdateEvent, made: old.TaskStatusUpdateEvent, choices: Choices) -> None:
    made.final = is_final(event.status.state if event.status else a2a.TaskState.UNSPECIFIED, choices)


PAIRS: tuple[Pair, ...] = (
    Pair(a2a.Task, old.Task),
    Pair(a2a.TaskStatus, old.TaskStatus, renamed={"message": "update"}),
    Pair(a2a.Message, old.Message, renamed={"parts": "content"}, lost=("reference_task_ids",)),
    Pair(a2a.Artifact, old.Artifact),
    Pair(a2a.TaskStatusUpdateEvent, old.TaskStatusUpdateEvent, gone=("final",), to_v0_3=_say_final),
    Pair(a2a.TaskArtifactUpdateEvent, old.TaskArtifactUpdateEvent),
    Pair(a2a.SendMessageResponse, old.SendMessageResponse, renamed={"message": "msg"}),
    Pair(a2a.StreamResponse, old.StreamResponse, renamed={"message": "msg"}),
    Pair(a2a.ListTaskPushNotificationConfigsResponse, old.ListTaskPushNotificationConfigResponse),
    Pair(a2a.GetExtendedAgentCardRequest, old.GetAgentCardRequest, lost=("tenant",)),
    *cardfields.PAIRS,
)
"""Types whose fields have counterparts, but for those that one version has no room for."""


def to_v0_3(message: Message, choices: Choices) -> Message:
    """The 0.3 form of a 1.0 message; of a TaskPushNotificationConfig, the answer. Raises Malformed."""
    made: Message = _TO_V0_3(message, choices)
    return made


def from_v0_3(message: Message, choices: Choices) -> Message:
    """The 1.0 form of a 0.3 message. Raises Malformed, with the path in the 0.3 message."""
    made: Message = _FROM_V0_3(message, choices)
    return made


def request_to_v0_3(operation: Operation, request: Message, choices: Choices) -> Message:
    """`to_v0_3` for the request of an operation: 1.0 creates a configuration by sending what it gets back."""
    if operation is CREATE_PUSH_CONFIG and isinstance(request, a2a.TaskPushNotificationConfig):
        return webhooks.request_to_v0_3(request, choices)
    return to_v0_3(request, choices)


# What goes by hand


def _send_to_v0_3(request: a2a.SendMessageRequest, choices: Choices) -> old.SendMessageRequest:
    """The configuration is always written: what its absence means, the SDKs disagree about."""
    given = request.configuration or a2a.SendMessageConfiguration()
    push = given.task_push_notification_config
    return old.SendMessageRequest(
        request=request.message and converted(request.message, "message", _TO_V0_3, choices),
        configuration=old.SendMessageConfiguration(
            accepted_output_modes=list(given.accepted_output_modes),
            push_notification=push and webhooks.inner_to_v0_3(push),
            history_length=given.history_length,
            blocking=not given.return_immediately,
        ),
        metadata=request.metadata,
    )


def _send_from_v0_3(request: old.SendMessageRequest, choices: Choices) -> a2a.SendMessageRequest:
    return a2a.SendMessageRequest(
        message=request.request and converted(request.request, "message", _FROM_V0_3, choices),
        configuration=_configuration_from_v0_3(request.configuration, choices),
        metadata=request.metadata,
    )


def _configuration_from_v0_3(
    given: old.SendMessageConfiguration | None, choices: Choices
) -> a2a.SendMessageConfiguration | None:
    if given is None:
        return None if choices.blocking_when_absent else a2a.SendMessageConfiguration(return_immediately=True)
    push = given.push_notification
    return a2a.SendMessageConfiguration(
        accepted_output_modes=list(given.accepted_output_modes),
        task_push_notification_config=push and webhooks.inner_from_v0_3(push),
        history_length=given.history_length or None,
        return_immediately=not given.blocking,
    )


def _config_ids(name: str) -> dict[str, str]:
    return dict(zip(("task_id", "id"), names.config_ids(name), strict=True))


_BY_HAND: tuple[tuple[type[Message], Convert, type[Message], Convert], ...] = (
    (a2a.Part, parts.to_v0_3, old.Part, parts.from_v0_3),
    (a2a.SendMessageRequest, _send_to_v0_3, old.SendMessageRequest, _send_from_v0_3),
    (a2a.TaskPushNotificationConfig, webhooks.to_v0_3, old.TaskPushNotificationConfig, webhooks.from_v0_3),
    (
        a2a.GetTaskRequest,
        lambda new, _: old.GetTaskRequest(name=names.task_name(new.id), history_length=new.history_length),
        old.GetTaskRequest,
        lambda given, _: a2a.GetTaskRequest(id=names.task_id(given.name), history_length=given.history_length or None),
    ),
    (
        a2a.CancelTaskRequest,
        lambda new, _: old.CancelTaskRequest(name=names.task_name(new.id)),
        old.CancelTaskRequest,
        lambda given, _: a2a.CancelTaskRequest(id=names.task_id(given.name)),
    ),
    (
        a2a.SubscribeToTaskRequest,
        lambda new, _: old.TaskSubscriptionRequest(name=names.task_name(new.id)),
        old.TaskSubscriptionRequest,
        lambda given, _: a2a.SubscribeToTaskRequest(id=names.task_id(given.name)),
    ),
    (
        a2a.GetTaskPushNotificationConfigRequest,
        lambda new, _: old.GetTaskPushNotificationConfigRequest(name=names.config_name(new.task_id, new.id)),
        old.GetTaskPushNotificationConfigRequest,
        lambda given, _: a2a.GetTaskPushNotificationConfigRequest(**_config_ids(given.name)),
    ),
    (
        a2a.DeleteTaskPushNotificationConfigRequest,
        lambda new, _: old.DeleteTaskPushNotificationConfigRequest(name=names.config_name(new.task_id, new.id)),
        old.DeleteTaskPushNotificationConfigRequest,
        lambda given, _: a2a.DeleteTaskPushNotificationConfigRequest(**_config_ids(given.name)),
    ),
    (
        a2a.ListTaskPushNotificationConfigsRequest,
        lambda new, _: old.ListTaskPushNotificationConfigRequest(
            parent=names.task_name(new.task_id, "taskId"), page_size=new.page_size, page_token=new.page_token
        ),
        old.ListTaskPushNotificationConfigRequest,
        lambda given, _: a2a.ListTaskPushNotificationConfigsRequest(
            task_id=names.parent_id(given.parent), page_size=given.page_size, page_token=given.page_token
        ),
    ),
    (Empty, lambda new, _: new, Empty, lambda given, _: given),
)

_TO_V0_3 = Conversion()
_FROM_V0_3 = Conversion()
_FROM_V0_3.by_hand(old.CreateTaskPushNotificationConfigRequest, webhooks.request_from_v0_3)
for _new, _to, _old, _from in _BY_HAND:
    _TO_V0_3.by_hand(_new, _to)
    _FROM_V0_3.by_hand(_old, _from)
for _pair in PAIRS:
    _back = {theirs: ours for ours, theirs in _pair.renamed.items()}
    _TO_V0_3.by_fields(_pair.new, _pair.old, _pair.renamed, _pair.lost, _pair.to_v0_3)
    _FROM_V0_3.by_fields(_pair.old, _pair.new, _back, _pair.gone, _pair.from_v0_3)
