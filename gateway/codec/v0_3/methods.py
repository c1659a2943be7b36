"""The operations of A2A by their names of 0.3, on every binding. ListTasks has none there."""

from dataclasses import dataclass

from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from generated.a2a.v0_3 import a2a_pb as old

SERVICE = "a2a.v1.A2AService"
VERSION = "0.3"

_CONFIGS = "/v1/tasks/{taskId}/pushNotificationConfigs"


@dataclass(frozen=True, slots=True)
class Method:
    """What an operation is called in 0.3, what it takes there and gives."""

    operation: Operation
    jsonrpc: str
    """The JSON-RPC method."""
    rpc: str
    """The name of the rpc in `a2a.v1.A2AService`."""
    request: type[Message]
    """The request of the rpc, whose JSON is also the body on HTTP+JSON."""
    response: type[Message]
    routes: tuple[tuple[str, str], ...]
    """HTTP method and path below the agent's address; callers are sent to the first. `{id}` and
    `{taskId}` are what the 1.0 requests call them, and stand in the resource names of 0.3."""

    @property
    def grpc_path(self) -> str:
        """The HTTP/2 path of the rpc."""
        return f"/{SERVICE}/{self.rpc}"


_ROWS = (
    Method(
        SEND_MESSAGE,
        "message/send",
        "SendMessage",
        old.SendMessageRequest,
        old.SendMessageResponse,
        (("POST", "/v1/message:send"),),
    ),
    Method(
        SEND_STREAMING_MESSAGE,
        "message/stream",
        "SendStreamingMessage",
        old.SendMessageRequest,
        old.StreamResponse,
        (("POST", "/v1/message:stream"),),
    ),
    Method(
        GET_TASK,
        "tasks/get",
        "GetTask",
        old.GetTaskRequest,
        old.Task,
        (("GET", "/v1/tasks/{id}"),),
    ),
    Method(
        CANCEL_TASK,
        "tasks/cancel",
        "CancelTask",
        old.CancelTaskRequest,
        old.Task,
        (("POST", "/v1/tasks/{id}:cancel"),),
    ),
    Method(
        SUBSCRIBE_TO_TASK,
        "tasks/resubscribe",
        "TaskSubscription",
        old.TaskSubscriptionRequest,
        old.StreamResponse,
        # The table of the specification says POST, its proto says GET; the SDK's server takes both.
        (("POST", "/v1/tasks/{id}:subscribe"), ("GET", "/v1/tasks/{id}:subscribe")),
    ),
    Method(
        CREATE_PUSH_CONFIG,
        "tasks/pushNotificationConfig/set",
        "CreateTaskPushNotificationConfig",
        old.CreateTaskPushNotificationConfigRequest,
        old.TaskPushNotificationConfig,
        (("POST", _CONFIGS),),
    ),
    Method(
        GET_PUSH_CONFIG,
        "tasks/pushNotificationConfig/get",
        "GetTaskPushNotificationConfig",
        old.GetTaskPushNotificationConfigRequest,
        old.TaskPushNotificationConfig,
        (("GET", f"{_CONFIGS}/{{id}}"),),
    ),
    Method(
        LIST_PUSH_CONFIGS,
        "tasks/pushNotificationConfig/list",
        "ListTaskPushNotificationConfig",
        old.ListTaskPushNotificationConfigRequest,
        old.ListTaskPushNotificationConfigResponse,
        (("GET", _CONFIGS),),
    ),
    Method(
        DELETE_PUSH_CONFIG,
        "tasks/pushNotificationConfig/delete",
        "DeleteTaskPushNotificationConfig",
        old.DeleteTaskPushNotificationConfigRequest,
        Empty,
        (("DELETE", f"{_CONFIGS}/{{id}}"),),
    ),
    Method(
        GET_EXTENDED_AGENT_CARD,
        "agent/getAuthenticatedExtendedCard",
        "GetAgentCard",
        old.GetAgentCardRequest,
        old.AgentCard,
        (("GET", "/v1/card"),),
    ),
)

METHODS: dict[Operation, Method] = {row.operation: row for row in _ROWS}
BY_JSONRPC_METHOD: dict[str, Method] = {row.jsonrpc: row for row in _ROWS}
BY_GRPC_PATH: dict[str, Method] = {row.grpc_path: row for row in _ROWS}
