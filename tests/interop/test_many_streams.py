"""Many long streams at once through a gateway process: every event, in order, none twice, and nothing kept.

The SDK's client and agent do it first, at their own speed. The long run is between scripted peers, which cost less than
the gateway does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import http_steps, scripted_grpc
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.events import COMPLETED, Json, from_wire, number_of, numbered, send_params, status, task, to_wire
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.interop.memory import GIVES_BACK, resident_bytes
from tests.interop.peers import gateway, sdk_client
from tests.interop.processes import Program

STREAMS = 20


# The SDK


SDK_EVENTS = 100
SDK_WAYS = {"JSONRPC": "/over-grpc/", "GRPC": "/"}
"""Client to the path of the agent that is reached by the other binding."""


@pytest.mark.parametrize("client", SDK_WAYS)
def test_sdk_client_gets_every_event_of_the_sdk_agent(client: str, gateway_by_flags: Program) -> None:
    base = gateway_by_flags.ready["http"] + SDK_WAYS[client]
    figures = sdk_client(base, client, "--count", str(SDK_EVENTS), "--streams", str(STREAMS))
    assert figures.pop("elapsed_s") > 0
    assert figures == {
        "streams": STREAMS,
        "received": [SDK_EVENTS] * STREAMS,
        "in_order_exactly_once": [True] * STREAMS,
        "ended": ["TASK_STATE_COMPLETED"] * STREAMS,
    }


# The long run


EVENTS = 2000
EVENT_BYTES = 1024
MAX_GROWTH_BYTES = 4 * 1024 * 1024
"""A tenth of the text that passes (20 × 2,000 × 1 KiB = 39 MiB): keeping every tenth event, or 100 bytes of each, would
show. What is below it is fragmentation: the same run repeated five times moves VmRSS by 2 MiB in all."""

Events = AsyncIterator[Json]


async def over_http(program: Program) -> Events:
    """A JSON-RPC caller of the gRPC agent."""
    async with HttpCaller(f"{program.ready['http']}/over-grpc/") as caller:
        await caller.post("SendStreamingMessage", send_params())
        async for event in caller.results():
            yield event


async def over_grpc(program: Program) -> Events:
    """A gRPC caller of the JSON-RPC agent."""
    request = to_wire(a2a.SendMessageRequest, send_params(tenant="over-http"))
    async with GrpcCaller(program.ready["grpc"]) as caller:
        stream = caller.stream("SendStreamingMessage", request)
        async for message in stream.messages():
            yield from_wire(a2a.StreamResponse, message)
        assert stream.outcome.ok, stream.outcome


WAYS: dict[str, Callable[[Program], Events]] = {
    "gRPC agent to JSON-RPC caller": over_http,
    "JSON-RPC agent to gRPC caller": over_grpc,
}


async def numbers(events: Events) -> list[int]:
    """The numbers of one stream, whose first and last event are as the agents send them."""
    received = [event async for event in events]
    assert received[0] == task()
    assert received[-1] == status(COMPLETED)
    return [number_of(event) for event in received[1:-1]]


def event(number: int) -> Json:
    return numbered(number, EVENT_BYTES)


def grpc_script(count: int) -> scripted_grpc.Script:
    events = [task(), *map(event, range(count)), status(COMPLETED)]
    return [scripted_grpc.event(one) for one in events]


def http_script(count: int) -> http_steps.Script:
    return [http_steps.sse(task()), http_steps.flood(event, count), http_steps.sse(status(COMPLETED))]


@pytest.mark.anyio
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
async def test_every_event_arrives_once_in_order_and_none_is_kept(way: str) -> None:
    async with ScriptedGrpcAgent({}) as grpc_agent, ScriptedHttpAgent({}) as http_agent:
        agents = ("--agent", f"over-grpc={grpc_agent.url}", "--agent", f"over-http={http_agent.url}")
        with gateway(*agents, env=GIVES_BACK) as program:

            async def run(count: int) -> int:
                """Every stream to its end; the memory that the gateway holds then."""
                grpc_agent.scripts = {"SendStreamingMessage": grpc_script(count)}
                http_agent.scripts = {"SendStreamingMessage": http_script(count)}
                received = await asyncio.gather(*(numbers(WAYS[way](program)) for _ in range(STREAMS)))
                assert received == [list(range(count))] * STREAMS
                return resident_bytes(program)

            # The same once before: modules are then loaded, connections made, and every buffer was as full as it gets.
            warm_bytes = await run(EVENTS)
            assert await run(EVENTS) - warm_bytes < MAX_GROWTH_BYTES
