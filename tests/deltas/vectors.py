"""The vectors that the readers in Python and in JavaScript share, and changes in the form they have there."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from protobuf import Message as ProtoMessage

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.deltas.changes import Change, MessageCompleted, TaskSeen
from gateway.deltas.client import Client
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState

FILE = Path(__file__).with_name("vectors.json")
BOUNDS = Bounds()


def vectors() -> Any:
    return json.loads(FILE.read_text())


def event_of(value: Mapping[str, Any]) -> StreamResponse:
    return protojson.from_value(StreamResponse, json.loads(json.dumps(value)), BOUNDS)


def changes_of(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    client = Client()
    return [json_of(change) for event in events for change in client.feed(event_of(event))]


def json_of(change: Change) -> dict[str, Any]:
    """A change as the JavaScript module gives it; whole messages and tasks by their ids."""
    name = type(change).__name__
    made: dict[str, Any] = {"type": name[0].lower() + name[1:]}
    match change:
        case MessageCompleted(message=message):
            return {**made, "messageId": message.message_id}
        case TaskSeen(task=task):
            return {**made, "taskId": task.id}
        case _:
            for field in fields(change):
                first, *rest = field.name.split("_")
                made[first + "".join(map(str.title, rest))] = _plain(getattr(change, field.name))
            return made


def _plain(value: Any) -> Any:
    if isinstance(value, ProtoMessage):
        return protojson.to_value(value, BOUNDS)
    if isinstance(value, TaskState):
        return f"TASK_STATE_{value.name}"
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
