"""What is posted, in both versions: to the letter, and read back by the codec and by the receiving side."""

import json
from typing import Any

import pytest
from protobuf import Oneof
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway import __version__
from gateway.codec.form import JSON_1_0
from gateway.codec.jsontext import load
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3 import forms
from gateway.codec.v0_3.choices import Choices
from gateway.tasks.push import incoming
from gateway.tasks.push.notification import notification, trimmed, whole
from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import (
    Artifact,
    AuthenticationInfo,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

BOUNDS = Bounds()
WHEN = Timestamp(seconds=1_700_000_000)
STATUS = TaskStatus(
    state=TaskState.COMPLETED,
    timestamp=WHEN,
    message=Message(message_id="m2", role=Role.AGENT, parts=[Part(content=Oneof("text", "done"))]),
)
ARTIFACT = Artifact(artifact_id="a", parts=[Part(content=Oneof("text", "hällo"))])
TASK = Task(id="t", context_id="c", status=STATUS, artifacts=[ARTIFACT])

STATUS_UPDATE = StreamResponse(
    payload=Oneof("status_update", TaskStatusUpdateEvent(task_id="t", context_id="c", status=STATUS))
)
ARTIFACT_UPDATE = StreamResponse(
    payload=Oneof(
        "artifact_update",
        TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=ARTIFACT, append=True, last_chunk=True),
    )
)

NEW_STATUS = {
    "state": "TASK_STATE_COMPLETED",
    "message": {"messageId": "m2", "role": "ROLE_AGENT", "parts": [{"text": "done"}]},
    "timestamp": "2023-11-14T22:13:20Z",
}
BODIES: list[tuple[str, str, StreamResponse, Any]] = [
    (
        "status update in 1.0",
        "1.0",
        STATUS_UPDATE,
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": NEW_STATUS}},
    ),
    (
        "artifact update in 1.0",
        "1.0",
        ARTIFACT_UPDATE,
        {
            "artifactUpdate": {
                "taskId": "t",
                "contextId": "c",
                "artifact": {"artifactId": "a", "parts": [{"text": "hällo"}]},
                "append": True,
                "lastChunk": True,
            }
        },
    ),
    (
        "task in 1.0",
        "1.0",
        whole(TASK),
        {
            "task": {
                "id": "t",
                "contextId": "c",
                "status": NEW_STATUS,
                "artifacts": [{"artifactId": "a", "parts": [{"text": "hällo"}]}],
            }
        },
    ),
    (
        "task in 0.3",
        "0.3",
        whole(TASK),
        {
            "kind": "task",
            "id": "t",
            "contextId": "c",
            "status": {
                "state": "completed",
                "message": {
                    "kind": "message",
                    "messageId": "m2",
                    "role": "agent",
                    "parts": [{"kind": "text", "text": "done"}],
                },
                "timestamp": "2023-11-14T22:13:20Z",
            },
            "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "hällo"}]}],
        },
    ),
    (
        "trimmed task in 1.0",
        "1.0",
        trimmed(TASK),
        {"task": {"id": "t", "contextId": "c", "status": NEW_STATUS}},
    ),
]


def hook(version: str = "1.0", **config: Any) -> Hook:
    return Hook(TaskPushNotificationConfig(id="h", task_id="t", url="https://hooks.test/x", **config), version)


@pytest.mark.parametrize(("version", "response", "body"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_bodies(version: str, response: StreamResponse, body: Any) -> None:
    posted = notification(hook(version), response, {}, BOUNDS, Choices())
    assert json.loads(posted.body) == body
    form = forms.json_rpc(Choices()) if version == "0.3" else JSON_1_0
    assert form.read_event(load(posted.body, BOUNDS), BOUNDS) == response
    assert incoming.read(posted.body, BOUNDS) == response
    assert incoming.task_id_of(response) == "t"


TRACE = {"traceparent": "00-ab-cd-01", "tracestate": "x=y", "baggage": "user=1", "authorization": "Bearer caller"}
BEARER = AuthenticationInfo(scheme="Bearer", credentials="s3")
HEADERS: list[tuple[str, Hook, dict[str, str], dict[str, str]]] = [
    ("1.0", hook(), {}, {"content-type": "application/a2a+json"}),
    ("0.3", hook("0.3"), {}, {"content-type": "application/json"}),
    ("token", hook(token="k"), {}, {"content-type": "application/a2a+json", "x-a2a-notification-token": "k"}),
    (
        "authentication and token",
        hook("0.3", token="k", authentication=BEARER),
        {},
        {"content-type": "application/json", "x-a2a-notification-token": "k", "authorization": "Bearer s3"},
    ),
    (
        "a scheme without credentials",
        hook(authentication=AuthenticationInfo(scheme="Bearer")),
        {},
        {"content-type": "application/a2a+json"},
    ),
    (
        "trace context and nothing else of the caller",
        hook(),
        TRACE,
        {"content-type": "application/a2a+json", "traceparent": "00-ab-cd-01", "tracestate": "x=y"},
    ),
]


@pytest.mark.parametrize(("given", "trace", "headers"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_headers(given: Hook, trace: dict[str, str], headers: dict[str, str]) -> None:
    posted = notification(given, whole(TASK), trace, BOUNDS, Choices())
    assert posted.headers == {"user-agent": f"a2a-gateway/{__version__}", **headers}
    assert posted.url == "https://hooks.test/x"


def test_what_is_too_large_is_not_written() -> None:
    with pytest.raises(Malformed) as caught:
        notification(hook(), whole(TASK), {}, Bounds(json_bytes=100), Choices())
    assert caught.value.too_large
