"""The published Python package of the delta extension, asked by JSON lines: runs in its own environment.

Each line of stdin is one question, each line of stdout its answer: `applied` by its patch functions, `seen` by its
client, `yielded` by its accumulator, `streamed` by its client from an agent. What it raises is answered as `error`.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from a2a.types import Message, Part, StreamResponse
from google.protobuf.json_format import MessageToDict, ParseDict
from kagenti_adk.a2a.extensions.streaming import StreamingExtensionClient, StreamingExtensionSpec
from kagenti_adk.a2a.types import Metadata
from kagenti_adk.server.accumulator import MessageAccumulator
from kagenti_adk.server.jsonpatch_ext import ExtendedJsonPatch

from tests.interop.adk_client import form, streamed


def applied(patches: list[Any]) -> Any:
    """The draft that patches make, one after the other."""
    draft: Any = {}
    for patch in patches:
        draft = ExtendedJsonPatch(patch).apply(draft)
    return draft


def seen(events: list[Any]) -> list[Any]:
    """What its client makes of a stream."""

    async def stream() -> AsyncIterator[Any]:
        for event in events:
            yield ParseDict(event, StreamResponse()), None

    async def collect() -> list[Any]:
        client = StreamingExtensionClient(StreamingExtensionSpec())
        return [form(delta) async for delta, _ in client.stream(stream())]

    return asyncio.run(collect())


def yielded(values: list[list[Any]]) -> dict[str, Any]:
    """The patches and the message that its accumulator makes of yields."""
    kinds = {"text": str, "metadata": Metadata, "part": lambda part: ParseDict(part, Part()), "data": dict}
    accumulator = MessageAccumulator()
    patches: list[Any] = []
    for kind, value in values:
        patch = accumulator.process(kinds[kind](value)).patch
        if patch:
            patches.append(patch)
    message: Message | None = accumulator.flush()
    return {"patches": patches, "message": None if message is None else MessageToDict(message)}


DOES: dict[str, Callable[[Any], Any]] = {"applied": applied, "seen": seen, "yielded": yielded, "streamed": streamed}


def main() -> None:
    for line in sys.stdin:
        ask = json.loads(line)
        try:
            answer = {"answer": DOES[ask["do"]](ask["with"])}
        except Exception as error:
            answer = {"error": type(error).__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
