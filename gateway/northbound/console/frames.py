"""What a console is told of a frame: where and when it crossed, how large it was, what it says. PURE."""

import base64
import json

from gateway.agent import Crossing, ReadFrame
from gateway.codec.jsontext import JsonValue


def told(crossing: Crossing, at_ms: float, most_bytes: int) -> dict[str, JsonValue]:
    """A crossing as a JSON object.

    `text` is the frame as a person reads it: as it stands, or the JSON of a protobuf message (absent
    where that cannot be read). `raw` has the bytes of a protobuf message in base64. Both are cut at
    `most_bytes`, and `bytes` is the true size.
    """
    made: dict[str, JsonValue] = {
        "call": crossing.call,
        "side": crossing.side,
        "binding": crossing.binding,
        "direction": crossing.direction,
        "at": round(at_ms, 3),
        "bytes": len(crossing.frame),
    }
    beginning = crossing.frame[:most_bytes]
    if crossing.read is None:
        made["text"] = beginning.decode("utf-8", "ignore")
    else:
        made["raw"] = base64.b64encode(beginning).decode()
        if (text := _json_of(crossing.read, crossing.frame)) is not None:
            made["text"] = text[:most_bytes]
    return made


def _json_of(read: ReadFrame, frame: bytes) -> str | None:
    try:
        return json.dumps(json.loads(read(frame).to_json()), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
