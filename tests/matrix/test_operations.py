"""Every operation between every two edges: what the agent is asked and what the caller hears is as without the gateway.

The reference is the same caller before an agent of its own edge that does the same.
"""

import pytest

from gateway.errors import ErrorKind
from gateway.operations import OPERATIONS
from tests.fakes.events import Json
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, every_agent, every_caller
from tests.matrix.meaning import Asked, Failure, Heard, Play, canonical, error_info
from tests.matrix.rows import ROWS, STREAMS, Row

pytestmark = pytest.mark.anyio

KIND = ErrorKind.TASK_NOT_FOUND
AFTER = 2
"""Events that come before a late error."""


def not_found(edge: str) -> Failure:
    return Failure(EDGES[edge].code(KIND), "There is no such täsk", (error_info(KIND, taskId="task-1"),))


async def call(rig: Rig, north: str, south: str, row: Row, results: tuple[Json, ...], *, fails: bool) -> None:
    """One cell: makes the call with the gateway and without it, and holds the one against the other."""
    failures = {edge: not_found(edge) if fails else None for edge in (north, south)}
    heard = await rig.hear(north, south, row.operation, row.request, Play(results, failures[south]))
    asked = await rig.agents[south].asked()
    direct = await rig.hear_directly(north, row.operation, row.request, Play(results, failures[north]))
    asked_directly = await rig.agents[north].asked()

    expected = tuple(canonical(row.operation.response, result) for result in results)
    assert direct == Heard(expected, failures[north]), "the reference is what the script says"
    assert without(heard, row.of_the_gateway) == without(direct, row.of_the_gateway)
    assert about(asked) == about(asked_directly)


def without(heard: Heard, members: frozenset[str]) -> Heard:
    results = tuple({name: value for name, value in one.items() if name not in members} for one in heard.results)
    return Heard(results, heard.failure, heard.extensions)


def about(asked: Asked) -> tuple[str, Json]:
    return asked.operation, asked.request


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in ROWS.values()} == set(OPERATIONS)
    assert {row.operation for row in STREAMS.values()} == {one for one in OPERATIONS if one.streams}


@every_caller
@every_agent
@pytest.mark.parametrize("name", ROWS)
async def test_result(rig: Rig, name: str, north: str, south: str) -> None:
    row = ROWS[name]
    await call(rig, north, south, row, row.results, fails=False)


@every_caller
@every_agent
@pytest.mark.parametrize("name", ROWS)
async def test_early_error(rig: Rig, name: str, north: str, south: str) -> None:
    await call(rig, north, south, ROWS[name], (), fails=True)


@every_caller
@every_agent
@pytest.mark.parametrize("name", STREAMS)
async def test_late_error(rig: Rig, name: str, north: str, south: str) -> None:
    row = STREAMS[name]
    await call(rig, north, south, row, row.results[:AFTER], fails=True)


@every_caller
@every_agent
async def test_extended_card_leads_to_the_gateway(rig: Rig, north: str, south: str) -> None:
    row = ROWS["GetExtendedAgentCard"]
    signed: Json = {**row.results[0], "signatures": [{"protected": "e30", "signature": "c2ln"}]}
    (card,) = (await rig.hear(north, south, row.operation, {}, Play((signed,)))).results
    assert card["supportedInterfaces"] == [
        {"url": f"http://{rig.gateway.http}/{south}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": rig.gateway.grpc, "protocolBinding": "GRPC", "tenant": south, "protocolVersion": "1.0"},
    ]
    assert "signatures" not in card, "they are over another text"
