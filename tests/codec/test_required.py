"""What a request must have: the first thing that is missing is named by its path."""

import pytest
from protobuf import Message

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.codec.required import check_required
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal
from tests.golden.rows import MESSAGES, Row

BOUNDS = Bounds()

PART = '{"text":"a"}'
MESSAGE = '{"messageId":"m","role":"ROLE_USER","parts":[{"text":"a"}]}'


def request(message_type: type[Message], text: str) -> Message:
    """The request that a row's text stands for; PART and MESSAGE in it stand for good ones."""
    return protojson.decode(message_type, text.replace("PART", PART).replace("MESSAGE", MESSAGE).encode(), BOUNDS)


MISSING = [
    ("no message", a2a.SendMessageRequest, "{}", "message"),
    ("an empty message", a2a.SendMessageRequest, '{"message":{}}', "message.messageId"),
    (
        "an empty id",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"","role":"ROLE_USER","parts":[PART]}}',
        "message.messageId",
    ),
    ("no role", a2a.SendMessageRequest, '{"message":{"messageId":"m","parts":[PART]}}', "message.role"),
    (
        "an unspecified role",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"m","role":"ROLE_UNSPECIFIED","parts":[PART]}}',
        "message.role",
    ),
    ("no parts", a2a.SendMessageRequest, '{"message":{"messageId":"m","role":"ROLE_USER"}}', "message.parts"),
    (
        "a list of no parts",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"m","role":"ROLE_USER","parts":[]}}',
        "message.parts",
    ),
    (
        "a part without content",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"m","role":"ROLE_USER","parts":[PART,{"filename":"x"}]}}',
        "message.parts[1]",
    ),
    (
        "a webhook without an address",
        a2a.SendMessageRequest,
        '{"message":MESSAGE,"configuration":{"taskPushNotificationConfig":{}}}',
        "configuration.taskPushNotificationConfig.url",
    ),
    (
        "a webhook with half a login",
        a2a.SendMessageRequest,
        '{"message":MESSAGE,"configuration":{"taskPushNotificationConfig":'
        '{"url":"u","authentication":{"credentials":"c"}}}}',
        "configuration.taskPushNotificationConfig.authentication.scheme",
    ),
    ("no task to get", a2a.GetTaskRequest, '{"tenant":"x","historyLength":1}', "id"),
    ("no task to cancel", a2a.CancelTaskRequest, "{}", "id"),
    ("no task to follow", a2a.SubscribeToTaskRequest, "{}", "id"),
    ("no webhook to register", a2a.TaskPushNotificationConfig, '{"taskId":"t"}', "url"),
    ("a webhook of no task", a2a.GetTaskPushNotificationConfigRequest, '{"id":"c"}', "taskId"),
    ("no webhook to get", a2a.GetTaskPushNotificationConfigRequest, '{"taskId":"t"}', "id"),
    ("no webhook to delete", a2a.DeleteTaskPushNotificationConfigRequest, '{"taskId":"t"}', "id"),
    ("webhooks of no task", a2a.ListTaskPushNotificationConfigsRequest, "{}", "taskId"),
]


@pytest.mark.parametrize(("message_type", "text", "path"), named(MISSING))
def test_what_is_missing_is_named(message_type: type[Message], text: str, path: str) -> None:
    message = request(message_type, text)
    error = refusal(lambda: check_required(message))
    assert error.path == path
    assert error.problem.endswith("is required")


ENOUGH = [
    ("a message", a2a.SendMessageRequest, '{"message":MESSAGE}'),
    ("an empty text", a2a.SendMessageRequest, '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"text":""}]}}'),
    (
        "data that is null",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"data":null}]}}',
    ),
    ("no bytes", a2a.SendMessageRequest, '{"message":{"messageId":"m","role":"ROLE_USER","parts":[{"raw":""}]}}'),
    (
        "a role from a later version",
        a2a.SendMessageRequest,
        '{"message":{"messageId":"m","role":7,"parts":[PART]}}',
    ),
    ("a list of everything", a2a.ListTasksRequest, "{}"),
    ("the extended card", a2a.GetExtendedAgentCardRequest, "{}"),
]


@pytest.mark.parametrize(("message_type", "text"), named(ENOUGH))
def test_what_is_enough(message_type: type[Message], text: str) -> None:
    check_required(request(message_type, text))


@pytest.mark.parametrize("row", [row for row in MESSAGES if "JSON-RPC request" in row], ids=lambda row: row.name)
def test_the_golden_requests_have_it_all(row: Row) -> None:
    check_required(protojson.decode(getattr(a2a, row["message"]), row["JSON"].encode(), BOUNDS))
