"""Where an agent's card comes from, how long it is believed, and which of its interfaces is used."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.agent import CallContext
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError
from gateway.operations import SUBSCRIBE_TO_TASK
from gateway.settings import AgentSettings, ConfigurationError
from gateway.southbound.cards import CardCache, card_url
from gateway.southbound.upstream import choose_interface
from generated.a2a.v1 import a2a_pb as a2a
from generated.a2a.v1.a2a_pb import AgentCard
from tests.fakes import events, scripted_grpc, steps
from tests.fakes.http_steps import JSON_HEAD, Script, json_reply, reply
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.southbound.reaching import HERE, interface, leading_to, limits, reaching, task_id

pytestmark = pytest.mark.anyio

NEVER_S, AT_ONCE_S = 1e9, 0.0


def named(name: str, url: str = "http://nowhere.invalid/") -> dict[str, Any]:
    return {**events.agent_card(url), "name": name}


def shown(card: events.Json) -> Script:
    return [reply(200, JSON_HEAD, json.dumps(card).encode())]


# Sources


async def test_a_card_in_the_settings_is_used() -> None:
    async with reaching("grpc://127.0.0.1:1", card=named("given")) as upstream:
        assert (await upstream.card(HERE)).name == "given"


async def test_a_card_in_a_file_is_used(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps(named("filed")))
    async with reaching("http://127.0.0.1:1/", card=str(tmp_path / "card.json")) as upstream:
        (tmp_path / "card.json").unlink()
        assert (await upstream.card(HERE)).name == "filed"


async def test_a_card_at_another_address_is_used() -> None:
    async with ScriptedHttpAgent({}, card=shown(named("elsewhere"))) as host:
        async with reaching("grpc://127.0.0.1:1", card=f"{host.url}agents/.well-known/agent-card.json?v=1") as upstream:
            assert (await upstream.card(HERE)).name == "elsewhere"
        assert [request.path for request in host.requests] == ["/agents/.well-known/agent-card.json?v=1"]


WHERE = {
    "http://h": "http://h/.well-known/agent-card.json",
    "http://h/": "http://h/.well-known/agent-card.json",
    "http://h/a": "http://h/a/.well-known/agent-card.json",
    "http://h/a/": "http://h/a/.well-known/agent-card.json",
    "https://h:1/a/b": "https://h:1/a/b/.well-known/agent-card.json",
    "http://h/card.json": "http://h/card.json",
    "http://h/.well-known/agent-card.json": "http://h/.well-known/agent-card.json",
}


@pytest.mark.parametrize("url", WHERE)
async def test_the_card_of_an_agent_on_the_web_is_at(url: str) -> None:
    assert card_url(url) == WHERE[url]


async def test_a_card_is_asked_for_as_such() -> None:
    async with ScriptedHttpAgent({}) as agent, reaching(agent.url) as upstream:
        await upstream.card(HERE)
        (request,) = agent.requests
    assert (request.method, request.path) == ("GET", "/.well-known/agent-card.json")
    assert (request.header("accept"), request.header("a2a-version")) == ("application/json", "1.0")


async def test_a_grpc_agent_is_asked_for_its_extended_card() -> None:
    answer = scripted_grpc.answer(named("extended"), AgentCard)
    async with ScriptedGrpcAgent({"GetExtendedAgentCard": [answer]}) as agent, reaching(agent.url) as upstream:
        assert (await upstream.card(HERE)).name == "extended"


@pytest.mark.parametrize("code", ["UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "INTERNAL"])
async def test_a_grpc_agent_that_shows_no_card_gets_a_plain_one(code: str) -> None:
    refusal = scripted_grpc.end(grpc.StatusCode[code], "no")
    async with ScriptedGrpcAgent({"GetExtendedAgentCard": [refusal]}) as agent, reaching(agent.url) as upstream:
        card = await upstream.card(HERE)
    assert (card.name, card.version, [skill.id for skill in card.skills]) == ("agent", "1.0", ["agent"])
    assert card.capabilities is not None
    assert card.capabilities.streaming is True
    assert card.default_input_modes == card.default_output_modes == ["text/plain"]
    assert card.description


async def test_a_grpc_agent_that_is_not_there_has_no_card() -> None:
    async with ScriptedGrpcAgent({}) as agent:
        gone = agent.url
    async with reaching(gone) as upstream:
        with pytest.raises(AgentError) as failed:
            await upstream.card(HERE)
    assert failed.value.kind is ErrorKind.UNAVAILABLE


async def test_a_card_is_read_with_the_agents_headers_and_nobody_elses() -> None:
    context = CallContext(headers={"authorization": "Bearer caller", "traceparent": "00-1-2-3"})
    answer = scripted_grpc.answer(named("extended"), AgentCard)
    async with ScriptedHttpAgent({}) as on_web, ScriptedGrpcAgent({"*": [answer]}) as over_grpc:
        for url, headers in ((on_web.url, {"x-own": "1"}), (over_grpc.url, {"x-own": "1"})):
            async with reaching(url, headers=headers) as upstream:
                await upstream.card(context)
        (request,), (call,) = on_web.requests, over_grpc.calls
    assert (request.header("x-own"), request.header("authorization"), request.header("traceparent")) == (
        "1",
        None,
        None,
    )
    assert (call.header("x-own"), call.header("authorization"), call.header("traceparent")) == (["1"], [], [])


BAD_CARDS: dict[str, Any] = {
    "no card": {"name": 1},
    "a file that is not there": "/no/such/card.json",
}


@pytest.mark.parametrize("given", BAD_CARDS)
async def test_a_configured_card_that_cannot_be_used_is_a_wrong_configuration(given: str) -> None:
    with pytest.raises(ConfigurationError):
        async with reaching("grpc://127.0.0.1:1", card=BAD_CARDS[given]):
            pass


UNREADABLE: dict[str, tuple[Script, ErrorKind]] = {
    "no page": ([reply(404, (), b"")], ErrorKind.UNAVAILABLE),
    "a fault": ([reply(500, (), b"")], ErrorKind.UNAVAILABLE),
    "another place": ([reply(302, (("location", "/card.json"),), b"")], ErrorKind.UNAVAILABLE),
    "a page": ([reply(200, (("content-type", "text/html"),), b"<p>")], ErrorKind.INVALID_AGENT_RESPONSE),
    "half of it": ([reply(200, JSON_HEAD, b'{"name":')], ErrorKind.INVALID_AGENT_RESPONSE),
    "a list": ([reply(200, JSON_HEAD, b"[]")], ErrorKind.INVALID_AGENT_RESPONSE),
    "no UTF-8": ([reply(200, JSON_HEAD, b'{"name":"\xff"}')], ErrorKind.INVALID_AGENT_RESPONSE),
    "too much": ([reply(200, JSON_HEAD, b'{"name":"' + b"x" * 5000 + b'"}')], ErrorKind.RESOURCE_EXHAUSTED),
    "silence": ([steps.hang()], ErrorKind.DEADLINE_EXCEEDED),
}


@pytest.mark.parametrize("answer", UNREADABLE)
async def test_a_card_that_cannot_be_read_is_the_agents_fault(answer: str) -> None:
    script, kind = UNREADABLE[answer]
    bounds = limits(json_bytes=4000, connect_s=0.2 if answer == "silence" else 5)
    async with ScriptedHttpAgent({}, card=script) as agent, reaching(agent.url, bounds=bounds) as upstream:
        with pytest.raises(AgentError) as failed:
            await upstream.card(HERE)
        assert failed.value.kind is kind
        assert agent.address not in str(failed.value)


# The cache


class Source:
    """Cards to be read one after the other, when the test lets it."""

    def __init__(self, *given: str | GatewayError, held: bool = False) -> None:
        self.given: list[str | GatewayError] = list(given)
        self.reads = 0
        self.may_answer = asyncio.Event()
        if not held:
            self.may_answer.set()

    async def __call__(self) -> AgentCard:
        self.reads += 1
        await self.may_answer.wait()
        one = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if isinstance(one, GatewayError):
            raise one
        return AgentCard(name=one)


def gone() -> AgentError:
    return AgentError(ErrorKind.UNAVAILABLE, "gone")


async def names(cache: CardCache, count: int) -> Sequence[str]:
    return [(await cache.card()).name for _ in range(count)]


async def test_nothing_is_read_before_it_is_asked_for() -> None:
    source = Source("one")
    CardCache(source, NEVER_S, NEVER_S)
    await asyncio.sleep(0)
    assert source.reads == 0


async def test_one_reading_serves_all_who_wait() -> None:
    source = Source("one", held=True)
    cache = CardCache(source, NEVER_S, NEVER_S)
    waiting = [asyncio.create_task(cache.card()) for _ in range(50)]
    await steps.until(lambda: source.reads == 1)
    waiting[0].cancel()
    source.may_answer.set()
    cards = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(cards[0], asyncio.CancelledError)
    assert {card.name for card in cards if isinstance(card, AgentCard)} == {"one"}
    assert source.reads == 1


async def test_one_failure_serves_all_who_wait() -> None:
    source = Source(gone(), held=True)
    cache = CardCache(source, NEVER_S, NEVER_S)
    waiting = [asyncio.create_task(cache.card()) for _ in range(50)]
    await steps.until(lambda: source.reads == 1)
    source.may_answer.set()
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(failure) for failure in failures] == [AgentError] * 50
    assert len({id(failure) for failure in failures}) == 50, "an error that is raised twice grows its traceback"
    assert source.reads == 1


async def test_a_card_is_believed_for_a_while() -> None:
    source = Source("one", "two")
    assert await names(CardCache(source, NEVER_S, NEVER_S), 5) == ["one"] * 5
    assert source.reads == 1


async def test_an_old_card_is_read_anew_while_it_serves() -> None:
    source = Source("one", "two")
    cache = CardCache(source, AT_ONCE_S, NEVER_S)
    assert await names(cache, 1) == ["one"]
    source.may_answer.clear()
    assert await names(cache, 3) == ["one"] * 3, "nobody waits while there is a card"
    await steps.until(lambda: source.reads == 2)
    source.may_answer.set()
    await _settled(cache)
    assert (await cache.card()).name == "two"
    await cache.close()


async def test_the_last_card_serves_while_there_is_none() -> None:
    source = Source("one", gone())
    cache = CardCache(source, AT_ONCE_S, AT_ONCE_S)
    for _ in range(4):
        assert (await cache.card()).name == "one"
        await _settled(cache)
    assert source.reads >= 4
    source.given = ["two"]
    await cache.card()
    await _settled(cache)
    assert (await cache.card()).name == "two"
    await cache.close()


async def test_a_failure_is_remembered_for_a_while() -> None:
    source = Source(gone(), "one")
    cache = CardCache(source, NEVER_S, NEVER_S)
    for _ in range(3):
        with pytest.raises(AgentError, match="gone"):
            await cache.card()
    assert source.reads == 1


async def test_a_failure_is_tried_again_after_a_while() -> None:
    source = Source(gone(), CallerError(ErrorKind.INVALID_PARAMS, "bad"), "one")
    cache = CardCache(source, NEVER_S, AT_ONCE_S)
    with pytest.raises(AgentError, match="gone"):
        await cache.card()
    with pytest.raises(CallerError, match="bad"):
        await cache.card()
    assert (await cache.card()).name == "one"
    assert source.reads == 3


async def test_closing_ends_a_reading() -> None:
    source = Source("one", held=True)
    cache = CardCache(source, NEVER_S, NEVER_S)
    waiting = asyncio.create_task(cache.card())
    await steps.until(lambda: source.reads == 1)
    await cache.close()
    with pytest.raises((asyncio.CancelledError, GatewayError)):
        await waiting


async def _settled(cache: CardCache) -> None:
    await steps.until(lambda: cache._reading is None)  # pyright: ignore[reportPrivateUsage] - nothing else tells


# The interface

WEB_0_3 = interface("http://old/", version="0.3")
EVERY = [
    interface("http://a/"),
    interface("b:1", "GRPC"),
    interface("http://c/", "HTTP+JSON"),
    interface("http://d/", version="0.3"),
    interface("e:1", "GRPC", "0.3"),
    interface("http://f/", "HTTP+JSON", "0.3"),
]
"""All that the gateway speaks."""

Wanted = dict[str, str]
"""The agent's settings `binding` and `version`, as far as they are set."""

