"""`/livez`, `/readyz`, `/metrics`, and the methods of HTTP that each address takes."""

import asyncio
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.relay.calls import Ending
from tests.fakes import events, steps
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.http_steps import reply, sse
from tests.northbound.asking import Place, placed

pytestmark = pytest.mark.anyio

METHODS = {
    "/": {"POST"},
    "/words/": {"POST"},
    "/words": {"POST"},
    "/.well-known/agent-card.json": {"GET", "HEAD"},
    "/scribe/.well-known/agent-card.json": {"GET", "HEAD"},
    "/livez": {"GET", "HEAD"},
    "/readyz": {"GET", "HEAD"},
    "/metrics": {"GET", "HEAD"},
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", METHODS)
async def test_an_address_takes_its_own_methods(place: Place, path: str, method: str) -> None:
    answer = await place.get(path, method=method)
    if method in METHODS[path]:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == METHODS[path]


async def test_alive_and_ready(place: Place) -> None:
    alive, ready = await place.get("/livez"), await place.get("/readyz")
    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (ready.status_code, ready.text) == (200, "ready\n")


async def test_ready_in_detail(place: Place) -> None:
    answer = await place.get("/readyz?verbose")
    assert answer.json() == {
        "ready": True,
        "calls": 0,
        "agents": ["words", "scribe"],
        "limits": place.gateway.settings.limits.model_dump(mode="json"),
    }


async def test_no_agent_makes_the_gateway_unready() -> None:
    async with placed() as place:
        await place.scribe.refuse()
        await place.words.stop()
        assert (await place.get("/readyz")).status_code == 200


# Metrics


async def metrics(place: Place) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels."""
    answer = await place.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    names = ("agent", "operation", "binding", "outcome")
    return {
        (sample.name, *(sample.labels[name] for name in names if name in sample.labels)): sample.value
        for family in families
        for sample in family.samples
        if "le" not in sample.labels
    }


async def moved(place: Place, before: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    """What calls counted since then."""
    now = await metrics(place)
    return {
        key[1:]: value - before.get(key, 0)
        for key, value in now.items()
        if key[0] == "a2a_gateway_calls_total" and value != before.get(key, 0)
    }


def calls(*keys: tuple[str, str, str, str]) -> dict[tuple[str, ...], float]:
    return dict.fromkeys(keys, 1.0)


async def settled(place: Place) -> None:
    """Until no call is under way."""
    await steps.until(lambda: len(place.gateway._calls) == 0)  # pyright: ignore[reportPrivateUsage] - there is no other way to know


OUTCOMES: dict[str, tuple[dict[str, Any], tuple[str, str, str, str]]] = {
    "answered": ({"path": "/words/"}, ("words", "GetTask", "JSONRPC", "OK")),
    "an unknown agent": ({"path": "/nobody/"}, ("", "GetTask", "JSONRPC", "INVALID_PARAMS")),
    "an unknown method": ({"method": "Bogus"}, ("", "", "JSONRPC", "METHOD_NOT_FOUND")),
    "bad params": ({"params": {"id": 1}}, ("", "GetTask", "JSONRPC", "INVALID_PARAMS")),
    "an unknown version": (
        {"headers": (("a2a-version", "2.0"),)},
        ("", "GetTask", "JSONRPC", "VERSION_NOT_SUPPORTED"),
    ),
    "an error of the agent": (
        {"path": "/scribe/", "method": "CancelTask"},
        ("scribe", "CancelTask", "JSONRPC", "METHOD_NOT_FOUND"),
    ),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_a_call_is_counted_by_how_it_ended(place: Place, case: str) -> None:
    asked, expected = OUTCOMES[case]
    before = await metrics(place)
    await place.post(**asked)
    await settled(place)
    assert await moved(place, before) == calls(expected)


async def test_a_call_over_grpc_is_counted(place: Place) -> None:
    before = await metrics(place)
    await place.call("scribe")
    await place.call("nobody")
    await settled(place)
    assert await moved(place, before) == calls(
        ("scribe", "GetTask", "GRPC", "OK"), ("", "GetTask", "GRPC", "INVALID_PARAMS")
    )


async def test_a_body_that_is_no_json_is_counted(place: Place) -> None:
    before = await metrics(place)
    async with HttpCaller(place.url()) as caller:
        await caller.post_body(b"{")
        await caller.read_all()
    await settled(place)
    assert await moved(place, before) == calls(("", "", "JSONRPC", "PARSE_ERROR"))


async def test_a_card_is_counted(place: Place) -> None:
    before = await metrics(place)
    await place.card("/scribe/")
    await place.get("/nobody/.well-known/agent-card.json")
    await settled(place)
    assert await moved(place, before) == calls(
        ("scribe", "AgentCard", "CARD", "OK"), ("", "AgentCard", "CARD", "INVALID_PARAMS")
    )


async def test_a_full_gateway_counts_what_it_refuses() -> None:
    more = asyncio.Event()
    async with placed(limits={"streams": 1}) as place:
        place.scribe.scripts = {"*": [sse(events.task()), steps.wait(more), sse(events.status(events.COMPLETED))]}
        async with HttpCaller(place.url("/scribe/")) as caller:
            await caller.post("SendStreamingMessage", events.send_params())
            assert (await caller.read_head()).status == 200
            assert (await metrics(place))["a2a_gateway_calls_active",] == 1
            status, answer = await place.post("/words/")
            outcome = await place.call("words")
            card = await place.get("/.well-known/agent-card.json")
            more.set()
            await caller.read_all()
        await settled(place)
        counted = await moved(place, {})
        active = (await metrics(place))["a2a_gateway_calls_active",]
    assert (status, answer["error"]["data"][0]["reason"]) == (503, "RESOURCE_EXHAUSTED")
    assert outcome.reason == "RESOURCE_EXHAUSTED"
    assert card.status_code == 503
    assert counted == calls(
        ("scribe", "SendStreamingMessage", "JSONRPC", "OK"),
        ("", "", "JSONRPC", "RESOURCE_EXHAUSTED"),
        ("", "", "GRPC", "RESOURCE_EXHAUSTED"),
        ("", "", "CARD", "RESOURCE_EXHAUSTED"),
    )
    assert active == 0


async def test_events_and_times_of_a_stream_are_counted() -> None:
    async with placed() as place:
        place.scribe.scripts = {"*": [sse(events.task()), sse(events.artifact()), sse(events.status(events.COMPLETED))]}
        async with HttpCaller(place.url("/scribe/")) as caller:
            await caller.post("SendStreamingMessage", events.send_params())
            await caller.read_all()
        await settled(place)
        seen = await metrics(place)
    labels = ("scribe", "SendStreamingMessage", "JSONRPC")
    assert seen["a2a_gateway_stream_events_total", *labels] == 3
    assert seen["a2a_gateway_first_event_seconds_count", *labels] == 1
    assert seen["a2a_gateway_call_seconds_count", *labels] == 1
    assert 0 < seen["a2a_gateway_first_event_seconds_sum", *labels] <= seen["a2a_gateway_call_seconds_sum", *labels]


@pytest.mark.parametrize("binding", ["JSONRPC", "GRPC"])
async def test_a_caller_that_leaves_is_counted_as_gone(binding: str) -> None:
    async with placed() as place:
        place.scribe.scripts = {"*": [sse(events.task()), steps.hang()]}
        if binding == "JSONRPC":
            async with HttpCaller(place.url("/scribe/")) as caller:
                await caller.post("SendStreamingMessage", events.send_params())
                await caller.read_head()
        else:
            async with GrpcCaller(place.gateway.grpc) as caller:
                request = events.to_wire(_request(), {**events.send_params(), "tenant": "scribe"})
                stream = caller.stream("SendStreamingMessage", request)
                await anext(stream.messages())
                stream.cancel()
        await settled(place)
        counted, active = await moved(place, {}), (await metrics(place))["a2a_gateway_calls_active",]
    assert counted == calls(("scribe", "SendStreamingMessage", binding, Ending.CALLER_GONE.name))
    assert active == 0


async def test_an_agent_that_breaks_off_is_counted() -> None:
    async with placed() as place:
        place.scribe.scripts = {"*": [reply(500, (), b"")]}
        await place.post("/scribe/")
        await settled(place)
        assert await moved(place, {}) == calls(("scribe", "GetTask", "JSONRPC", "UNKNOWN"))


def _request() -> Any:
    from generated.a2a.v1.a2a_pb import SendMessageRequest

    return SendMessageRequest
