"""The languages of A2A, and what each binding calls the operations in them, written out.

Nothing of 0.3 is taken from the gateway: a name that is wrong there is not wrong here too.
"""

from collections.abc import Mapping
from dataclasses import replace

from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    OPERATIONS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from generated.a2a.v0_3 import a2a_pb as v0_3
from tests.matrix.meaning import Language, Spelling

Names = Mapping[Operation, str]

NEW = Language(
    Spelling.NEW,
    "1.0",
    "a2a-extensions",
    {operation: (operation.request, operation.response) for operation in OPERATIONS},
)
DIALECT = Language(Spelling.DIALECT, "0.3", "x-a2a-extensions", None)
PROTO = Language(
    Spelling.PROTO,
    "0.3",
    "x-a2a-extensions",
    {
        SEND_MESSAGE: (v0_3.SendMessageRequest, v0_3.SendMessageResponse),
        SEND_STREAMING_MESSAGE: (v0_3.SendMessageRequest, v0_3.StreamResponse),
        GET_TASK: (v0_3.GetTaskRequest, v0_3.Task),
        CANCEL_TASK: (v0_3.CancelTaskRequest, v0_3.Task),
        SUBSCRIBE_TO_TASK: (v0_3.TaskSubscriptionRequest, v0_3.StreamResponse),
        CREATE_PUSH_CONFIG: (v0_3.CreateTaskPushNotificationConfigRequest, v0_3.TaskPushNotificationConfig),
        GET_PUSH_CONFIG: (v0_3.GetTaskPushNotificationConfigRequest, v0_3.TaskPushNotificationConfig),
        LIST_PUSH_CONFIGS: (v0_3.ListTaskPushNotificationConfigRequest, v0_3.ListTaskPushNotificationConfigResponse),
        DELETE_PUSH_CONFIG: (v0_3.DeleteTaskPushNotificationConfigRequest, Empty),
        GET_EXTENDED_AGENT_CARD: (v0_3.GetAgentCardRequest, v0_3.AgentCard),
    },
)
PROTO_BUT_CARDS = replace(PROTO, plain=frozenset({GET_EXTENDED_AGENT_CARD}))
"""HTTP+JSON of 0.3: what a well-known address serves is in the dialect, and the SDKs serve this card like that one."""

JSONRPC_1_0: Names = {operation: operation.name for operation in OPERATIONS}
JSONRPC_0_3: Names = {
    SEND_MESSAGE: "message/send",
    SEND_STREAMING_MESSAGE: "message/stream",
    GET_TASK: "tasks/get",
    CANCEL_TASK: "tasks/cancel",
    SUBSCRIBE_TO_TASK: "tasks/resubscribe",
    CREATE_PUSH_CONFIG: "tasks/pushNotificationConfig/set",
    GET_PUSH_CONFIG: "tasks/pushNotificationConfig/get",
    LIST_PUSH_CONFIGS: "tasks/pushNotificationConfig/list",
    DELETE_PUSH_CONFIG: "tasks/pushNotificationConfig/delete",
    GET_EXTENDED_AGENT_CARD: "agent/getAuthenticatedExtendedCard",
}

GRPC_1_0: Names = {operation: f"/lf.a2a.v1.A2AService/{operation.name}" for operation in OPERATIONS}
GRPC_0_3: Names = {
    SEND_MESSAGE: "/a2a.v1.A2AService/SendMessage",
    SEND_STREAMING_MESSAGE: "/a2a.v1.A2AService/SendStreamingMessage",
    GET_TASK: "/a2a.v1.A2AService/GetTask",
    CANCEL_TASK: "/a2a.v1.A2AService/CancelTask",
    SUBSCRIBE_TO_TASK: "/a2a.v1.A2AService/TaskSubscription",
    CREATE_PUSH_CONFIG: "/a2a.v1.A2AService/CreateTaskPushNotificationConfig",
    GET_PUSH_CONFIG: "/a2a.v1.A2AService/GetTaskPushNotificationConfig",
    LIST_PUSH_CONFIGS: "/a2a.v1.A2AService/ListTaskPushNotificationConfig",
    DELETE_PUSH_CONFIG: "/a2a.v1.A2AService/DeleteTaskPushNotificationConfig",
    GET_EXTENDED_AGENT_CARD: "/a2a.v1.A2AService/GetAgentCard",
}

REST_1_0: Names = {
    SEND_MESSAGE: "POST /message:send",
    SEND_STREAMING_MESSAGE: "POST /message:stream",
    GET_TASK: "GET /tasks/{id}",
    LIST_TASKS: "GET /tasks",
    CANCEL_TASK: "POST /tasks/{id}:cancel",
    SUBSCRIBE_TO_TASK: "POST /tasks/{id}:subscribe",
    CREATE_PUSH_CONFIG: "POST /tasks/{taskId}/pushNotificationConfigs",
    GET_PUSH_CONFIG: "GET /tasks/{taskId}/pushNotificationConfigs/{id}",
    LIST_PUSH_CONFIGS: "GET /tasks/{taskId}/pushNotificationConfigs",
    DELETE_PUSH_CONFIG: "DELETE /tasks/{taskId}/pushNotificationConfigs/{id}",
    GET_EXTENDED_AGENT_CARD: "GET /extendedAgentCard",
}
REST_0_3: Names = {
    SEND_MESSAGE: "POST /v1/message:send",
    SEND_STREAMING_MESSAGE: "POST /v1/message:stream",
    GET_TASK: "GET /v1/{name=tasks/*}",
    CANCEL_TASK: "POST /v1/{name=tasks/*}:cancel",
    SUBSCRIBE_TO_TASK: "POST /v1/{name=tasks/*}:subscribe",
    CREATE_PUSH_CONFIG: "POST /v1/{parent=tasks/*}/pushNotificationConfigs",
    GET_PUSH_CONFIG: "GET /v1/{name=tasks/*/pushNotificationConfigs/*}",
    LIST_PUSH_CONFIGS: "GET /v1/{parent=tasks/*}/pushNotificationConfigs",
    DELETE_PUSH_CONFIG: "DELETE /v1/{name=tasks/*/pushNotificationConfigs/*}",
    GET_EXTENDED_AGENT_CARD: "GET /v1/card",
}
