"""Worked examples: the same thing in 1.0, in the JSON-RPC dialect of 0.3 and in the ProtoJSON of 0.3.

Each shows a row of `table.CONVERSIONS` and is driven both ways. Where a version has no room for
something, `from_json` and `from_proto` say what is left of it on the way back.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.codec.v0_3.choices import Choices
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

Json = Any


class Same:
    """What is left is what was given."""


SAME = Same()


@dataclass(frozen=True, slots=True)
class Example:
    """One thing in its three forms."""

    row: str
    what: str
    operation: Operation
    place: Literal["request", "result", "event"]
    new: Json
    json: Json
    proto: Json
    from_json: Json | Same = SAME
    from_proto: Json | Same = SAME
    choices: Choices = field(default_factory=Choices)

    @property
    def left_of_json(self) -> Json:
        return self.new if isinstance(self.from_json, Same) else self.from_json

    @property
    def left_of_proto(self) -> Json:
        return self.new if isinstance(self.from_proto, Same) else self.from_proto

    def __str__(self) -> str:
        return f"{self.row}: {self.what}"


def request(operation: Operation, row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    return Example(row, what, operation, "request", new, json, proto, **more)


def result(operation: Operation, row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    return Example(row, what, operation, "result", new, json, proto, **more)


def event(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    return Example(row, what, SEND_STREAMING_MESSAGE, "event", new, json, proto, **more)


def _message(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """Members of a message, in an event."""
    for leg in ("from_json", "from_proto"):
        if leg in more:
            more[leg] = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}], **more[leg]}}
    return event(
        row,
        what,
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}], **new}},
        {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "x"}], **json},
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "content": [{"text": "x"}], **proto}},
        **more,
    )


def _part(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """A part, in the message of an event."""
    for leg in ("from_json", "from_proto"):
        if leg in more:
            more[leg] = {"parts": [more[leg]]}
    return _message(row, what, {"parts": [new]}, {"parts": [json]}, {"content": [proto]}, **more)


def _status(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """A status, in a task."""
    if "from_json" in more:
        more["from_json"] = {"id": "t", "contextId": "c", "status": more["from_json"]}
    return result(
        GET_TASK,
        row,
        what,
        {"id": "t", "contextId": "c", "status": new},
        {"kind": "task", "id": "t", "contextId": "c", "status": json},
        {"id": "t", "contextId": "c", "status": proto},
        **more,
    )


def _configured(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """A configuration, in a sent message."""
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]}
    for leg in ("from_json", "from_proto"):
        if leg in more:
            more[leg] = {"message": message} | ({} if more[leg] is None else {"configuration": more[leg]})
    old = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "x"}]}
    wire = {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "x"}]}
    return request(
        SEND_MESSAGE,
        row,
        what,
        {"message": message} | ({} if new is None else {"configuration": new}),
        {"message": old} | ({} if json is None else {"configuration": json}),
        {"message": wire} | ({} if proto is None else {"configuration": proto}),
        **more,
    )


def _card(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """Members of a card."""
    address = {"url": "https://a", "protocolBinding": "JSONRPC", "protocolVersion": "0.3.0"}
    plain = {"name": "n", "description": "d", "version": "1"}
    lists: Json = {"defaultInputModes": ["text"], "defaultOutputModes": ["text"], "skills": []}
    old = {"url": "https://a", "preferredTransport": "JSONRPC", "protocolVersion": "0.3.0"}
    base = {**plain, **lists, "supportedInterfaces": [address], "capabilities": {}}
    for leg in ("from_json", "from_proto"):
        if leg in more:
            more[leg] = {**base, **more[leg]}
    return result(
        GET_EXTENDED_AGENT_CARD,
        row,
        what,
        {**base, **new},
        {**plain, **lists, **old, "capabilities": {}, **json},
        {**plain, **{name: modes for name, modes in lists.items() if modes}, **old, "capabilities": {}, **proto},
        **more,
    )


def _webhook(row: str, what: str, new: Json, json: Json, proto: Json, **more: Any) -> Example:
    """Members of a webhook, in the answer to asking for it."""
    if "from_json" in more:
        more["from_json"] = more["from_proto"] = {"taskId": "t", "id": "c", "url": "https://h", **more["from_json"]}
    return result(
        GET_PUSH_CONFIG,
        row,
        what,
        {"taskId": "t", "id": "c", "url": "https://h", **new},
        {"taskId": "t", "pushNotificationConfig": {"id": "c", "url": "https://h", **json}},
        {
            "name": "tasks/t/pushNotificationConfigs/c",
            "pushNotificationConfig": {"id": "c", "url": "https://h", **proto},
        },
        **more,
    )


_ARTIFACT = {"artifactId": "a", "name": "n", "description": "d", "metadata": {}, "extensions": ["urn:e"]}

MESSAGES: tuple[Example, ...] = (
    _message(
        "Message",
        "all its members",
        {"contextId": "c", "taskId": "t", "metadata": {"k": [1, {"n": None}]}, "extensions": ["urn:e"]},
        {"contextId": "c", "taskId": "t", "metadata": {"k": [1, {"n": None}]}, "extensions": ["urn:e"]},
        {"contextId": "c", "taskId": "t", "metadata": {"k": [1, {"n": None}]}, "extensions": ["urn:e"]},
    ),
    _message(
        "Message.parts",
        "several, in order",
        {"parts": [{"text": "a"}, {"url": "https://f"}, {"text": ""}]},
        {"parts": [{"kind": "text", "text": "a"}, {"kind": "file", "file": {"uri": "https://f"}}, {"kind": "text", "text": ""}]},
        {"content": [{"text": "a"}, {"file": {"fileWithUri": "https://f"}}, {"text": ""}]},
    ),
    _message("Message.role", "of the user", {"role": "ROLE_USER"}, {"role": "user"}, {"role": "ROLE_USER"}),
    _message("Message.role", "unknown", {"role": 7}, {"role": "agent"}, {"role": 7}, from_json={"role": "ROLE_AGENT"}),
    _message(
        "Message.referenceTaskIds",
        "only in JSON",
        {"referenceTaskIds": ["t1", "t2"]},
        {"referenceTaskIds": ["t1", "t2"]},
        {},
        from_proto={},
    ),
    _part("Part.text", "as it is", {"text": "hi"}, {"kind": "text", "text": "hi"}, {"text": "hi"}),
    _part(
        "Part.text",
        "no room for a media type",
        {"text": "hi", "mediaType": "text/html", "filename": "f"},
        {"kind": "text", "text": "hi"},
        {"text": "hi"},
        from_json={"text": "hi"},
        from_proto={"text": "hi"},
    ),
    _part("Part.text", "of a part without content", {}, {"kind": "text", "text": ""}, {}, from_json={"text": ""}),
    _part(
        "Part.raw",
        "as base64 of base64 text",
        {"raw": "QUJD"},
        {"kind": "file", "file": {"bytes": "QUJD"}},
        {"file": {"fileWithBytes": "UVVKRA=="}},
    ),
    _part(
        "Part.raw",
        "as bytes, where those are chosen",
        {"raw": "QUJD"},
        {"kind": "file", "file": {"bytes": "QUJD"}},
        {"file": {"fileWithBytes": "QUJD"}},
        choices=Choices(file_bytes="raw"),
    ),
    _part("Part.raw", "empty", {"raw": ""}, {"kind": "file", "file": {"bytes": ""}}, {"file": {"fileWithBytes": ""}}),
    _part(
        "Part.url",
        "as it is",
        {"url": "https://f"},
        {"kind": "file", "file": {"uri": "https://f"}},
        {"file": {"fileWithUri": "https://f"}},
    ),
    _part(
        "Part.filename",
        "beside the bytes",
        {"raw": "QQ==", "filename": "a.txt"},
        {"kind": "file", "file": {"bytes": "QQ==", "name": "a.txt"}},
        {"file": {"fileWithBytes": "UVE9PQ==", "name": "a.txt"}},
    ),
    _part(
        "Part.mediaType",
        "beside the address",
        {"url": "https://f", "mediaType": "text/plain"},
        {"kind": "file", "file": {"uri": "https://f", "mimeType": "text/plain"}},
        {"file": {"fileWithUri": "https://f", "mimeType": "text/plain"}},
    ),
    _part(
        "Part.data",
        "an object",
        {"data": {"a": [1, 2.5, None]}},
        {"kind": "data", "data": {"a": [1, 2.5, None]}},
        {"data": {"data": {"a": [1, 2.5, None]}}},
    ),
    _part(
        "Part.data",
        "a list, wrapped",
        {"data": [1, "x"], "metadata": {"k": "v"}},
        {"kind": "data", "data": {"value": [1, "x"]}, "metadata": {"k": "v", "data_part_compat": True}},
        {"data": {"data": {"value": [1, "x"]}}, "metadata": {"k": "v", "data_part_compat": True}},
    ),
    _part(
        "Part.data",
        "null, wrapped",
        {"data": None},
        {"kind": "data", "data": {"value": None}, "metadata": {"data_part_compat": True}},
        {"data": {"data": {"value": None}}, "metadata": {"data_part_compat": True}},
    ),
    _part(
        "Part.data",
        "an object that looks wrapped but does not say so",
        {"data": {"value": 1}, "metadata": {"data_part_compat": False}},
        {"kind": "data", "data": {"value": 1}, "metadata": {"data_part_compat": False}},
        {"data": {"data": {"value": 1}}, "metadata": {"data_part_compat": False}},
    ),
    _part(
        "Part.data",
        "no room for a media type, nor for empty metadata of what is wrapped",
        {"data": True, "mediaType": "application/json", "metadata": {}},
        {"kind": "data", "data": {"value": True}, "metadata": {"data_part_compat": True}},
        {"data": {"data": {"value": True}}, "metadata": {"data_part_compat": True}},
        from_json={"data": True},
        from_proto={"data": True},
    ),
    _part(
        "Part.metadata",
        "of a file",
        {"url": "https://f", "metadata": {"k": 1}},
        {"kind": "file", "file": {"uri": "https://f"}, "metadata": {"k": 1}},
        {"file": {"fileWithUri": "https://f"}, "metadata": {"k": 1}},
    ),
)

TASKS: tuple[Example, ...] = (
    result(
        GET_TASK,
        "Task",
        "all its members",
        {
            "id": "t",
            "contextId": "c",
            "status": {"state": "TASK_STATE_WORKING"},
            "artifacts": [{**_ARTIFACT, "parts": [{"text": "x"}]}],
            "history": [{"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "q"}]}],
            "metadata": {"k": 1},
        },
        {
            "kind": "task",
            "id": "t",
            "contextId": "c",
            "status": {"state": "working"},
            "artifacts": [{**_ARTIFACT, "parts": [{"kind": "text", "text": "x"}]}],
            "history": [{"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "q"}]}],
            "metadata": {"k": 1},
        },
        {
            "id": "t",
            "contextId": "c",
            "status": {"state": "TASK_STATE_WORKING"},
            "artifacts": [{**_ARTIFACT, "parts": [{"text": "x"}]}],
            "history": [{"messageId": "m", "role": "ROLE_USER", "content": [{"text": "q"}]}],
            "metadata": {"k": 1},
        },
    ),
    result(
        CANCEL_TASK,
        "Task",
        "what JSON always says",
        {"id": "t"},
        {"kind": "task", "id": "t", "contextId": "", "status": {"state": "unknown"}},
        {"id": "t"},
        from_json={"id": "t", "status": {}},
    ),
    event(
        "Artifact",
        "in an event",
        {"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": {**_ARTIFACT, "parts": [{"text": "x"}]}}},
        {
            "kind": "artifact-update",
            "taskId": "t",
            "contextId": "c",
            "artifact": {**_ARTIFACT, "parts": [{"kind": "text", "text": "x"}]},
        },
        {"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": {**_ARTIFACT, "parts": [{"text": "x"}]}}},
    ),
    *(
        _status("TaskStatus.state", old, {"state": f"TASK_STATE_{new}"}, {"state": old}, {"state": f"TASK_STATE_{proto}"})
        for new, old, proto in (
            ("SUBMITTED", "submitted", "SUBMITTED"),
            ("WORKING", "working", "WORKING"),
            ("COMPLETED", "completed", "COMPLETED"),
            ("FAILED", "failed", "FAILED"),
            ("CANCELED", "canceled", "CANCELLED"),
            ("INPUT_REQUIRED", "input-required", "INPUT_REQUIRED"),
            ("REJECTED", "rejected", "REJECTED"),
            ("AUTH_REQUIRED", "auth-required", "AUTH_REQUIRED"),
        )
    ),
    _status("TaskStatus.state", "none", {}, {"state": "unknown"}, {}),
    _status("TaskStatus.state", "of a later version", {"state": 42}, {"state": "unknown"}, {"state": 42}, from_json={}),
    _status(
        "TaskStatus.message",
        "what the agent said",
        {"state": "TASK_STATE_FAILED", "message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "no"}]}},
        {
            "state": "failed",
            "message": {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "no"}]},
        },
        {"state": "TASK_STATE_FAILED", "message": {"messageId": "m", "role": "ROLE_AGENT", "content": [{"text": "no"}]}},
    ),
    _status(
        "TaskStatus.timestamp",
        "with nanoseconds",
        {"timestamp": "2026-01-31T12:00:00.123456789Z"},
        {"state": "unknown", "timestamp": "2026-01-31T12:00:00.123456789Z"},
        {"timestamp": "2026-01-31T12:00:00.123456789Z"},
    ),
    event(
        "TaskStatusUpdateEvent",
        "final, since terminal",
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_CANCELED"}, "metadata": {}}},
        {
            "kind": "status-update",
            "taskId": "t",
            "contextId": "c",
            "status": {"state": "canceled"},
            "final": True,
            "metadata": {},
        },
        {
            "statusUpdate": {
                "taskId": "t",
                "contextId": "c",
                "status": {"state": "TASK_STATE_CANCELLED"},
                "final": True,
                "metadata": {},
            }
        },
    ),
    event(
        "TaskStatusUpdateEvent",
        "not final, under way",
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}},
        {"kind": "status-update", "taskId": "t", "contextId": "c", "status": {"state": "working"}, "final": False},
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}},
    ),
    event(
        "TaskStatusUpdateEvent",
        "not final, interrupted",
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}}},
        {"kind": "status-update", "taskId": "t", "contextId": "c", "status": {"state": "input-required"}, "final": False},
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}}},
    ),
    event(
        "TaskStatusUpdateEvent",
        "final, interrupted, where that is chosen",
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_AUTH_REQUIRED"}}},
        {"kind": "status-update", "taskId": "t", "contextId": "c", "status": {"state": "auth-required"}, "final": True},
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_AUTH_REQUIRED"}, "final": True}},
        choices=Choices(final_on_interrupted=True),
    ),
    event(
        "TaskArtifactUpdateEvent",
        "a last piece",
        {
            "artifactUpdate": {
                "taskId": "t",
                "contextId": "c",
                "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
                "append": True,
                "lastChunk": True,
                "metadata": {"k": 1},
            }
        },
        {
            "kind": "artifact-update",
            "taskId": "t",
            "contextId": "c",
            "artifact": {"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]},
            "append": True,
            "lastChunk": True,
            "metadata": {"k": 1},
        },
        {
            "artifactUpdate": {
                "taskId": "t",
                "contextId": "c",
                "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
                "append": True,
                "lastChunk": True,
                "metadata": {"k": 1},
            }
        },
    ),
    event(
        "StreamResponse",
        "a task",
        {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}},
        {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "submitted"}},
        {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}},
    ),
    result(
        SEND_MESSAGE,
        "SendMessageResponse",
        "a task",
        {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}},
        {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "submitted"}},
        {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_SUBMITTED"}}},
    ),
    result(
        SEND_MESSAGE,
        "SendMessageResponse",
        "a message",
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}},
        {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "x"}]},
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "content": [{"text": "x"}]}},
    ),
)

REQUESTS: tuple[Example, ...] = (
    request(
        SEND_STREAMING_MESSAGE,
        "SendMessageRequest.message",
        "with metadata",
        {
            "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]},
            "configuration": {"acceptedOutputModes": ["text/plain"]},
            "metadata": {"k": 1},
        },
        {
            "message": {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "x"}]},
            "configuration": {"acceptedOutputModes": ["text/plain"], "blocking": True},
            "metadata": {"k": 1},
        },
        {
            "message": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "x"}]},
            "configuration": {"acceptedOutputModes": ["text/plain"], "blocking": True},
            "metadata": {"k": 1},
        },
    ),
    _configured(
        "SendMessageConfiguration.returnImmediately", "true", {"returnImmediately": True}, {"blocking": False}, {}
    ),
    _configured(
        "SendMessageConfiguration.returnImmediately",
        "always said, also where there was no configuration",
        None,
        {"blocking": True},
        {"blocking": True},
        from_json={},
        from_proto={},
    ),
    _configured(
        "SendMessageConfiguration.historyLength",
        "of five",
        {"historyLength": 5},
        {"historyLength": 5, "blocking": True},
        {"historyLength": 5, "blocking": True},
    ),
    _configured(
        "SendMessageConfiguration.historyLength",
        "0 means the opposite",
        {"historyLength": 0},
        {"historyLength": 0, "blocking": True},
        {"blocking": True},
        from_json={},
        from_proto={},
    ),
    _configured(
        "SendMessageConfiguration.taskPushNotificationConfig",
        "without its task",
        {"taskPushNotificationConfig": {"id": "c", "taskId": "t", "url": "https://h", "token": "k"}},
        {"pushNotificationConfig": {"id": "c", "url": "https://h", "token": "k"}, "blocking": True},
        {"pushNotification": {"id": "c", "url": "https://h", "token": "k"}, "blocking": True},
        from_json={"taskPushNotificationConfig": {"id": "c", "url": "https://h", "token": "k"}},
        from_proto={"taskPushNotificationConfig": {"id": "c", "url": "https://h", "token": "k"}},
    ),
    request(GET_TASK, "GetTaskRequest.id", "as a name", {"id": "t"}, {"id": "t"}, {"name": "tasks/t"}),
    request(
        GET_TASK,
        "GetTaskRequest.historyLength",
        "of five",
        {"id": "t", "historyLength": 5},
        {"id": "t", "historyLength": 5},
        {"name": "tasks/t", "historyLength": 5},
    ),
    request(
        GET_TASK,
        "GetTaskRequest.historyLength",
        "0 means the opposite",
        {"id": "t", "historyLength": 0},
        {"id": "t", "historyLength": 0},
        {"name": "tasks/t"},
        from_json={"id": "t"},
        from_proto={"id": "t"},
    ),
    request(CANCEL_TASK, "CancelTaskRequest.id", "as a name", {"id": "t"}, {"id": "t"}, {"name": "tasks/t"}),
    request(
        CANCEL_TASK,
        "CancelTaskRequest.metadata",
        "only in JSON",
        {"id": "t", "metadata": {"why": "late"}},
        {"id": "t", "metadata": {"why": "late"}},
        {"name": "tasks/t"},
        from_proto={"id": "t"},
    ),
    request(
        SUBSCRIBE_TO_TASK, "SubscribeToTaskRequest.id", "as a name", {"id": "t"}, {"id": "t"}, {"name": "tasks/t"}
    ),
    request(GET_EXTENDED_AGENT_CARD, "GetExtendedAgentCardRequest", "nothing", {}, {}, {}),
    request(
        GET_TASK,
        "*.tenant",
        "no room for it",
        {"id": "t", "tenant": "acme"},
        {"id": "t"},
        {"name": "tasks/t"},
        from_json={"id": "t"},
        from_proto={"id": "t"},
    ),
)

_WHOLE = {"taskId": "t", "id": "c", "url": "https://h"}

WEBHOOKS: tuple[Example, ...] = (
    request(
        CREATE_PUSH_CONFIG,
        "TaskPushNotificationConfig.taskId",
        "creating one",
        _WHOLE,
        {"taskId": "t", "pushNotificationConfig": {"id": "c", "url": "https://h"}},
        {
            "parent": "tasks/t",
            "configId": "c",
            "config": {
                "name": "tasks/t/pushNotificationConfigs/c",
                "pushNotificationConfig": {"id": "c", "url": "https://h"},
            },
        },
    ),
    request(
        CREATE_PUSH_CONFIG,
        "TaskPushNotificationConfig.id",
        "for the agent to choose",
        {"taskId": "t", "url": "https://h"},
        {"taskId": "t", "pushNotificationConfig": {"url": "https://h"}},
        {"parent": "tasks/t", "config": {"pushNotificationConfig": {"url": "https://h"}}},
    ),
    result(
        CREATE_PUSH_CONFIG,
        "TaskPushNotificationConfig.taskId",
        "of an answer that has no id",
        {"taskId": "t", "url": "https://h"},
        {"taskId": "t", "pushNotificationConfig": {"url": "https://h"}},
        {"pushNotificationConfig": {"url": "https://h"}},
        from_proto={"url": "https://h"},
    ),
    _webhook("TaskPushNotificationConfig.url", "nested", {}, {}, {}),
    _webhook("TaskPushNotificationConfig.token", "nested", {"token": "k"}, {"token": "k"}, {"token": "k"}),
    _webhook(
        "TaskPushNotificationConfig.authentication",
        "nested",
        {"authentication": {"scheme": "Bearer", "credentials": "x"}},
        {"authentication": {"schemes": ["Bearer"], "credentials": "x"}},
        {"authentication": {"schemes": ["Bearer"], "credentials": "x"}},
    ),
    _webhook(
        "AuthenticationInfo.scheme",
        "none",
        {"authentication": {}},
        {"authentication": {"schemes": []}},
        {"authentication": {}},
    ),
    *(
        request(
            operation,
            f"{operation.request.desc().name}.{field_name}",
            "in a name",
            {"taskId": "t", "id": "c"},
            {"id": "t", "pushNotificationConfigId": "c"},
            {"name": "tasks/t/pushNotificationConfigs/c"},
        )
        for operation in (GET_PUSH_CONFIG, DELETE_PUSH_CONFIG)
        for field_name in ("taskId", "id")
    ),
    result(DELETE_PUSH_CONFIG, "DeleteTaskPushNotificationConfigRequest.id", "answered", {}, None, {}),
    request(
        LIST_PUSH_CONFIGS,
        "ListTaskPushNotificationConfigsRequest.taskId",
        "as the parent",
        {"taskId": "t"},
        {"id": "t"},
        {"parent": "tasks/t"},
    ),
    *(
        request(
            LIST_PUSH_CONFIGS,
            f"ListTaskPushNotificationConfigsRequest.{name}",
            "not in JSON",
            {"taskId": "t", name: value},
            {"id": "t"},
            {"parent": "tasks/t", name: value},
            from_json={"taskId": "t"},
        )
        for name, value in (("pageSize", 5), ("pageToken", "p"))
    ),
    result(
        LIST_PUSH_CONFIGS,
        "ListTaskPushNotificationConfigsResponse",
        "a bare array in JSON",
        {"configs": [_WHOLE], "nextPageToken": "p"},
        [{"taskId": "t", "pushNotificationConfig": {"id": "c", "url": "https://h"}}],
        {
            "configs": [
                {
                    "name": "tasks/t/pushNotificationConfigs/c",
                    "pushNotificationConfig": {"id": "c", "url": "https://h"},
                }
            ],
            "nextPageToken": "p",
        },
        from_json={"configs": [_WHOLE]},
    ),
)


def _schemes(new: Json, json: Json, proto: Json | Same = SAME) -> tuple[Json, Json, Json]:
    written = new if isinstance(proto, Same) else proto
    return {"securitySchemes": {"s": new}}, {"securitySchemes": {"s": json}}, {"securitySchemes": {"s": written}}


def _flow(new: Json, json: Json) -> tuple[Json, Json]:
    return {"oauth2SecurityScheme": {"flows": new}}, {"type": "oauth2", "flows": json}


CARDS: tuple[Example, ...] = (
    _card(
        "AgentCard.supportedInterfaces",
        "the preferred one and others, not those of other versions",
        {
            "supportedInterfaces": [
                {"url": "https://n", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
                {"url": "b:1", "protocolBinding": "GRPC", "protocolVersion": "0.3", "tenant": "x"},
                {"url": "https://c", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3.1"},
                {"url": "https://d", "protocolBinding": "JSONRPC", "protocolVersion": "0.2.5"},
            ]
        },
        {
            "url": "b:1",
            "preferredTransport": "GRPC",
            "protocolVersion": "0.3",
            "additionalInterfaces": [{"url": "https://c", "transport": "HTTP+JSON"}],
        },
        {
            "url": "b:1",
            "preferredTransport": "GRPC",
            "protocolVersion": "0.3",
            "additionalInterfaces": [{"url": "https://c", "transport": "HTTP+JSON"}],
        },
        **{
            leg: {
                "supportedInterfaces": [
                    {"url": "b:1", "protocolBinding": "GRPC", "protocolVersion": "0.3"},
                    {"url": "https://c", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
                ]
            }
            for leg in ("from_json", "from_proto")
        },
    ),
    _card(
        "AgentCapabilities.extendedAgentCard",
        "beside the capabilities",
        {
            "capabilities": {
                "streaming": True,
                "pushNotifications": True,
                "extendedAgentCard": True,
                "extensions": [{"uri": "urn:e", "description": "d", "required": True, "params": {"k": 1}}],
            }
        },
        {
            "capabilities": {
                "streaming": True,
                "pushNotifications": True,
                "extensions": [{"uri": "urn:e", "description": "d", "required": True, "params": {"k": 1}}],
            },
            "supportsAuthenticatedExtendedCard": True,
        },
        {
            "capabilities": {
                "streaming": True,
                "pushNotifications": True,
                "extensions": [{"uri": "urn:e", "description": "d", "required": True, "params": {"k": 1}}],
            },
            "supportsAuthenticatedExtendedCard": True,
        },
    ),
    _card(
        "AgentCapabilities.extendedAgentCard",
        "false is absent on gRPC",
        {"capabilities": {"streaming": False, "extendedAgentCard": False}},
        {"capabilities": {"streaming": False}, "supportsAuthenticatedExtendedCard": False},
        {},
        from_proto={},
    ),
    _card(
        "AgentCard.securityRequirements",
        "any of them",
        {"securityRequirements": [{"schemes": {"a": {"list": ["read"]}, "b": {}}}, {"schemes": {"c": {"list": ["x"]}}}]},
        {"security": [{"a": ["read"], "b": []}, {"c": ["x"]}]},
        {"security": [{"schemes": {"a": {"list": ["read"]}, "b": {}}}, {"schemes": {"c": {"list": ["x"]}}}]},
    ),
    _card(
        "AgentSkill.securityRequirements",
        "of a skill with all its members",
        {
            "skills": [
                {
                    "id": "i",
                    "name": "n",
                    "description": "d",
                    "tags": ["t"],
                    "examples": ["e"],
                    "inputModes": ["text"],
                    "outputModes": ["text"],
                    "securityRequirements": [{"schemes": {"a": {"list": ["read"]}}}],
                }
            ]
        },
        {
            "skills": [
                {
                    "id": "i",
                    "name": "n",
                    "description": "d",
                    "tags": ["t"],
                    "examples": ["e"],
                    "inputModes": ["text"],
                    "outputModes": ["text"],
                    "security": [{"a": ["read"]}],
                }
            ]
        },
        {
            "skills": [
                {
                    "id": "i",
                    "name": "n",
                    "description": "d",
                    "tags": ["t"],
                    "examples": ["e"],
                    "inputModes": ["text"],
                    "outputModes": ["text"],
                    "security": [{"schemes": {"a": {"list": ["read"]}}}],
                }
            ]
        },
    ),
    *(
        _card("SecurityScheme", str(old["type"]), *_schemes(new, old))
        for new, old in (
            (
                {"apiKeySecurityScheme": {"location": "header", "name": "X-Key", "description": "d"}},
                {"type": "apiKey", "in": "header", "name": "X-Key", "description": "d"},
            ),
            (
                {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
                {"type": "http", "scheme": "Bearer", "bearerFormat": "JWT"},
            ),
            (
                {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://o"}},
                {"type": "openIdConnect", "openIdConnectUrl": "https://o"},
            ),
            ({"mtlsSecurityScheme": {}}, {"type": "mutualTLS"}),
            (
                {"oauth2SecurityScheme": {"flows": {}, "oauth2MetadataUrl": "https://m"}},
                {"type": "oauth2", "flows": {}, "oauth2MetadataUrl": "https://m"},
            ),
        )
    ),
    _card(
        "SecurityScheme",
        "none of these",
        {"securitySchemes": {"s": {}}},
        {"securitySchemes": {}},
        {"securitySchemes": {"s": {}}},
        from_json={},
    ),
    *(
        _card("OAuthFlows", name, *_schemes(*_flow({name: flow}, {name: flow})))
        for name, flow in (
            (
                "authorizationCode",
                {"authorizationUrl": "https://a", "tokenUrl": "https://t", "refreshUrl": "https://r", "scopes": {"s": "d"}},
            ),
            ("clientCredentials", {"tokenUrl": "https://t", "refreshUrl": "https://r", "scopes": {"s": "d"}}),
            ("implicit", {"authorizationUrl": "https://a", "refreshUrl": "https://r", "scopes": {"s": "d"}}),
            ("password", {"tokenUrl": "https://t", "refreshUrl": "https://r", "scopes": {"s": "d"}}),
        )
    ),
    _card(
        "OAuthFlows",
        "no device code",
        *_schemes(
            *_flow({"deviceCode": {"tokenUrl": "https://t"}}, {}), proto={"oauth2SecurityScheme": {"flows": {}}}
        ),
        from_json={"securitySchemes": {"s": {"oauth2SecurityScheme": {"flows": {}}}}},
        from_proto={"securitySchemes": {"s": {"oauth2SecurityScheme": {"flows": {}}}}},
    ),
    _card(
        "AuthorizationCodeOAuthFlow.pkceRequired",
        "no room for it",
        *_schemes(
            *_flow(
                {"authorizationCode": {"tokenUrl": "https://t", "pkceRequired": True}},
                {"authorizationCode": {"authorizationUrl": "", "tokenUrl": "https://t", "scopes": {}}},
            ),
            proto={"oauth2SecurityScheme": {"flows": {"authorizationCode": {"tokenUrl": "https://t"}}}},
        ),
        from_json={
            "securitySchemes": {"s": {"oauth2SecurityScheme": {"flows": {"authorizationCode": {"tokenUrl": "https://t"}}}}}
        },
        from_proto={
            "securitySchemes": {"s": {"oauth2SecurityScheme": {"flows": {"authorizationCode": {"tokenUrl": "https://t"}}}}}
        },
    ),
    _card(
        "AgentCard.signatures",
        "left out, beside what goes over as it is",
        {
            "signatures": [{"protected": "p", "signature": "s"}],
            "provider": {"url": "https://p", "organization": "o"},
            "documentationUrl": "https://d",
            "iconUrl": "https://i",
        },
        {"provider": {"url": "https://p", "organization": "o"}, "documentationUrl": "https://d", "iconUrl": "https://i"},
        {"provider": {"url": "https://p", "organization": "o"}, "documentationUrl": "https://d", "iconUrl": "https://i"},
        **{
            leg: {
                "provider": {"url": "https://p", "organization": "o"},
                "documentationUrl": "https://d",
                "iconUrl": "https://i",
            }
            for leg in ("from_json", "from_proto")
        },
    ),
)

EXAMPLES: tuple[Example, ...] = (*MESSAGES, *TASKS, *REQUESTS, *WEBHOOKS, *CARDS)
