"""What travels beside a call: credentials, trace context, configured headers, extensions, deadline."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.operations import GET_TASK, SEND_STREAMING_MESSAGE, Operation
from gateway.settings import AgentSettings
from tests.fakes.events import agent_card
from tests.fakes.http_steps import JSON_HEAD, reply
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.fakes.steps import sleep
from tests.matrix.conftest import Rig, as_heard
from tests.matrix.edges import EDGES, every_agent, every_caller, spelling_of
from tests.matrix.meaning import HeaderValue, Heard, Play, Spelled
from tests.matrix.words import BEGUN, CANCELED, DONE, HI, THE_TASK

pytestmark = pytest.mark.anyio

CALLS: Mapping[str, tuple[Operation, Spelled, tuple[Spelled, ...]]] = {
    "unary": (GET_TASK, THE_TASK, (CANCELED,)),
    "stream": (SEND_STREAMING_MESSAGE, HI, (BEGUN, DONE)),
}
every_call = pytest.mark.parametrize("call", CALLS)

ONE, OTHER = "https://example.com/ext/v1", "urn:example:other"
EXTENSIONS, NEWER = "<extensions>", "<extensions by the name of 1.0>"
"""Stand for the names of that header: those that an agent's version reads, and the one that 0.3 does not know."""
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, slots=True)
class Passing:
    """Headers of a caller, and what of them its agent sees; None: not at all."""

    sent: tuple[tuple[str, HeaderValue], ...]
    seen: Mapping[str, HeaderValue | None]


HEADERS: Mapping[str, Passing] = {
    "credentials": Passing((("authorization", "Bearer s3cret=="),), {"authorization": "Bearer s3cret=="}),
    "trace context": Passing(
        (("traceparent", TRACE), ("tracestate", "a=1,b=2"), ("baggage", "k=v;p")),
        {"traceparent": TRACE, "tracestate": "a=1,b=2", "baggage": "k=v;p"},
    ),
    "a configured name": Passing((("x-request-id", "r-1"),), {"x-request-id": "r-1"}),
    "a configured name, twice": Passing((("x-request-id", "a"), ("x-request-id", "b")), {"x-request-id": "a, b"}),
    "any byte": Passing((("x-acme-bin", bytes(range(256))),), {"x-acme-bin": bytes(range(256))}),
    "one byte": Passing((("x-acme-bin", b"\xff"),), {"x-acme-bin": b"\xff"}),
    "no byte": Passing((("x-acme-bin", b""),), {"x-acme-bin": b""}),
    "what nobody named": Passing(
        (("x-other", "1"), ("cookie", "a=b"), ("proxy-authorization", "Basic x"), ("x-other-bin", b"1")),
        {"x-other": None, "cookie": None, "proxy-authorization": None, "x-other-bin": None},
    ),
    "no extension": Passing((), {EXTENSIONS: None, NEWER: None}),
    "an extension": Passing((("a2a-extensions", ONE),), {EXTENSIONS: ONE, NEWER: None}),
    "extensions": Passing((("a2a-extensions", f"{ONE}, {OTHER}"),), {EXTENSIONS: f"{ONE},{OTHER}", NEWER: None}),
    "extensions by the name of 0.3": Passing((("x-a2a-extensions", ONE),), {EXTENSIONS: ONE, NEWER: None}),
    "extensions by both names": Passing(
        (("x-a2a-extensions", ONE), ("a2a-extensions", f"{OTHER},{ONE}")),
        {EXTENSIONS: f"{ONE},{OTHER}", NEWER: None},
    ),
}


def seen(passing: Passing, south: str) -> dict[str, HeaderValue | None]:
    """What an agent sees: extensions by the name of 0.3, and where it speaks 1.0 by that name too."""
    values = dict(passing.seen)
    if NEWER in values:
        older, newer = values.pop(EXTENSIONS), values.pop(NEWER)
        speaks_new = EDGES[south].language.version == "1.0"
        values |= {"x-a2a-extensions": older, "a2a-extensions": older if speaks_new else newer}
    return values


