"""The table of operations against the specification's, written out here once more."""

import pytest
from protobuf import Message

from gateway.operations import (
    BY_GRPC_PATH,
    BY_NAME,
    INTERRUPTED_STATES,
    OPERATIONS,
    SERVICE,
    TERMINAL_STATES,
    tenant_of,
)
from generated.a2a.v1 import a2a_pb as a2a

SPECIFIED = [
    ("SendMessage", "SendMessageRequest", "SendMessageResponse", "one answer"),
    ("SendStreamingMessage", "SendMessageRequest", "StreamResponse", "stream"),
    ("GetTask", "GetTaskRequest", "Task", "one answer"),
    ("ListTasks", "ListTasksRequest", "ListTasksResponse", "one answer"),
    ("CancelTask", "CancelTaskRequest", "Task", "one answer"),
    ("SubscribeToTask", "SubscribeToTaskRequest", "StreamResponse", "stream"),
    ("CreateTaskPushNotificationConfig", "TaskPushNotificationConfig", "TaskPushNotificationConfig", "one answer"),
    (
        "GetTaskPushNotificationConfig",
        "GetTaskPushNotificationConfigRequest",
        "TaskPushNotificationConfig",
        "one answer",
    ),
    (
        "ListTaskPushNotificationConfigs",
        "ListTaskPushNotificationConfigsRequest",
        "ListTaskPushNotificationConfigsResponse",
        "one answer",
    ),
    ("DeleteTaskPushNotificationConfig", "DeleteTaskPushNotificationConfigRequest", "Empty", "one answer"),
    ("GetExtendedAgentCard", "GetExtendedAgentCardRequest", "AgentCard", "one answer"),
]


def test_the_operations_are_those_of_the_specification() -> None:
    table = [
        (row.name, row.request.desc().name, row.response.desc().name, "stream" if row.streams else "one answer")
        for row in OPERATIONS
    ]
    assert sorted(table) == sorted(SPECIFIED)


def test_they_are_the_rpcs_of_our_own_definition() -> None:
    (service,) = a2a.desc().services
    assert service.type_name == SERVICE
    rpcs = {
        (method.name, method.input.type_name, method.output.type_name, method.proto.server_streaming)
        for method in service.methods
    }
    assert rpcs == {
        (row.name, row.request.desc().type_name, row.response.desc().type_name, row.streams) for row in OPERATIONS
    }


@pytest.mark.parametrize("row", OPERATIONS, ids=str)
def test_an_operation_is_found_by_either_name(row: object) -> None:
    name = str(row)
    assert BY_NAME[name] is row
    assert BY_GRPC_PATH[f"/lf.a2a.v1.A2AService/{name}"] is row


@pytest.mark.parametrize(
    "name", ["", "message/send", "sendMessage", "sendmessage", "SendMessage ", "A2AService/SendMessage"]
)
def test_no_other_name_finds_one(name: str) -> None:
    assert name not in BY_NAME
    assert f"/lf.a2a.v1.A2AService/{name}" not in BY_GRPC_PATH
    assert f"/a2a.v1.A2AService/{name}" not in BY_GRPC_PATH


@pytest.mark.parametrize("row", OPERATIONS, ids=str)
def test_every_request_names_a_tenant(row: object) -> None:
    request_type: type[Message] = BY_NAME[str(row)].request
    assert tenant_of(request_type(tenant="somebody")) == "somebody"
    assert tenant_of(request_type()) == ""


def test_states_are_terminal_or_interrupted_as_the_specification_says() -> None:
    assert {state.name for state in TERMINAL_STATES} == {"COMPLETED", "FAILED", "CANCELED", "REJECTED"}
    assert {state.name for state in INTERRUPTED_STATES} == {"INPUT_REQUIRED", "AUTH_REQUIRED"}
    others = set(a2a.TaskState) - TERMINAL_STATES - INTERRUPTED_STATES
    assert {state.name for state in others} == {"UNSPECIFIED", "SUBMITTED", "WORKING"}
