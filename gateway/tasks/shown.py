"""What a worker is given and what it yields, as JSON for whoever watches the wire: a worker has no wire of its own."""

import json
from typing import cast

from protobuf import Message as ProtoMessage

from gateway.codec.jsontext import JsonValue, dump
from gateway.worker import Ask, Chunk, Data, Metadata, Status, Yield
from generated.a2a.v1.a2a_pb import Artifact, Message, Part

BINDING = "WORKER"


def written(given: Yield) -> bytes:
    """One JSON text: a string for a string, else an object with one member that names what it is."""
    return dump(_value(given))


def _value(given: Yield) -> JsonValue:
    match given:
        case str():
            return given
        case Part():
            return {"part": _message(given)}
        case Data(value, media_type):
            return {"data": value, "mediaType": media_type}
        case Metadata(values):
            return {"metadata": dict(values)}
        case Message():
            return {"message": _message(given)}
        case Artifact():
            return {"artifact": _message(given)}
        case Chunk():
            parts: list[JsonValue] = [_message(part) for part in given.parts]
            chunk: dict[str, JsonValue] = {"artifactId": given.artifact_id, "parts": parts}
            return {"chunk": {**chunk, "last": True} if given.last else chunk}
        case Status(state, message):
            return {"status": {"state": f"TASK_STATE_{state.name}", **_said(message)}}
        case Ask(message, auth):
            return {"ask": {**_said(message), **({"auth": True} if auth else {})}}


def _said(message: Message | str | None) -> dict[str, JsonValue]:
    if message is None:
        return {}
    return {"message": message if isinstance(message, str) else _message(message)}


def _message(message: ProtoMessage) -> JsonValue:
    return cast(JsonValue, json.loads(message.to_json()))
