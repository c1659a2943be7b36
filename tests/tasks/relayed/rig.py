"""A gateway that records its agent, the wire between the two, and callers that come back."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from gateway.app import Gateway
from gateway.settings import Settings
from tests.fakes import steps
from tests.fakes.callers import Ending, HttpCaller
from tests.fakes.events import TASK_ID, Json, send_params
from tests.fakes.loopback import HOST
from tests.fakes.proxy import TRANSPARENT, Proxy
from tests.tasks.relayed.agents import Fold, OverGrpc, OverJsonRpc, Work

PATIENCE_S = 15.0
RESUME_URI = "urn:a2a-gateway:extension:resume:v1"
Wire = type[OverGrpc] | type[OverJsonRpc]
"""How the agent is spoken to."""
WIRES: tuple[Wire, ...] = (OverGrpc, OverJsonRpc)


@dataclass(slots=True)
class Told:
    """What a caller was told over SSE."""

    events: list[Json] = field(default_factory=list[Json])
    ids: list[str] = field(default_factory=list[str])
    reason: str | None = None
    ending: Ending | None = None

    def fold(self, before: "Told | None" = None) -> Fold:
        fold = Fold()
        for event in [*(before.events if before is not None else ()), *self.events]:
            fold.take(event)
        return fold

    def then(self, later: "Told") -> "Told":
        """Both as one stream."""
        return Told([*self.events, *later.events], [*self.ids, *later.ids], later.reason, later.ending)

    @property
    def gaps(self) -> list[str]:
        """The gaps that events announce, in order."""
        found: list[str] = []
        for event in self.events:
            metadata = cast(Any, next(iter(event.values()))).get("metadata") or {}
            if gap := metadata.get(RESUME_URI, {}).get("gap"):
                found.append(gap)
        return found


class Caller:
    """One JSON-RPC call whose stream is read as far as one likes."""

    def __init__(self, address: str, *, slow: bool = False) -> None:
        self._http = HttpCaller(f"http://{address}/", rcvbuf_bytes=4096 if slow else None)
        self.told = Told()
        self._events: Any = None

    async def __aenter__(self) -> "Caller":
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._http.close()

    async def send(self, text: str = "hi", *more: tuple[str, str], **params: Any) -> None:
        request = send_params(text)
        cast(Any, request)["message"] |= {name: value for name, value in params.items() if name != "configuration"}
        if "configuration" in params:
            request["configuration"] = params["configuration"]
        await self._ask("SendStreamingMessage", request, *more)

    async def send_in_0_3(self) -> None:
        part: Json = {"kind": "text", "text": "hi"}
        message: Json = {"kind": "message", "messageId": "request-1", "role": "user", "parts": [part]}
        self.told = Told()
        await self._http.post("message/stream", {"message": message}, headers=())
        self._events = self._http.events()

    async def subscribe(self, cursor: str | None = None, *more: tuple[str, str], task_id: str = TASK_ID) -> None:
        resuming = () if cursor is None else (("last-event-id", cursor),)
        await self._ask("SubscribeToTask", {"id": task_id}, *resuming, *more)

    async def until(self, events: int) -> Told:
        """Reads until so many events are there."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.told.events) < events:
                assert await self._next(), f"ended after {len(self.told.events)} events: {self.told.reason}"
        return self.told

    async def until_text(self, text: str, before: Told | None = None) -> Told:
        """Reads until an artifact's text ends so, after what was read before."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(one.endswith(text) for one in self.told.fold(before).texts().values()):
                assert await self._next(), f"ended after {len(self.told.events)} events: {self.told.reason}"
        return self.told

    async def end(self) -> Told:
        """Reads to the end."""
        async with asyncio.timeout(PATIENCE_S):
            while await self._next():
                pass
        return self.told

    def leave(self) -> None:
        self._http.reset()

    async def refused(self) -> str | None:
        """Why there is no stream; None where there is one, of which an event is read."""
        async with asyncio.timeout(PATIENCE_S):
            return None if await self._next() else self.told.reason

    async def _ask(self, rpc: str, params: Json, *headers: tuple[str, str]) -> None:
        self.told = Told()
        await self._http.post(rpc, params, headers=(("a2a-version", "1.0"), *headers))
        self._events = self._http.events()

    async def _next(self) -> bool:
        async for event in self._events:
            self._note(json.loads(event.data), event.last_id)
            return True
        received = self._http.received
        self.told.ending = received.ending
        if received.header("content-type") == "application/json" and self.told.reason is None:
            self._note(cast(Json, received.json()), "")
        return False

    def _note(self, envelope: Any, cursor: str) -> None:
        if "error" in envelope:
            details = envelope["error"].get("data") or []
            self.told.reason = next(detail["reason"] for detail in details if "reason" in detail)
            return
        assert self.told.reason is None, "an event after the error"
        self.told.events.append(envelope["result"])
        self.told.ids.append(cursor)


@dataclass(slots=True)
class Rig:
    """A gateway, its agent, and the wire between them."""

    agent: OverGrpc | OverJsonRpc
    proxy: Proxy
    gateway: Gateway

    @property
    def work(self) -> Work:
        return self.agent.work

    def caller(self, **how: Any) -> Caller:
        return Caller(self.gateway.http, **how)

    def cut(self) -> None:
        """Breaks every connection to the agent."""
        for link in self.proxy.links:
            if not link.ended.is_set():
                link.cut(reset=True)

    async def cut_while(self, events: int | None) -> None:
        """Breaks every connection to the agent, which goes on with so many events before it can be reached again."""
        await self.proxy.refuse()
        self.cut()
        self.work.release(events)
        await self.proxy.listen()

    async def opened(self, times: int) -> None:
        """Returns once so many streams of the task have begun in all."""
        await steps.until(lambda: self.work.opened >= times, PATIENCE_S)


def settings(agents: Sequence[Json], store: str, **tasks: Any) -> Settings:
    given = {"resume_retry_s": 0.02, "write_s": 0.005, "lease_s": 3.0, **tasks}
    return Settings.model_validate(
        {
            "http": f"{HOST}:0",
            "grpc": f"{HOST}:0",
            "agents": [{"name": "agent", "resume": True, **one} for one in agents],
            "store": store,
            "tasks": given,
            "forward_headers": ["x-key"],
        }
    )


@asynccontextmanager
async def rig(
    wire: Wire,
    events: Sequence[Json],
    *,
    store: str = "sqlite://",
    plans: Any = (TRANSPARENT,),
    agent: Any = None,
    **tasks: Any,
) -> AsyncIterator[Rig]:
    """A gateway before an agent that has these events to give."""
    served = agent or wire(Work(list(events)))
    async with (
        served.serving(),
        Proxy(HOST, served.port, plans) as proxy,
        Gateway(settings([served.settings(proxy.port)], store, **tasks)) as gateway,
    ):
        yield Rig(served, proxy, gateway)
