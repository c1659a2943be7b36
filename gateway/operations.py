"""The eleven operations of A2A as one table; bindings, docs and tests read it.

A row says what an operation is called, what it takes and gives, and what may be done with it. The
JSON-RPC method of A2A 1.0 is the name of the rpc (specification sections 5.3 and 10).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from generated.a2a.v1 import a2a_pb as a2a

SERVICE = "lf.a2a.v1.A2AService"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name, its messages and its nature."""

    name: str
    """The JSON-RPC method and the name of the rpc."""
    request: type[Message]
    response: type[Message]
    """The answer; of a stream, each event."""
    streams: bool = False

    @property
    def answers_nothing(self) -> bool:
        """Whether success is all that it answers."""
        return self.response is Empty

    @property
    def grpc_path(self) -> str:
        """The HTTP/2 path of the rpc."""
        return f"/{SERVICE}/{self.name}"

    def __str__(self) -> str:
        return self.name


SEND_MESSAGE = Operation("SendMessage", a2a.SendMessageRequest, a2a.SendMessageResponse)
SEND_STREAMING_MESSAGE = Operation(
    "SendStreamingMessage", a2a.SendMessageRequest, a2a.StreamResponse, streams=True
)
GET_TASK = Operation("GetTask", a2a.GetTaskRequest, a2a.Task)
LIST_TASKS = Operation("ListTasks", a2a.ListTasksRequest, a2a.ListTasksResponse)
CANCEL_TASK = Operation("CancelTask", a2a.CancelTaskRequest, a2a.Task)
SUBSCRIBE_TO_TASK = Operation(
    "SubscribeToTask", a2a.SubscribeToTaskRequest, a2a.StreamResponse, streams=True
)
CREATE_PUSH_CONFIG = Operation(
    "CreateTaskPushNotificationConfig", a2a.TaskPushNotificationConfig, a2a.TaskPushNotificationConfig
)
GET_PUSH_CONFIG = Operation(
    "GetTaskPushNotificationConfig",
    a2a.GetTaskPushNotificationConfigRequest,
    a2a.TaskPushNotificationConfig,
)
LIST_PUSH_CONFIGS = Operation(
    "ListTaskPushNotificationConfigs",
    a2a.ListTaskPushNotificationConfigsRequest,
    a2a.ListTaskPushNotificationConfigsResponse,
)
DELETE_PUSH_CONFIG = Operation(
    "DeleteTaskPushNotificationConfig", a2a.DeleteTaskPushNotificationConfigRequest, Empty
)
GET_EXTENDED_AGENT_CARD = Operation(
    "GetExtendedAgentCard", a2a.GetExtendedAgentCardRequest, a2a.AgentCard
)

OPERATIONS: tuple[Operation, ...] = (
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    GET_TASK,
    LIST_TASKS,
    CANCEL_TASK,
    SUBSCRIBE_TO_TASK,
    CREATE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    LIST_PUSH_CONFIGS,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
)


def tenant_of(request: Message) -> str:
    """The tenant that a request names; every request of A2A has the field."""
    tenant: str = getattr(request, "tenant")  # noqa: B009 # their common type does not have it
    return tenant


def _by(key: str, rows: Iterable[Operation]) -> dict[str, Operation]:
    return {getattr(row, key): row for row in rows}


BY_NAME = _by("name", OPERATIONS)
BY_GRPC_PATH = _by("grpc_path", OPERATIONS)

TERMINAL_STATES = frozenset(
    {
        a2a.TaskState.COMPLETED,
        a2a.TaskState.FAILED,
        a2a.TaskState.CANCELED,
        a2a.TaskState.REJECTED,
    }
)
"""A task in one of these never changes again (section 4.1.3)."""

INTERRUPTED_STATES = frozenset({a2a.TaskState.INPUT_REQUIRED, a2a.TaskState.AUTH_REQUIRED})
"""A task in one of these waits for its caller."""
