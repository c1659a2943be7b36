"""An agent of kagenti-adk as a program: runs in its own environment (see `tools.peers`).

Serves JSON-RPC at /jsonrpc/ and HTTP+JSON, its card at the root. Prints one line when it is ready, `{"url": URL}`. What it
does is the first word that it is told: `talk`, `interrupt`, `empty`, `artifact`, `ask` or `break`.
"""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

from a2a.types import Message, Part
from kagenti_adk.a2a.types import AgentMessage, ArtifactChunk, InputRequired, Metadata
from kagenti_adk.server import Server

PAUSE_S = 0.005
"""Between tokens, so that each is an event of its own."""

server = Server()


async def talk() -> AsyncGenerator[Any, Any]:
    for token in ("Hel", "lo ", "w\U0001f600r", "ld"):
        yield token
    yield Metadata({"model": "small"})
    yield Part(text="!", media_type="text/markdown")


async def interrupt() -> AsyncGenerator[Any, Any]:
    """A message that ends what was under construction, and then another."""
    yield "One"
    yield " and"
    yield AgentMessage(text="a half.")
    yield "Two"
    yield " more."


async def empty() -> AsyncGenerator[Any, Any]:
    """Its own patches of this cannot be applied; only the message is right."""
    for token in ("", "Hello", " world"):
        yield token


async def artifact() -> AsyncGenerator[Any, Any]:
    yield "Writing: "
    for word in ("one ", "two ", "three"):
        yield ArtifactChunk([Part(text=word)], "text", name="Numbers", last_chunk=word == "three")
    yield "done."


async def ask() -> AsyncGenerator[Any, Any]:
    yield "Let me"
    yield " see. "
    answer = yield InputRequired(text="Which?")
    yield "So "
    yield answer.parts[0].text


async def breaks() -> AsyncGenerator[Any, Any]:
    yield "Half a"
    yield " sentence"
    raise RuntimeError("on purpose")


DOES = {"talk": talk, "interrupt": interrupt, "empty": empty, "artifact": artifact, "ask": ask, "break": breaks}


@server.agent(name="adk", description="Does what it is told")
async def agent(message: Message) -> AsyncGenerator[Any, Any]:
    run = DOES[message.parts[0].text.split()[0]]()
    answer: Any = None
    while True:
        try:
            produced = await run.asend(answer)
        except StopAsyncIteration:
            return
        answer = yield produced
        await asyncio.sleep(PAUSE_S)


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        serving = asyncio.create_task(
            server.serve(
                fd=listening.fileno(), url=url, self_registration=False, configure_logger=False, log_level="warning"
            )
        )
        while server.server is None or not server.server.started:
            await asyncio.sleep(0.01)
            if serving.done():
                break
        else:
            print(json.dumps({"url": url}), flush=True)
        await serving


if __name__ == "__main__":
    asyncio.run(main())
