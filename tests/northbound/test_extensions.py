"""Which extensions an answer says are active, before its first event: what the gateway speaks itself needs no agent."""

import json
from collections.abc import AsyncIterator

import pytest

from gateway.deltas.extension import URI
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, http_steps, scripted_grpc
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.steps import sleep
from tests.northbound.asking import Headers, Place, placed

pytestmark = pytest.mark.anyio

LATE_S = 0.3
"""When the agents say anything: after the gateway has begun its answer."""
OTHER = "https://example.com/e"
ASKED: dict[str, tuple[Headers, str]] = {
    "not at all": ((), ""),
    "for token deltas": ((("a2a-extensions", URI),), URI),
    "by the older name": ((("x-a2a-extensions", URI),), URI),
    "among others": ((("a2a-extensions", f"{OTHER}, {URI}"),), URI),
    "for another": ((("a2a-extensions", OTHER),), ""),
}
"""What is asked for, and what the answer names: nothing that only an agent could promise."""


@pytest.fixture(scope="module", params=["auto", "off"])
async def slow(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Place, bool]]:
    """A place whose agents take their time, and whether the gateway speaks token deltas for them."""
    own = {"deltas": request.param}
    async with placed(limits={"first_event_s": 0.05}, words=own, scribe=own) as place:
        ends = events.status(events.COMPLETED)
        place.words.scripts = {
            "SendStreamingMessage": [
                sleep(LATE_S),
                scripted_grpc.event(events.task()),
                scripted_grpc.event(ends),
            ]
        }
        place.scribe.scripts = {"*": [sleep(LATE_S), http_steps.sse(events.task()), http_steps.sse(ends)]}
        yield place, request.param == "auto"


@pytest.mark.parametrize("agent", ["words", "scribe"])
@pytest.mark.parametrize("asked", ASKED)
async def test_an_answer_over_http_that_begins_before_the_agents(
    slow: tuple[Place, bool], asked: str, agent: str
) -> None:
    place, speaks = slow
    headers, named = ASKED[asked]
    async with HttpCaller(place.url()) as caller:
        caller.path = f"/{agent}/"
        await caller.post("SendStreamingMessage", events.send_params(), headers=(("a2a-version", "1.0"), *headers))
        head = await caller.read_head()
        assert head.header("a2a-extensions") == (named if named and speaks else None)
        frames = [frame async for frame in caller.results()]
    assert len(frames) == 2


@pytest.mark.parametrize("agent", ["words", "scribe"])
@pytest.mark.parametrize("asked", ASKED)
async def test_an_answer_over_grpc_that_begins_before_the_agents(
    slow: tuple[Place, bool], asked: str, agent: str
) -> None:
    place, speaks = slow
    headers, named = ASKED[asked]
    request = a2a.SendMessageRequest.from_json(json.dumps(events.send_params(tenant=agent)))
    async with GrpcCaller(place.gateway.grpc) as caller:
        outcome = await caller.call("SendStreamingMessage", request.to_binary(), metadata=headers)
    assert outcome.ok
    found = [value for name, value in outcome.initial if name == "a2a-extensions"]
    assert found == ([named] if named and speaks else [])