CHOICES: dict[str, tuple[list[events.Json], Wanted, str]] = {
    "the only one": ([interface("http://a/")], {}, "http://a/"),
    "the first of two": ([interface("http://a/"), interface("b:1", "GRPC")], {}, "http://a/"),
    "the first of two, the other way": ([interface("b:1", "GRPC"), interface("http://a/")], {}, "b:1"),
    "the first of two bindings over HTTP": (
        [interface("http://c/", "HTTP+JSON"), interface("http://a/")],
        {},
        "http://c/",
    ),
    "the first of two versions": ([WEB_0_3, interface("http://a/")], {}, "http://old/"),
    "the first of two versions, the other way": ([interface("http://a/"), WEB_0_3], {}, "http://a/"),
    "the first that is spoken": ([interface("http://a/", version="0.2"), interface("b:1", "GRPC")], {}, "b:1"),
    "not one of 2.0": ([interface("http://a/", version="2.0"), interface("http://b/")], {}, "http://b/"),
    "not one of 10.0": ([interface("http://a/", version="10.0"), interface("http://b/")], {}, "http://b/"),
    "not one of 1.1": ([interface("http://a/", version="1.1"), interface("http://b/")], {}, "http://b/"),
    "not one of 1": ([interface("http://a/", version="1"), interface("http://b/")], {}, "http://b/"),
    "one of 1.0.1": ([interface("http://a/", version="1.0.1")], {}, "http://a/"),
    "one of 0.3.0": ([interface("http://a/", version="0.3.0")], {}, "http://a/"),
    "not one of a binding in other letters": ([interface("http://a/", "jsonrpc"), interface("b:1", "GRPC")], {}, "b:1"),
    "not one of an unknown binding": (
        [interface("ws://a/", "https://example.com/ws"), interface("b:1", "GRPC")],
        {},
        "b:1",
    ),
    "JSON-RPC, as is set": (EVERY, {"binding": "JSONRPC"}, "http://a/"),
    "gRPC, as is set": (EVERY, {"binding": "GRPC"}, "b:1"),
    "HTTP+JSON, as is set": (EVERY, {"binding": "HTTP+JSON"}, "http://c/"),
    "1.0, as is set": (EVERY[::-1], {"version": "1.0"}, "http://c/"),
    "0.3, as is set": (EVERY, {"version": "0.3"}, "http://d/"),
    "JSON-RPC of 0.3, as is set": (EVERY, {"binding": "JSONRPC", "version": "0.3"}, "http://d/"),
    "gRPC of 0.3, as is set": (EVERY, {"binding": "GRPC", "version": "0.3"}, "e:1"),
    "HTTP+JSON of 0.3, as is set": (EVERY, {"binding": "HTTP+JSON", "version": "0.3"}, "http://f/"),
}

