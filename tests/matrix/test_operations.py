"""Every operation between every two edges: what the agent is asked and what the caller hears is as without the gateway.

Tables say it once in each spelling. That they say what an edge says and hears with nothing between is the first test;
the others hold the gateway against them.
"""

from typing import Any

import pytest

from gateway.errors import ErrorKind
from gateway.operations import GET_EXTENDED_AGENT_CARD, OPERATIONS
from tests.fakes.events import Json, JsonValue
from tests.matrix.conftest import Rig, as_heard
from tests.matrix.edges import EDGES, every_agent, every_caller, of, old_agent, spelling_of
from tests.matrix.meaning import Failure, Heard, Play, Spelled, Spelling, error_info
from tests.matrix.rows import ROWS, STREAMS, UNSAYABLE, Row, sayable
from tests.matrix.words import ADDRESSES, CARD

pytestmark = pytest.mark.anyio

KIND = ErrorKind.TASK_NOT_FOUND
AFTER = 2
"""Events that come before a late error."""

CELLS = [
    pytest.param(north, south, name, id=f"{name}-{north}-{south}")
    for name, row in ROWS.items()
    for north in EDGES
    for south in EDGES
    if sayable(row, spelling_of(north)) and sayable(row, spelling_of(south))
]


def not_found(edge: str) -> Failure:
    return Failure(EDGES[edge].code(KIND), "There is no such täsk", (error_info(KIND, taskId="task-1"),))


def said(edge: str, row: Row) -> JsonValue:
    return EDGES[edge].language.request(row.operation, row.request[spelling_of(edge)])


def without(results: tuple[Any, ...], members: frozenset[str]) -> tuple[Any, ...]:
    if not members:
        return results
    return tuple({name: value for name, value in one.items() if name not in members} for one in results)


def both(north: str, south: str) -> list[str]:
    """The rows that both edges can say."""
    return [name for name, row in ROWS.items() if sayable(row, spelling_of(north)) and sayable(row, spelling_of(south))]


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in ROWS.values()} == set(OPERATIONS)
    assert {row.operation for row in STREAMS.values()} == {one for one in OPERATIONS if one.streams}


@pytest.mark.parametrize("edge", EDGES)
async def test_without_the_gateway(rig: Rig, edge: str) -> None:
    """The reference: the same caller before an agent of its own edge."""
    agent, caller = rig.agents[edge], rig.directly(edge)
    for name in both(edge, edge):
        row = ROWS[name]
        request = row.request[spelling_of(edge)]
        agent.plays(row.operation, Play(row.results))
        assert await caller.call(row.operation, request) == Heard(as_heard(edge, row.operation, row.results))
        assert [(asked.operation, asked.request) for asked in agent.asked()] == [(row.operation, said(edge, row))]
        agent.plays(row.operation, Play(failure=not_found(edge)))
        assert await caller.call(row.operation, request) == Heard((), not_found(edge))
        if name in STREAMS:
            results = row.results[:AFTER]
            agent.plays(row.operation, Play(results, not_found(edge)))
            expected = Heard(as_heard(edge, row.operation, results), not_found(edge))
            assert await caller.call(row.operation, request) == expected


@pytest.mark.parametrize(("north", "south", "name"), CELLS)
async def test_result(rig: Rig, north: str, south: str, name: str) -> None:
    row = ROWS[name]
    heard = await rig.hear(north, south, row.operation, row.request, Play(row.results))
    expected = as_heard(north, row.operation, row.results)
    assert without(heard.results, row.of_the_gateway) == without(expected, row.of_the_gateway)
    assert (heard.failure, heard.extensions) == (None, ())
    (asked,) = rig.agents[south].asked()
    assert (asked.operation, asked.request) == (row.operation, said(south, row))