@every_caller
@every_agent
@every_call
async def test_agent_sees(rig: Rig, call: str, north: str, south: str) -> None:
    operation, request, results = CALLS[call]
    got: dict[str, Any] = {}
    for name, passing in HEADERS.items():
        heard = await rig.hear(north, south, operation, request, Play(results), headers=passing.sent)
        assert heard.failure is None
        (asked,) = rig.agents[south].asked()
        got[name] = {header: asked.headers.get(header) for header in seen(passing, south)}
    assert got == {name: seen(passing, south) for name, passing in HEADERS.items()}


@every_caller
@every_agent
@every_call
async def test_caller_is_told_which_extensions_the_agent_activated(rig: Rig, call: str, north: str, south: str) -> None:
    operation, request, results = CALLS[call]
    for activated in ((), (ONE,), (ONE, OTHER)):
        heard = await rig.hear(north, south, operation, request, Play(results, extensions=activated))
        assert heard == Heard(as_heard(north, operation, results), extensions=activated)


# Deadlines


WAITS_S = 60.0
ROUNDING = 1.02
"""gRPC writes a timeout in three digits and rounds it up, once a hop."""
WITH_DEADLINES = [name for name, edge in EDGES.items() if edge.has_deadlines]
waiting_caller = pytest.mark.parametrize("north", WITH_DEADLINES)
agent_with_deadlines = pytest.mark.parametrize("south", WITH_DEADLINES)


@waiting_caller
@agent_with_deadlines
@every_call
async def test_agent_sees_the_deadline_of_the_caller(rig: Rig, call: str, north: str, south: str) -> None:
    operation, request, results = CALLS[call]
    rig.agents[south].plays(operation, Play(results))
    await rig.through(north, south).call(operation, request[spelling_of(north)], timeout_s=WAITS_S)
    left_s = await rig.agents[south].time_left_s()
    assert left_s is not None
    assert WAITS_S / 2 < left_s < WAITS_S * ROUNDING


@waiting_caller
@agent_with_deadlines
@every_call
async def test_time_spent_in_the_gateway_is_taken_off_the_deadline(rig: Rig, call: str, north: str, south: str) -> None:
    """A card that takes its time holds up the first call of an agent."""
    operation, request, results = CALLS[call]
    takes_s, waits_s = 0.5, 9.0
    agent = rig.agents[south]
    agent.plays(operation, Play(results))
    card = agent_card(agent.address, binding=EDGES[south].binding, version=EDGES[south].language.version)
    async with ScriptedHttpAgent({}, card=[sleep(takes_s), reply(200, JSON_HEAD, json.dumps(card).encode())]) as host:
        settings = rig.gateway.settings.model_copy(
            update={"agents": (AgentSettings.model_validate({"name": south, "url": host.url}),)}
        )
        async with Gateway(settings) as gateway:
            await (
                Rig(rig.agents, gateway)
                .through(north, south)
                .call(operation, request[spelling_of(north)], timeout_s=waits_s)
            )
    left_s = await agent.time_left_s()
    assert left_s is not None
    assert 0 < left_s < waits_s - takes_s / 2


@every_caller
@agent_with_deadlines
async def test_stream_has_no_deadline_unless_its_caller_has(rig: Rig, north: str, south: str) -> None:
    operation, request, results = CALLS["stream"]
    await rig.hear(north, south, operation, request, Play(results))
    assert await rig.agents[south].time_left_s() is None


@every_caller
@agent_with_deadlines
async def test_unary_call_without_a_deadline_gets_the_gateways(rig: Rig, north: str, south: str) -> None:
    operation, request, results = CALLS["unary"]
    await rig.hear(north, south, operation, request, Play(results))
    left_s = await rig.agents[south].time_left_s()
    longest_s = rig.gateway.settings.limits.unary_s
    assert left_s is not None
    assert longest_s / 2 < left_s < longest_s * ROUNDING


@waiting_caller
@every_agent
@every_call
async def test_deadline_that_passes_frees_the_agent(rig: Rig, call: str, north: str, south: str) -> None:
    operation, request, _ = CALLS[call]
    rig.agents[south].plays(operation, Play(silent=True))
    heard = await rig.through(north, south).call(operation, request[spelling_of(north)], timeout_s=0.2)
    assert heard.failure is not None
    assert heard.failure.code == "DEADLINE_EXCEEDED"
    await rig.agents[south].freed(within_s=10)