BELIEVED: dict[str, tuple[list[events.Json], Wanted, tuple[str, str, str]]] = {
    "0.3 at the address of 1.0": (EVERY[:2], {"version": "0.3"}, ("http://a/", "JSONRPC", "0.3")),
    "1.0 at the address of 0.3": (EVERY[3:], {"version": "1.0"}, ("http://d/", "JSONRPC", "1.0")),
    "by the binding": (EVERY[:3], {"binding": "GRPC", "version": "0.3"}, ("b:1", "GRPC", "0.3")),
    "over a version that is not spoken": (
        [interface("http://a/", version="2.0")],
        {"version": "1.0"},
        ("http://a/", "JSONRPC", "1.0"),
    ),
    "not of an unknown binding": (
        [interface("ws://a/", "WS"), *EVERY[1:2]],
        {"version": "0.3"},
        ("b:1", "GRPC", "0.3"),
    ),
}
"""Where the card has nothing of the version that the settings name."""

NO_CHOICE: dict[str, tuple[list[events.Json], Wanted, str]] = {
    "none": ([], {}, "no interface"),
    "none, whatever is set": ([], {"binding": "JSONRPC", "version": "0.3"}, "no interface"),
    "only 0.2": ([interface("http://a/", version="0.2")], {}, "JSONRPC 0.2"),
    "only others": ([interface("http://a/", "HTTP+XML"), interface("x", "WS", "2.0")], {}, "HTTP+XML 1.0, WS 2.0"),
    "only another binding than is set": (EVERY[:2], {"binding": "HTTP+JSON"}, "JSONRPC 1.0, GRPC 1.0"),
    "only another binding than is set, of any version": (
        EVERY[:2],
        {"binding": "HTTP+JSON", "version": "0.3"},
        "JSONRPC 1.0, GRPC 1.0",
    ),
}

