"""What the protocol takes away between two spellings is what the table of losses says, and nothing more."""

from typing import Any

import pytest

from tests.fakes.events import JsonValue
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, of, result_spelling, spelling_of
from tests.matrix.losses import LOSSES, Loss
from tests.matrix.meaning import Play, Spelled

pytestmark = pytest.mark.anyio

SAID = [
    pytest.param(name, edge, id=f"{name}-{edge}")
    for name, loss in LOSSES.items()
    for edge in of(loss.spelling)
    if loss.place == "request"
]
ANSWERED = [
    pytest.param(name, edge, id=f"{name}-{edge}")
    for name, loss in LOSSES.items()
    for edge in of(loss.spelling)
    if loss.place == "result"
]


@pytest.mark.parametrize(("name", "north"), SAID)
async def test_what_agents_are_asked(rig: Rig, name: str, north: str) -> None:
    loss = LOSSES[name]
    asked: dict[str, Any] = {}
    for south in EDGES:
        request = Spelled(loss.says, loss.says, loss.says)
        heard = await rig.hear(north, south, loss.operation, request, Play(loss.results))
        assert heard.failure is None
        asked[south] = [one.request for one in rig.agents[south].asked()]
    assert asked == {
        south: [EDGES[south].language.request(loss.operation, loss.arrives[spelling_of(south)])] for south in EDGES
    }


@pytest.mark.parametrize(("name", "south"), ANSWERED)
async def test_what_callers_hear(rig: Rig, name: str, south: str) -> None:
    loss = LOSSES[name]
    heard: dict[str, Any] = {}
    for north in EDGES:
        said = Spelled(loss.says, loss.says, loss.says)
        got = await rig.hear(north, south, loss.operation, loss.request, Play((*loss.results, said, *loss.after)))
        assert got.failure is None
        heard[north] = without(got.results[len(loss.results)], loss.of_the_gateway)
    assert heard == {north: expected(loss, north) for north in EDGES}


def expected(loss: Loss, north: str) -> JsonValue:
    result = EDGES[north].language.result(loss.operation, loss.arrives[result_spelling(north, loss.operation)])
    return without(result, loss.of_the_gateway)


def without(value: JsonValue, members: frozenset[str]) -> JsonValue:
    return {name: one for name, one in value.items() if name not in members} if isinstance(value, dict) else value
