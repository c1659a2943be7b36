"""A2A 1.0 in the shapes scripts are written in: JSON dicts, and the same as protobuf bytes.

Both fakes and all tables share these dicts, so a row says once what goes over either wire.
"""

import base64
import json
from typing import TypeVar

from protobuf import Message

from generated.a2a.v1 import a2a_pb as a2a

Json = dict[str, "JsonValue"]
JsonValue = None | bool | int | float | str | list["JsonValue"] | Json

TASK_ID, CONTEXT_ID = "task-1", "context-1"
WORKING, COMPLETED, FAILED = "TASK_STATE_WORKING", "TASK_STATE_COMPLETED", "TASK_STATE_FAILED"
CANCELED, INPUT_REQUIRED = "TASK_STATE_CANCELED", "TASK_STATE_INPUT_REQUIRED"

AnyMessage = TypeVar("AnyMessage", bound=Message)


def text_part(text: str) -> Json:
    return {"text": text}


def raw_part(content: bytes, media_type: str = "application/octet-stream") -> Json:
    return {"raw": base64.b64encode(content).decode(), "mediaType": media_type}


def data_part(value: JsonValue) -> Json:
    return {"data": value}


def bare_message(
    text: str = "hello", *, message_id: str = "message-1", role: str = "ROLE_AGENT", **more: JsonValue
) -> Json:
    """A Message as it stands inside others."""
    return {"messageId": message_id, "role": role, "parts": [text_part(text)], **more}


def bare_task(task_id: str = TASK_ID, *, state: str = WORKING, context_id: str = CONTEXT_ID, **more: JsonValue) -> Json:
    """A Task as GetTask and CancelTask answer it."""
    return {"id": task_id, "contextId": context_id, "status": {"state": state}, **more}


def message(text: str = "hello", *, message_id: str = "message-1", task_id: str = "") -> Json:
    """The stream event, and the answer of SendMessage, that is a Message."""
    belongs: Json = {"taskId": task_id} if task_id else {}
    return {"message": {**bare_message(text, message_id=message_id), **belongs}}


def task(task_id: str = TASK_ID, *, state: str = WORKING, context_id: str = CONTEXT_ID, **more: JsonValue) -> Json:
    """The stream event, and the answer of SendMessage, that is a Task."""
    return {"task": bare_task(task_id, state=state, context_id=context_id, **more)}


def status(
    state: str = WORKING,
    *,
    text: str | None = None,
    task_id: str = TASK_ID,
    context_id: str = CONTEXT_ID,
    **more: JsonValue,
) -> Json:
    """A status update."""
    said: Json = {} if text is None else {"message": bare_message(text)}
    return {"statusUpdate": {"taskId": task_id, "contextId": context_id, "status": {"state": state, **said}, **more}}


def artifact(
    text: str = "chunk",
    *,
    artifact_id: str = "artifact-1",
    append: bool = False,
    last_chunk: bool = False,
    task_id: str = TASK_ID,
    context_id: str = CONTEXT_ID,
    **more: JsonValue,
) -> Json:
    """An artifact update of one text part."""
    flags: Json = {name: True for name, is_set in (("append", append), ("lastChunk", last_chunk)) if is_set}
    chunk: Json = {"artifactId": artifact_id, "parts": [text_part(text)]}
    return {"artifactUpdate": {"taskId": task_id, "contextId": context_id, "artifact": chunk, **flags, **more}}


def numbered(number: int, size_bytes: int = 0, *, task_id: str = TASK_ID) -> Json:
    """Event number n of a flood: an appended chunk "n:xxx…" of at least `size_bytes` of text."""
    return artifact(f"{number}:".ljust(size_bytes, "x"), append=number > 0, task_id=task_id)


def number_of(event: Json) -> int:
    """The number that `numbered` put into an event."""
    match event:
        case {"artifactUpdate": {"artifact": {"parts": [{"text": str(text)}]}}}:
            return int(text.split(":", 1)[0])
        case _:
            raise ValueError(f"not a numbered event: {event}")


def send_params(text: str = "hi", **more: JsonValue) -> Json:
    """A SendMessageRequest."""
    return {"message": bare_message(text, message_id="request-1", role="ROLE_USER"), **more}


def agent_card(url: str, *, binding: str = "JSONRPC", version: str = "1.0", **more: JsonValue) -> Json:
    """A card with every required member and one interface."""
    return {
        "name": "scripted",
        "description": "Does what its script says.",
        "version": "1",
        "supportedInterfaces": [{"url": url, "protocolBinding": binding, "protocolVersion": version}],
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "script", "name": "Script", "description": "Follows it.", "tags": ["test"]}],
        **more,
    }


def to_wire(shape: type[Message], value: Json) -> bytes:
    """JSON dict to the protobuf bytes of a message type."""
    return shape.from_json(json.dumps(value)).to_binary()


def from_wire(shape: type[Message], wire: bytes) -> Json:
    """Protobuf bytes to a JSON dict."""
    return json.loads(shape.from_binary(wire).to_json())


def event_bytes(event: Json) -> bytes:
    """A stream event as gRPC carries it.

    One with two members becomes the bytes of both, one after the other; a protobuf decoder takes the last.
    """
    payloads = [{name: value} for name, value in event.items() if name in _PAYLOADS]
    if len(payloads) > 1:
        return b"".join(to_wire(a2a.StreamResponse, payload) for payload in payloads)
    return to_wire(a2a.StreamResponse, event)


_PAYLOADS = ("task", "message", "statusUpdate", "artifactUpdate")
