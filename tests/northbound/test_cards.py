"""Cards over HTTP and both bindings: the agent's own words, the gateway's addresses, how long they may be kept."""

import json
from typing import Any

import pytest

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.callers import HttpCaller
from tests.fakes.events import from_wire
from tests.fakes.http_steps import JSON_HEAD, reply
from tests.northbound.asking import Place, card, placed

pytestmark = pytest.mark.anyio

CARD = ".well-known/agent-card.json"

WHOSE = {
    "/": ("words", "", ""),
    "/words/": ("words", "words/", "words"),
    "/scribe/": ("scribe", "scribe/", "scribe"),
}
"""Where a card is asked for: whose it is, the path that it names and the tenant that it names."""


def interfaces(place: Place, path: str, tenant: str) -> list[dict[str, str]]:
    grpc = {"url": place.gateway.grpc, "protocolBinding": "GRPC", "protocolVersion": "1.0"}
    return [
        {"url": place.url(f"/{path}"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {**grpc, "tenant": tenant} if tenant else grpc,
    ]


def but_for_addresses(shown: Any) -> Any:
    return {name: value for name, value in shown.items() if name not in ("supportedInterfaces", "signatures")}


@pytest.mark.parametrize("path", WHOSE)
async def test_a_card_leads_to_the_gateway(place: Place, path: str) -> None:
    _, under, tenant = WHOSE[path]
    shown = await place.card(path)
    assert shown["supportedInterfaces"] == interfaces(place, under, tenant)


@pytest.mark.parametrize("path", WHOSE)
async def test_a_card_says_what_the_agent_says_but_for_signatures(place: Place, path: str) -> None:
    shown = await place.card(path)
    expected = from_wire(a2a.AgentCard, events.to_wire(a2a.AgentCard, card(WHOSE[path][0])))
    assert "signatures" not in shown
    assert but_for_addresses(shown) == but_for_addresses(expected)


@pytest.mark.parametrize("path", WHOSE)
async def test_the_address_in_a_card_works(place: Place, path: str) -> None:
    name, _, _ = WHOSE[path]
    http, grpc = (await place.card(path))["supportedInterfaces"]
    async with HttpCaller(http["url"]) as caller:
        await caller.post("GetTask", {"id": "t"})
        answer = (await caller.read_all()).json()
    assert isinstance(answer, dict)
    assert answer["result"] == events.bare_task(f"of-{name}")
    outcome = await place.call(grpc.get("tenant", ""))
    assert [from_wire(a2a.Task, message)["id"] for message in outcome.messages] == [f"of-{name}"]
    place.asked()


@pytest.mark.parametrize("path", WHOSE)
async def test_an_extended_card_over_http_leads_to_the_gateway(place: Place, path: str) -> None:
    name, under, tenant = WHOSE[path]
    _, answer = await place.post(path, {}, method="GetExtendedAgentCard")
    assert answer["result"]["supportedInterfaces"] == interfaces(place, under, tenant)
    assert answer["result"]["name"] == name
    assert "signatures" not in answer["result"]


@pytest.mark.parametrize("tenant", ["", "words", "scribe"])
async def test_an_extended_card_over_grpc_leads_to_the_gateway(place: Place, tenant: str) -> None:
    outcome = await place.call(tenant, method="GetExtendedAgentCard")
    (shown,) = (from_wire(a2a.AgentCard, message) for message in outcome.messages)
    assert shown["supportedInterfaces"] == interfaces(place, f"{tenant}/" if tenant else "", tenant)
    assert "signatures" not in shown


async def test_an_extended_card_by_tenant_over_http_names_that_agent(place: Place) -> None:
    _, answer = await place.post("/", {"tenant": "scribe"}, method="GetExtendedAgentCard")
    assert answer["result"]["supportedInterfaces"] == interfaces(place, "scribe/", "scribe")


# Caching


async def test_a_card_is_the_same_until_it_changes(place: Place) -> None:
    first, second, other = [await place.get(f"{path}{CARD}") for path in ("/", "/", "/words/")]
    assert first.headers["etag"] == second.headers["etag"] != other.headers["etag"]
    assert first.headers["etag"].startswith('"')
    assert first.content == second.content


MATCHING = {
    "the same": ("{etag}", 304),
    "the same, weakly": ("W/{etag}", 304),
    "one of a list": ('"other", {etag}, "third"', 304),
    "one of a list, without spaces": ('"other",W/{etag}', 304),
    "any": ("*", 304),
    "another": ('"other"', 200),
    "others": ('"other", W/"third"', 200),
    "the same, unquoted": ("{bare}", 200),
    "nothing": ("", 200),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("given", MATCHING)
async def test_if_none_match(place: Place, given: str, method: str) -> None:
    template, status = MATCHING[given]
    whole = await place.get(f"/{CARD}")
    etag = whole.headers["etag"]
    asked = template.format(etag=etag, bare=etag.strip('"'))
    answer = await place.get(f"/{CARD}", (("if-none-match", asked),), method)
    assert answer.status_code == status
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == whole.headers["cache-control"]
    assert answer.content == (whole.content if (status, method) == (200, "GET") else b"")


async def test_head_says_what_get_would(place: Place) -> None:
    got, head = await place.get(f"/scribe/{CARD}"), await place.get(f"/scribe/{CARD}", method="HEAD")
    names = ("content-type", "content-length", "etag", "cache-control", "access-control-allow-origin")
    assert {name: head.headers[name] for name in names} == {name: got.headers[name] for name in names}
    assert (head.status_code, head.content) == (200, b"")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["access-control-allow-origin"] == "*"


async def test_a_card_that_depends_on_the_caller_is_private(place: Place) -> None:
    answer = await place.get(f"/{CARD}")
    assert answer.headers["cache-control"] == "private, max-age=300"


async def test_a_card_that_is_the_same_for_all_is_public() -> None:
    async with placed(public_url="https://agents.example.com/a2a/", limits={"card_s": 60}) as place:
        answer = await place.get(f"/scribe/{CARD}")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert [one["url"] for one in answer.json()["supportedInterfaces"]] == [
        "https://agents.example.com/a2a/scribe/",
        f"agents.example.com:{place.gateway.grpc.rpartition(':')[2]}",
    ]


# No card


@pytest.mark.parametrize("path", ["/nobody/", "/WORDS/", "/words%20/", "/..%2f/"])
async def test_an_unknown_agent_has_no_card(place: Place, path: str) -> None:
    answer = await place.get(f"{path}{CARD}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


async def test_the_card_of_an_agent_that_is_down_is_a_bad_gateway() -> None:
    async with placed() as place:
        await place.scribe.refuse()
        answer = await place.get(f"/scribe/{CARD}")
        assert place.scribe.address not in answer.text
    assert (answer.status_code, answer.text) == (502, "The agent cannot be reached\n")
    assert answer.headers["retry-after"] == "5"
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    "broken",
    [
        reply(500, (), b"Traceback"),
        reply(302, (("location", "http://127.0.0.1:1/"),), b""),
        reply(200, JSON_HEAD, b"{"),
        reply(200, JSON_HEAD, b"[]"),
        reply(200, JSON_HEAD, b'{"name": 1}'),
        reply(200, JSON_HEAD, b'"' + b"x" * 200_000 + b'"'),
    ],
    ids=["500", "redirect", "no JSON", "no object", "no card", "too large"],
)
async def test_a_card_that_cannot_be_used_is_a_bad_gateway(broken: Any) -> None:
    async with placed(limits={"json_bytes": 100_000}) as place:
        place.scribe.card = [broken]
        answer = await place.get(f"/scribe/{CARD}")
    assert answer.status_code == 502
    assert "Traceback" not in answer.text


async def test_a_gateway_without_agents_has_no_card() -> None:
    async with placed(agents=[]) as place:
        answer = await place.get(f"/{CARD}")
    assert answer.status_code == 404


async def test_a_card_that_a_gateway_is_configured_with_is_rewritten_too() -> None:
    given = json.loads(json.dumps(card("given")))
    async with placed(words={"card": given}) as place:
        shown = await place.card("/words/")
    assert shown["name"] == "given"
    assert shown["supportedInterfaces"] == interfaces(place, "words/", "words")
    assert "signatures" not in shown