SPEAKS = "the gateway speaks GRPC 1.0, JSONRPC 1.0, HTTP+JSON 1.0, GRPC 0.3, JSONRPC 0.3, HTTP+JSON 0.3"


def card_of(interfaces: list[events.Json]) -> AgentCard:
    return AgentCard.from_json(json.dumps(leading_to(*interfaces)))


def wanting(wanted: Wanted) -> AgentSettings:
    return AgentSettings.model_validate({"name": "agent", "url": "http://nowhere.invalid/", **wanted})


@pytest.mark.parametrize("which", CHOICES)
async def test_the_interface_that_is_used_is(which: str) -> None:
    interfaces, wanted, url = CHOICES[which]
    card = card_of(interfaces)
    chosen = choose_interface(card, wanting(wanted))
    assert chosen.url == url
    assert any(chosen is offered for offered in card.supported_interfaces), "it is spoken to as the card says"


@pytest.mark.parametrize("which", BELIEVED)
async def test_a_version_that_is_set_is_believed_over_the_card(which: str) -> None:
    interfaces, wanted, expected = BELIEVED[which]
    card = card_of(interfaces)
    before = card.to_binary()
    chosen = choose_interface(card, wanting(wanted))
    assert (chosen.url, chosen.protocol_binding, chosen.protocol_version) == expected
    assert card.to_binary() == before, "the agent's card is the agent's"


