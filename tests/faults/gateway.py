"""The gateway between a caller and an agent of the rig, and both of them in the same words either way.

A `Way` is a direction: a JSON-RPC caller of a gRPC agent, or a gRPC caller of a JSON-RPC agent. What
only one wire can do, tests ask of its fake, which is at hand as `fake`.
"""

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, cast

import pytest
from protobuf import Message

from gateway.app import Gateway
from gateway.operations import BY_NAME
from gateway.settings import AgentSettings, Limits, Settings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import http_steps, scripted_grpc, steps
from tests.fakes.callers import Ending, GrpcCaller, GrpcStream, HttpCaller
from tests.fakes.events import COMPLETED, Json, JsonValue, artifact, from_wire, status, task, to_wire
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.fakes.sse_reader import SseEvent

STREAM, UNARY = "SendStreamingMessage", "SendMessage"
CUT = "CUT"
"""The reason of a call whose connection ended without a word."""
EVENTS: list[Json] = [task(), artifact("one"), artifact("two", append=True), status(COMPLETED)]
"""A short stream that ends well."""

MIB = 1024 * 1024
PATIENCE_S = 10.0
"""For what takes a moment; nothing waits for it to pass unless something is wrong."""


@asynccontextmanager
async def in_front_of(*urls: str, limits: Json | None = None, **settings: Any) -> AsyncIterator[Gateway]:
    """The gateway with these agents; the first one is the default one."""
    agents = tuple(
        AgentSettings.model_validate({"name": f"agent-{number}", "url": url}) for number, url in enumerate(urls)
    )
    given = Settings(
        http="127.0.0.1:0",
        grpc="127.0.0.1:0",
        agents=agents,
        limits=Limits.model_validate(limits or {}),
        **settings,
    )
    async with Gateway(given) as gateway:
        yield gateway


def calls_under_way(gateway: Gateway) -> int:
    return len(gateway._calls)  # pyright: ignore[reportPrivateUsage] - the figure of /readyz?verbose, without a connection


async def until_idle(gateway: Gateway) -> None:
    await steps.until(lambda: calls_under_way(gateway) == 0, PATIENCE_S)


@dataclass(slots=True)
class Told:
    """What a caller was told: the results in order, and how it ended."""

    results: list[Json] = field(default_factory=list[Json])
    reason: str | None = None
    """`ErrorInfo.reason`, else the name of the status, else CUT; None where the call ended well."""
    text: str = ""
    errors: int = 0
    """How many errors were told; a second one, or a result after it, would be one too many."""
    late: int = 0
    """Results after an error."""


# Callers


class Addressed(Protocol):
    """Where a gateway is: this process's, or one that was started."""

    http: str
    grpc: str


_OWN_CANCEL = "Locally cancelled by application!"