@every_caller
@every_agent
async def test_early_error(rig: Rig, north: str, south: str) -> None:
    names = both(north, south)
    heard: dict[str, Heard] = {}
    asked: dict[str, Any] = {}
    for name in names:
        row = ROWS[name]
        heard[name] = await rig.hear(north, south, row.operation, row.request, Play(failure=not_found(south)))
        asked[name] = [(one.operation, one.request) for one in rig.agents[south].asked()]
    assert heard == {name: Heard((), not_found(north)) for name in names}
    assert asked == {name: [(ROWS[name].operation, said(south, ROWS[name]))] for name in names}


@every_caller
@every_agent
@pytest.mark.parametrize("name", STREAMS)
async def test_late_error(rig: Rig, name: str, north: str, south: str) -> None:
    row = STREAMS[name]
    results = row.results[:AFTER]
    heard = await rig.hear(north, south, row.operation, row.request, Play(results, not_found(south)))
    assert heard == Heard(as_heard(north, row.operation, results), not_found(north))


# What a spelling does not have


def test_every_reason_is_of_a_row() -> None:
    assert {operation for operation, _ in UNSAYABLE} <= {row.operation for row in ROWS.values()}


@pytest.mark.parametrize("north", of(Spelling.NEW))
@old_agent
async def test_agent_is_not_asked_what_it_does_not_know(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.UNSUPPORTED_OPERATION
    for row in ROWS.values():
        if not sayable(row, spelling_of(south)):
            heard = await rig.hear(north, south, row.operation, row.request, Play(silent=True))
            assert heard.failure is not None
            assert (heard.failure.code, heard.failure.details) == (EDGES[north].code(kind), (error_info(kind),))
            assert "0.3" in heard.failure.message
            assert rig.agents[south].asked() == []


# Cards


def signed(card: JsonValue) -> JsonValue:
    assert isinstance(card, dict)
    return {**card, "signatures": [{"protected": "e30", "signature": "c2ln"}]}


SIGNED = Spelled(signed(CARD.new), signed(CARD.dialect), signed(CARD.proto))


def addresses(rig: Rig, south: str) -> Spelled:
    """What the card of an agent says of where it is; gRPC of 0.3 has no tenant to name it."""
    base = f"http://{rig.gateway.http}/{south}"
    old: Json = {
        "url": f"{base}/",
        "preferredTransport": "JSONRPC",
        "protocolVersion": "0.3",
        "additionalInterfaces": [{"url": base, "transport": "HTTP+JSON"}],
    }
    new: Json = {
        "supportedInterfaces": [
            {"url": f"{base}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": rig.gateway.grpc, "protocolBinding": "GRPC", "tenant": south, "protocolVersion": "1.0"},
            {"url": base, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": f"{base}/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
            {"url": base, "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
        ]
    }
    return Spelled(new, old, old)


@every_caller
@every_agent
async def test_extended_card_leads_to_the_gateway(rig: Rig, north: str, south: str) -> None:
    nothing = Spelled({}, {}, {})
    heard = await rig.hear(north, south, GET_EXTENDED_AGENT_CARD, nothing, Play((SIGNED,)))
    (card,) = heard.results
    assert isinstance(card, dict)
    assert {name: card[name] for name in ADDRESSES if name in card} == addresses(rig, south)[spelling_of(north)]
    assert "signatures" not in card, "they are over another text"


@every_caller
async def test_extended_card_of_0_3_may_be_as_its_definition_says(rig: Rig, north: str) -> None:
    """HTTP+JSON of 0.3 is ProtoJSON of `a2a.v1`, of which the SDKs make an exception for this."""
    row = ROWS["GetExtendedAgentCard"]
    defined = Spelled(CARD.proto, CARD.proto, CARD.proto)
    heard = await rig.hear(north, "REST-0.3", row.operation, row.request, Play((defined,)))
    expected = as_heard(north, row.operation, row.results)
    assert heard.failure is None
    assert without(heard.results, row.of_the_gateway) == without(expected, row.of_the_gateway)
