"""The operations as calls: requests with every member in use that all spellings have, and what the agent answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway import operations
from gateway.operations import Operation
from tests.matrix.meaning import Spelled, Spelling
from tests.matrix.words import (
    A_MESSAGE,
    A_TASK,
    ADDRESSES,
    ANYTHING,
    ASKED,
    CANCELED,
    CARD,
    NEW_CONFIG,
    NOTHING,
    PUSH_CONFIG,
    PUSH_CONFIGS,
    STATELESS,
    STREAM,
    TASK,
    THE_CONFIG,
    THE_CONFIGS,
    THE_TASK,
    TIME,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One call: the request, and all the results of it in order."""

    operation: Operation
    request: Spelled
    results: tuple[Spelled, ...]
    of_the_gateway: frozenset[str] = field(default_factory=frozenset[str])
    """Members of the results that are the gateway's to say."""


UNSAYABLE: Mapping[tuple[Operation, Spelling], str] = {
    (operations.LIST_TASKS, Spelling.DIALECT): "JSON-RPC of 0.3 has no method for it",
    (operations.LIST_TASKS, Spelling.PROTO): "the service of 0.3 has no rpc for it, and so no route",
}
"""The operations that a spelling does not have, and why: nobody can call them so, and no agent be asked them."""


def sayable(row: Row, spelling: Spelling) -> bool:
    return (row.operation, spelling) not in UNSAYABLE


_SEND = Spelled(
    new={
        "message": ASKED.new,
        "configuration": {
            "acceptedOutputModes": ["text/plain", "application/json"],
            "taskPushNotificationConfig": {
                "id": "config-1",
                "url": "https://example.com/hook?a=1",
                "token": "tök",
                "authentication": {"scheme": "Bearer", "credentials": "s3cret"},
            },
            "historyLength": 5,
            "returnImmediately": True,
        },
        "metadata": ANYTHING,
    },
    dialect={
        "message": ASKED.dialect,
        "configuration": {
            "acceptedOutputModes": ["text/plain", "application/json"],
            "pushNotificationConfig": {
                "id": "config-1",
                "url": "https://example.com/hook?a=1",
                "token": "tök",
                "authentication": {"schemes": ["Bearer"], "credentials": "s3cret"},
            },
            "historyLength": 5,
            "blocking": False,
        },
        "metadata": ANYTHING,
    },
    proto={
        "message": ASKED.proto,
        "configuration": {
            "acceptedOutputModes": ["text/plain", "application/json"],
            "pushNotification": {
                "id": "config-1",
                "url": "https://example.com/hook?a=1",
                "token": "tök",
                "authentication": {"schemes": ["Bearer"], "credentials": "s3cret"},
            },
            "historyLength": 5,
        },
        "metadata": ANYTHING,
    },
)
_SEND_AND_WAIT = Spelled(
    new={"message": ASKED.new, "configuration": {}},
    dialect={"message": ASKED.dialect, "configuration": {"blocking": True}},
    proto={"message": ASKED.proto, "configuration": {"blocking": True}},
)
_LIST_TASKS = Spelled(
    new={
        "contextId": "context-1",
        "status": "TASK_STATE_COMPLETED",
        "pageSize": 2,
        "pageToken": "tök&n=1+1",
        "historyLength": 0,
        "statusTimestampAfter": TIME,
        "includeArtifacts": True,
    },
    dialect=None,
    proto=None,
)
_TASKS = Spelled(
    new={"tasks": [TASK.new, CANCELED.new], "nextPageToken": "next", "pageSize": 2, "totalSize": 7},
    dialect=None,
    proto=None,
)
_GET_TASK = Spelled(
    new={"id": "task-1", "historyLength": 3},
    dialect={"id": "task-1", "historyLength": 3},
    proto={"name": "tasks/task-1", "historyLength": 3},
)
_EMPTY = Spelled(new={}, dialect={}, proto={})
_NO_TASKS = Spelled(new={"pageSize": 50}, dialect=None, proto=None)
_NO_CONFIGS = Spelled(new={}, dialect=[], proto={})

ROWS: Mapping[str, Row] = {
    "SendMessage gives a task": Row(operations.SEND_MESSAGE, _SEND, (A_TASK,)),
    "SendMessage gives a message": Row(operations.SEND_MESSAGE, _SEND_AND_WAIT, (A_MESSAGE,)),
    "SendStreamingMessage gives a task": Row(operations.SEND_STREAMING_MESSAGE, _SEND, STREAM),
    "SendStreamingMessage gives a message": Row(operations.SEND_STREAMING_MESSAGE, _SEND_AND_WAIT, (A_MESSAGE,)),
    "GetTask": Row(operations.GET_TASK, _GET_TASK, (TASK,)),
    "GetTask of what is in no known state": Row(operations.GET_TASK, THE_TASK, (STATELESS,)),
    "ListTasks": Row(operations.LIST_TASKS, _LIST_TASKS, (_TASKS,)),
    "ListTasks finds none": Row(operations.LIST_TASKS, _EMPTY, (_NO_TASKS,)),
    "CancelTask": Row(operations.CANCEL_TASK, THE_TASK, (CANCELED,)),
    "SubscribeToTask": Row(operations.SUBSCRIBE_TO_TASK, THE_TASK, STREAM),
    "CreateTaskPushNotificationConfig": Row(operations.CREATE_PUSH_CONFIG, NEW_CONFIG, (PUSH_CONFIG,)),
    "GetTaskPushNotificationConfig": Row(operations.GET_PUSH_CONFIG, THE_CONFIG, (PUSH_CONFIG,)),
    "ListTaskPushNotificationConfigs": Row(operations.LIST_PUSH_CONFIGS, THE_CONFIGS, (PUSH_CONFIGS,)),
    "ListTaskPushNotificationConfigs finds none": Row(operations.LIST_PUSH_CONFIGS, THE_CONFIGS, (_NO_CONFIGS,)),
    "DeleteTaskPushNotificationConfig": Row(operations.DELETE_PUSH_CONFIG, THE_CONFIG, (NOTHING,)),
    "GetExtendedAgentCard": Row(operations.GET_EXTENDED_AGENT_CARD, _EMPTY, (CARD,), of_the_gateway=ADDRESSES),
}
STREAMS = {name: row for name, row in ROWS.items() if len(row.results) > 1}