class Caller(Protocol):
    """Makes one call after another over one connection; what is not asked for is not read."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...

    async def ask(self, rpc: str, request: Json) -> None:
        """Sends a request."""
        ...

    async def result(self) -> Json:
        """The next result. Raises AssertionError where there is none."""
        ...

    async def told(self) -> Told:
        """Everything, to the end."""
        ...

    def leave(self, how: str) -> None:
        """Goes away in one of its `exits`."""
        ...

    @property
    def left_at(self) -> float | None: ...


class JsonRpcCaller:
    """A caller over JSON-RPC and SSE."""

    def __init__(self, gateway: Addressed, *, port: int | None = None, slow: bool = False) -> None:
        address = gateway.http if port is None else f"127.0.0.1:{port}"
        self.fake = HttpCaller(f"http://{address}/", rcvbuf_bytes=4096 if slow else None)
        self._told = Told()
        self._events: AsyncIterator[SseEvent] | None = None

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.fake.close()

    @property
    def left_at(self) -> float | None:
        return self.fake.left_at

    async def ask(self, rpc: str, request: Json) -> None:
        self._told = Told()
        await self.fake.post(rpc, request)
        self._events = self.fake.events()

    async def result(self) -> Json:
        before = len(self._told.results)
        assert self._events is not None
        async for event in self._events:
            self._note(json.loads(event.data))
            assert len(self._told.results) == before + 1, self._told
            return self._told.results[-1]
        raise AssertionError(f"no further result: {self._told}")

    async def told(self) -> Told:
        assert self._events is not None
        async with asyncio.timeout(PATIENCE_S):
            async for event in self._events:
                self._note(json.loads(event.data))
        received = self.fake.received
        if received.header("content-type") == "application/json":
            self._note(cast(Json, received.json()))
        if received.ending is not Ending.WHOLE and self._told.reason is None:
            self._told.reason = CUT
        return self._told

    def leave(self, how: str) -> None:
        {"FIN": self.fake.close, "RST": self.fake.reset}[how]()

    def _note(self, envelope: Json) -> None:
        told = self._told
        match envelope:
            case {"error": {"message": str(text), "data": [*details]}}:
                told.errors += 1
                told.text = text
                told.reason = next(
                    str(detail["reason"]) for detail in details if isinstance(detail, dict) and "reason" in detail
                )
            case {"result": dict(value)}:
                told.late += told.errors
                told.results.append(cast(Json, value))
            case _:
                raise AssertionError(f"neither a result nor an error that says why: {envelope}")


class GrpcSideCaller:
    """A caller over gRPC."""

    def __init__(self, gateway: Addressed, *, port: int | None = None, slow: bool = False) -> None:
        # Else the caller's own library would read ahead of it, by megabytes.
        options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)] if slow else []
        self.fake = GrpcCaller(gateway.grpc if port is None else f"127.0.0.1:{port}", options=options)
        self.stream: GrpcStream | None = None
        self._messages: AsyncIterator[bytes] | None = None
        self._shape: type[Message] = a2a.StreamResponse
        self._results: list[Json] = []

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.stream is not None and self.stream.outcome.code is None:
            self.stream.cancel()
            await self.stream.finish()
        await self.fake.__aexit__(*exc)

    @property
    def left_at(self) -> float | None:
        return self.stream.left_at if self.stream else None

    async def ask(self, rpc: str, request: Json) -> None:
        operation = BY_NAME[rpc]
        self._shape, self._results = operation.response, []
        self.stream = self.fake.stream(rpc, to_wire(operation.request, request), metadata=(("a2a-version", "1.0"),))
        self._messages = self.stream.messages()

    async def result(self) -> Json:
        assert self._messages is not None
        async for message in self._messages:
            self._results.append(from_wire(self._shape, message))
            return self._results[-1]
        raise AssertionError(f"no further result: {self.stream and self.stream.outcome}")

    async def told(self) -> Told:
        assert self._messages is not None
        assert self.stream is not None
        async with asyncio.timeout(PATIENCE_S):
            async for message in self._messages:
                self._results.append(from_wire(self._shape, message))
        outcome = self.stream.outcome
        assert outcome.code is not None
        if outcome.details == _OWN_CANCEL and self.left_at is None:
            raise TimeoutError(f"told nothing after {len(self._results)} results")  # grpc.aio made a cancel of it
        reason = None if outcome.ok else outcome.reason or outcome.code.name
        return Told(self._results, reason, outcome.details, errors=int(not outcome.ok))

    def leave(self, how: str) -> None:
        assert how == "cancel", how
        assert self.stream is not None
        self.stream.cancel()


# Agents


class Asked(Protocol):
    """One call as the agent got it."""

    @property
    def meter(self) -> steps.Meter: ...


class Agent(Protocol):
    """A scripted agent."""

    @property
    def url(self) -> str: ...
    @property
    def port(self) -> int: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...

    def plays(self, rpc: str, *acts: Any) -> None:
        """What it does when it is asked this."""
        ...

    def event(self, value: Json) -> Any:
        """The act of streaming one event."""
        ...

    def flood(self, make: Callable[[int], Json], count: int | None = None) -> Any:
        """The act of streaming numbered events as fast as they are taken."""
        ...

    def answer(self, value: Json) -> Any:
        """The act of answering SendMessage."""
        ...

    def linger(self) -> Any:
        """The act of staying silent for as long as the caller is there."""
        ...

    def fail(self, text: str) -> Any:
        """The act of ending with TASK_NOT_FOUND and this text."""
        ...

    async def asked(self, rpc: str, number: int = 0) -> Asked:
        """The n-th call of an operation, once it has come."""
        ...

    def asked_times(self, rpc: str) -> int: ...

    def forget(self) -> None:
        """Forgets its script and what it was asked."""
        ...

    async def request(self, rpc: str) -> JsonValue:
        """The last request of an operation, in ProtoJSON."""
        ...

    async def freed_at(self, rpc: str, number: int = 0) -> float:
        """When the n-th call was given up by its caller, by the loop's clock, once it was."""
        ...


class GrpcAgent:
    """An agent over gRPC."""

    def __init__(self) -> None:
        self.fake = ScriptedGrpcAgent({})

    @property
    def url(self) -> str:
        return self.fake.url

    @property
    def port(self) -> int:
        return self.fake.port

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.fake.stop()

    def plays(self, rpc: str, *acts: scripted_grpc.Step) -> None:
        self.fake.scripts = {**cast(dict[str, scripted_grpc.Script], self.fake.scripts), rpc: acts}

    def event(self, value: Json) -> scripted_grpc.Step:
        return scripted_grpc.event(value)

    def flood(self, make: Callable[[int], Json], count: int | None = None) -> scripted_grpc.Step:
        return scripted_grpc.flood(make, count)

    def answer(self, value: Json) -> scripted_grpc.Step:
        return scripted_grpc.answer(value)

    def linger(self) -> scripted_grpc.Step:
        return steps.hang()

    def fail(self, text: str) -> scripted_grpc.Step:
        return scripted_grpc.end(scripted_grpc.grpc.StatusCode.NOT_FOUND, text)

    async def asked(self, rpc: str, number: int = 0) -> scripted_grpc.Call:
        return await self.fake.call(rpc, number, PATIENCE_S)

    def asked_times(self, rpc: str) -> int:
        return len(self.fake.calls_of(rpc))

    def forget(self) -> None:
        self.fake.scripts = {}
        self.fake.calls.clear()

    async def request(self, rpc: str) -> JsonValue:
        await self.asked(rpc)
        return self.fake.calls_of(rpc)[-1].json(BY_NAME[rpc].request)

    async def freed_at(self, rpc: str, number: int = 0) -> float:
        call = await self.asked(rpc, number)
        async with asyncio.timeout(PATIENCE_S):
            await call.cancelled.wait()
        assert call.cancelled_at is not None
        return call.cancelled_at