@pytest.mark.parametrize("which", NO_CHOICE)
async def test_no_interface_can_be_used(which: str) -> None:
    interfaces, wanted, offered = NO_CHOICE[which]
    with pytest.raises(AgentError) as failed:
        choose_interface(card_of(interfaces), wanting(wanted))
    assert failed.value.kind is ErrorKind.VERSION_NOT_SUPPORTED
    assert failed.value.message == f"The agent's card offers {offered}; {SPEAKS}"


# Where it leads


@pytest.mark.parametrize(
    ("under", "written", "path"),
    [
        ("", "/rpc", "/rpc"),
        ("", "rpc", "/.well-known/rpc"),
        ("", "../rpc", "/rpc"),
        ("agents/one", "/rpc", "/rpc"),
        ("agents/one/", "../rpc", "/agents/one/rpc"),
    ],
)
async def test_a_relative_address_starts_at_the_card(under: str, written: str, path: str) -> None:
    card = leading_to(interface(written))
    async with ScriptedHttpAgent({"*": [json_reply(events.bare_task("here"))]}, card=shown(card)) as agent:
        async with reaching(f"{agent.url}{under}") as upstream:
            assert await task_id(upstream) == "here"
        assert [request.path for request in agent.requests if request.rpc] == [path]


@pytest.mark.parametrize("written", ["{}", "http://{}", "grpc://{}/"])
async def test_a_card_leads_to_a_grpc_agent(written: str) -> None:
    answer = scripted_grpc.answer(events.bare_task("over-grpc"), a2a.Task)
    async with ScriptedGrpcAgent({"*": [answer]}) as agent:
        card = leading_to(interface(written.format(agent.address), "GRPC"))
        async with ScriptedHttpAgent({}, card=shown(card)) as host, reaching(host.url) as upstream:
            assert await task_id(upstream) == "over-grpc"


