"""A console without a browser: reads the feed of the wire, and speaks JSON-RPC to the gateway meanwhile."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.app import Gateway
from tests.fakes import events
from tests.fakes.sse_reader import SseReader

Json = dict[str, Any]


@dataclass(slots=True)
class Watching:
    """A feed that is being read."""

    response: httpx.Response
    _events: AsyncIterator[tuple[str, Json]]

    async def next(self) -> tuple[str, Json]:
        """The next event of the feed: its name and its data. Raises StopAsyncIteration at its end."""
        return await anext(self._events)

    async def frames(self, count: int) -> list[Json]:
        """The next frames."""
        found: list[Json] = []
        while len(found) < count:
            name, data = await self.next()
            assert name == "frame", name
            found.append(data)
        return found


@asynccontextmanager
async def watching(gateway: Gateway) -> AsyncGenerator[Watching]:
    async with (
        httpx.AsyncClient(timeout=20, trust_env=False) as client,
        client.stream("GET", f"http://{gateway.http}/console/wire") as response,
    ):
        it = Watching(response, _read(response))
        assert await it.next() == ("watching", {"processes": 1})
        yield it


async def _read(response: httpx.Response) -> AsyncIterator[tuple[str, Json]]:
    reader = SseReader()
    async for piece in response.aiter_raw():
        for event in reader.feed(piece):
            yield event.name, json.loads(event.data)


async def ask(gateway: Gateway, agent: str, text: str = "hi", **headers: str) -> tuple[str, list[bytes]]:
    """Streams a message over JSON-RPC: the name that the gateway gave the call, and the frames as they came."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": events.send_params(text)}
    async with (
        httpx.AsyncClient(timeout=20, trust_env=False) as client,
        client.stream("POST", f"http://{gateway.http}/{agent}/", json=body, headers=headers) as response,
    ):
        text_of_it = b"".join([piece async for piece in response.aiter_raw()])
        return response.headers["a2a-gateway-call"], [f + b"\n\n" for f in text_of_it.split(b"\n\n") if f]