class JsonRpcAgent:
    """An agent over JSON-RPC and SSE."""

    def __init__(self) -> None:
        # Else its own socket would hide megabytes that the gateway never took.
        self.fake = ScriptedHttpAgent({}, sndbuf_bytes=65536)

    @property
    def url(self) -> str:
        return self.fake.url

    @property
    def port(self) -> int:
        return self.fake.port

    async def __aenter__(self) -> Self:
        await self.fake.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.fake.__aexit__(*exc)

    def plays(self, rpc: str, *acts: http_steps.Step) -> None:
        self.fake.scripts = {**cast(dict[str, http_steps.Script], self.fake.scripts), rpc: acts}

    def event(self, value: Json) -> http_steps.Step:
        return http_steps.sse(value)

    def flood(self, make: Callable[[int], Json], count: int | None = None) -> http_steps.Step:
        return http_steps.flood(make, count)

    def answer(self, value: Json) -> http_steps.Step:
        return http_steps.json_reply(value)

    def linger(self) -> http_steps.Step:
        async def step(exchange: http_steps.HttpExchange) -> None:
            await exchange.connection.gone.wait()
            exchange.end(reset=False)

        return step

    def fail(self, text: str) -> http_steps.Step:
        return http_steps.json_error(-32001, text)

    async def asked(self, rpc: str, number: int = 0) -> http_steps.Request:
        return await self.fake.call(rpc, number, PATIENCE_S)

    def asked_times(self, rpc: str) -> int:
        return len(self.fake.calls(rpc))

    def forget(self) -> None:
        self.fake.scripts = {}
        self.fake.requests.clear()

    async def request(self, rpc: str) -> JsonValue:
        await self.asked(rpc)
        return self.fake.calls(rpc)[-1].member("params")

    async def freed_at(self, rpc: str, number: int = 0) -> float:
        call = await self.asked(rpc, number)
        async with asyncio.timeout(PATIENCE_S):
            await call.connection.gone.wait()
        assert call.connection.gone_at is not None
        return call.connection.gone_at


@dataclass(frozen=True, slots=True)
class Way:
    """One direction through the gateway."""

    name: str
    agent: Callable[[], Agent]
    caller: Callable[..., Caller]
    exits: tuple[str, ...]
    """How its callers can go away."""

    def __str__(self) -> str:
        return self.name


TO_GRPC = Way("JSONRPC to GRPC", GrpcAgent, JsonRpcCaller, ("FIN", "RST"))
TO_JSONRPC = Way("GRPC to JSONRPC", JsonRpcAgent, GrpcSideCaller, ("cancel",))
WAYS = (TO_GRPC, TO_JSONRPC)

both_ways = pytest.mark.parametrize("way", WAYS, ids=str)


@dataclass(slots=True)
class Between:
    """A gateway with its agent, and the way through it."""

    way: Way
    agent: Any
    """Any: an Agent, whose `fake` has what only its wire can do."""
    gateway: Gateway

    def caller(self, **how: Any) -> Any:
        """A Caller, not yet connected. Any: its `fake` has what only its wire can do."""
        return self.way.caller(self.gateway, **how)

    async def ask(self, rpc: str, request: Json) -> Told:
        """Makes one call and takes everything that comes of it."""
        async with self.caller() as caller:
            await caller.ask(rpc, request)
            return cast(Told, await caller.told())


@asynccontextmanager
async def between(way: Way, limits: Json | None = None, **settings: Any) -> AsyncIterator[Between]:
    """An agent, and the gateway in front of it."""
    async with way.agent() as agent, in_front_of(agent.url, limits=limits, **settings) as gateway:
        yield Between(way, agent, gateway)


# Figures


def rss_bytes() -> int:
    """Resident memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Growth:
    before: int
    bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """How much resident memory the block added. Everything of a test is in one process, so this bounds the gateway's."""
    gc.collect()
    measured = Growth(rss_bytes())
    yield measured
    gc.collect()
    measured.bytes = rss_bytes() - measured.before


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def running_tasks() -> int:
    return len(asyncio.all_tasks())


async def settled(tasks: int, files: int) -> None:
    """Returns once no more asyncio tasks run and no more files are open than these."""

    def nothing_left() -> bool:
        gc.collect()  # a channel of a grpc.aio caller lives as long as the cycles that hold it
        return running_tasks() <= tasks and open_files() <= files

    await steps.until(nothing_left, PATIENCE_S, poll_s=0.02)


def now() -> float:
    return asyncio.get_running_loop().time()


def report(row: str, figure: str) -> None:
    """A figure for who reads the output (`pytest -s`); never an assertion."""
    print(f"\n{row}: {figure}")