NOWHERE = [
    *(
        ("JSONRPC", url)
        for url in (
            "http://[",
            "http://",
            "ftp://127.0.0.1/",
            "http://a b/",
            "http://127.0.0.1:x/",
            "file:///etc/hosts",
            "mailto:a",
        )
    ),
    *(("GRPC", url) for url in ("", ":", "http://[", "127.0.0.1:x", "unix:///run/x", "dns:///", "a b:1")),
]


@pytest.mark.parametrize(("binding", "url"), NOWHERE)
async def test_a_card_that_leads_nowhere_is_the_agents_fault(binding: str, url: str) -> None:
    card = leading_to(interface(url, binding))
    async with ScriptedHttpAgent({}, card=shown(card)) as host:
        async with reaching(host.url, bounds=limits(connect_s=1)) as upstream:
            with pytest.raises(AgentError) as failed:
                await task_id(upstream, CallContext(deadline=asyncio.get_running_loop().time() + 10))
            assert failed.value.kind in (ErrorKind.UNAVAILABLE, ErrorKind.INVALID_AGENT_RESPONSE)


async def test_a_card_that_moves_is_followed() -> None:
    """New calls go to the new place; a stream that has begun stays where it is."""
    more = asyncio.Event()
    async with ScriptedHttpAgent({"*": [json_reply(events.bare_task("old"))]}) as old:
        over_grpc = scripted_grpc.answer(events.bare_task("new"), a2a.Task)
        follow = [
            scripted_grpc.event(events.task()),
            steps.wait(more),
            scripted_grpc.event(events.status(events.COMPLETED)),
        ]
        async with ScriptedGrpcAgent({"GetTask": [over_grpc], "SubscribeToTask": follow}) as new:
            async with reaching(old.url, bounds=limits(card_s=1e-9)) as upstream:
                assert await task_id(upstream) == "old"
                old.card = shown(leading_to(interface(new.address, "GRPC")))
                await _until(upstream, "new")
                stream = await upstream.open(SUBSCRIBE_TO_TASK, a2a.SubscribeToTaskRequest(id="t"), HERE)
                assert await stream.burst() is not None
                old.card = shown(leading_to(interface(old.url)))
                await _until(upstream, "old")
                more.set()
                assert await stream.burst() is not None
                assert await stream.burst() is None
                await stream.close()


async def _until(upstream: Any, expected: str) -> None:
    async with asyncio.timeout(20):
        while await task_id(upstream) != expected:
            await asyncio.sleep(0.001)


async def test_an_agent_that_lost_its_card_is_still_reached() -> None:
    async with ScriptedHttpAgent({"*": [json_reply(events.bare_task("here"))]}) as agent:
        async with reaching(agent.url, bounds=limits(card_s=1e-9)) as upstream:
            assert await task_id(upstream) == "here"
            agent.card = [reply(503, (), b"")]
            for _ in range(3):
                assert await task_id(upstream) == "here"
