"""The eleven operations as calls: a request with every member in use, and what the agent answers.

Contents are chosen for what bindings disagree about: scripts and emoji, the separators that some readers of lines
know, bytes, free-form values of every kind, numbers that are whole, times.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway import operations
from gateway.operations import Operation
from tests.fakes.events import (
    CANCELED,
    COMPLETED,
    CONTEXT_ID,
    TASK_ID,
    Json,
    JsonValue,
    artifact,
    bare_message,
    bare_task,
    message,
    status,
    task,
)

TIME = "2026-01-31T12:00:00.123Z"
EXTENSION = "https://example.com/ext/v1"
ANYTHING: Json = {
    "text": 'Zürich, 東京 👩‍🚀 "quoted" back\\slash tab\t',
    "separators": "one\u2028two\u2029three\u0085four\r\nfive",
    "numbers": [0, -1, 2.5, 1e21, 9007199254740992, 1e-7],
    "others": [True, False, None, "", [], {}],
    "deep": {"er": {"still": [[["x"]]]}},
}
PARTS: list[JsonValue] = [
    {"text": "line one\nline two\u2028three", "mediaType": "text/plain", "metadata": ANYTHING},
    {"raw": base64.b64encode(bytes(range(256))).decode(), "filename": "räw bytes.bin"},
    {"url": "https://example.com/a b?q=1&r=ü", "mediaType": "text/html"},
    {"data": ANYTHING},
    {"data": None},
    {"data": [1, "two", None]},
]
SAID = bare_message("hi", parts=PARTS, metadata=ANYTHING, extensions=[EXTENSION], referenceTaskIds=["task-0"])
ARTIFACT: Json = {
    "artifactId": "artifact-1",
    "name": "Näme",
    "description": "What it is",
    "parts": PARTS,
    "metadata": ANYTHING,
    "extensions": [EXTENSION],
}
TASK: Json = {
    **bare_task(state=COMPLETED, metadata=ANYTHING, artifacts=[ARTIFACT], history=[SAID]),
    "status": {"state": COMPLETED, "message": SAID, "timestamp": TIME},
}
PUSH_CONFIG: Json = {
    "id": "config-1",
    "taskId": TASK_ID,
    "url": "https://example.com/hook?a=1",
    "token": "tök",
    "authentication": {"scheme": "Bearer", "credentials": "s3cret"},
}
CARD: Json = {
    "name": "Scripted",
    "description": "Does what its script says",
    "version": "1.2.3",
    "provider": {"organization": "Example", "url": "https://example.com"},
    "documentationUrl": "https://example.com/docs",
    "iconUrl": "https://example.com/icon.png",
    "supportedInterfaces": [
        {"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    ],
    "capabilities": {
        "streaming": True,
        "pushNotifications": True,
        "extendedAgentCard": True,
        "extensions": [{"uri": EXTENSION, "description": "More", "required": True, "params": ANYTHING}],
    },
    "securitySchemes": {
        "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key", "description": "A key"}},
        "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
        "mutual": {"mtlsSecurityScheme": {"description": "Certificates"}},
    },
    "securityRequirements": [{"schemes": {"key": {"list": ["read", "write"]}, "mutual": {}}}],
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain", "application/json"],
    "skills": [
        {
            "id": "script",
            "name": "Script",
            "description": "Follows it",
            "tags": ["test"],
            "examples": ["do it"],
            "inputModes": ["text/plain"],
            "outputModes": ["application/json"],
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Row:
    """One call: the request, and all the results of it in order."""

    operation: Operation
    request: Json
    results: tuple[Json, ...]
    of_the_gateway: frozenset[str] = field(default_factory=frozenset[str])
    """Members of the results that are the gateway's to say."""


_SEND: Json = {
    "message": {**SAID, "role": "ROLE_USER", "taskId": TASK_ID, "contextId": CONTEXT_ID},
    "configuration": {
        "acceptedOutputModes": ["text/plain", "application/json"],
        "taskPushNotificationConfig": {**PUSH_CONFIG, "taskId": ""},
        "historyLength": 0,
        "returnImmediately": True,
    },
    "metadata": ANYTHING,
}
_STREAM: tuple[Json, ...] = (
    task(history=[SAID]),
    status(text="on it", metadata=ANYTHING),
    {"artifactUpdate": {"taskId": TASK_ID, "contextId": CONTEXT_ID, "artifact": ARTIFACT, "metadata": ANYTHING}},
    artifact("more", append=True),
    artifact("the end", append=True, last_chunk=True),
    {"statusUpdate": {"taskId": TASK_ID, "contextId": CONTEXT_ID, "status": {"state": COMPLETED, "timestamp": TIME}}},
)

ROWS: Mapping[str, Row] = {
    "SendMessage gives a task": Row(operations.SEND_MESSAGE, _SEND, ({"task": TASK},)),
    "SendMessage gives a message": Row(operations.SEND_MESSAGE, _SEND, ({"message": SAID},)),
    "SendStreamingMessage gives a task": Row(operations.SEND_STREAMING_MESSAGE, _SEND, _STREAM),
    "SendStreamingMessage gives a message": Row(operations.SEND_STREAMING_MESSAGE, _SEND, (message("hello"),)),
    "GetTask": Row(operations.GET_TASK, {"id": TASK_ID, "historyLength": 0}, (TASK,)),
    "ListTasks": Row(
        operations.LIST_TASKS,
        {
            "contextId": CONTEXT_ID,
            "status": COMPLETED,
            "pageSize": 2,
            "pageToken": "tökén",
            "historyLength": 3,
            "statusTimestampAfter": TIME,
            "includeArtifacts": True,
        },
        ({"tasks": [TASK, bare_task("task-2")], "nextPageToken": "next", "pageSize": 2, "totalSize": 7},),
    ),
    "ListTasks finds none": Row(operations.LIST_TASKS, {}, ({"pageSize": 50},)),
    "CancelTask": Row(operations.CANCEL_TASK, {"id": TASK_ID, "metadata": ANYTHING}, (bare_task(state=CANCELED),)),
    "SubscribeToTask": Row(operations.SUBSCRIBE_TO_TASK, {"id": TASK_ID}, _STREAM),
    "CreateTaskPushNotificationConfig": Row(operations.CREATE_PUSH_CONFIG, PUSH_CONFIG, (PUSH_CONFIG,)),
    "GetTaskPushNotificationConfig": Row(
        operations.GET_PUSH_CONFIG, {"taskId": TASK_ID, "id": "config-1"}, (PUSH_CONFIG,)
    ),
    "ListTaskPushNotificationConfigs": Row(
        operations.LIST_PUSH_CONFIGS,
        {"taskId": TASK_ID, "pageSize": 1, "pageToken": "tökén"},
        ({"configs": [PUSH_CONFIG], "nextPageToken": "next"},),
    ),
    "DeleteTaskPushNotificationConfig": Row(
        operations.DELETE_PUSH_CONFIG, {"taskId": TASK_ID, "id": "config-1"}, ({},)
    ),
    "GetExtendedAgentCard": Row(
        operations.GET_EXTENDED_AGENT_CARD, {}, (CARD,), of_the_gateway=frozenset({"supportedInterfaces"})
    ),
}
STREAMS = {name: row for name, row in ROWS.items() if len(row.results) > 1}
