"""Cards over HTTP and both bindings: the agent's own words, the gateway's addresses, how long they may be kept."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from generated.a2a.v0_3 import a2a_pb as a2a_0_3
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.events import from_wire
from tests.fakes.http_steps import JSON_HEAD, reply
from tests.northbound.asking import Place, card, placed
from tests.offered import with_deltas

pytestmark = pytest.mark.anyio

CARD = ".well-known/agent-card.json"

WHOSE = {
    "/": ("words", "", ""),
    "/words/": ("words", "words/", "words"),
    "/scribe/": ("scribe", "scribe/", "scribe"),
}
"""Where a card is asked for: whose it is, the path that it names and the tenant that it names."""


def interfaces(place: Place, path: str, tenant: str) -> list[dict[str, str]]:
    """What a card says; gRPC of 0.3 has no tenant, so it can only be the default agent's."""
    root, grpc = place.url(f"/{path}"), place.gateway.grpc
    new = {"protocolVersion": "1.0"}
    old = {"protocolVersion": "0.3"}
    return [
        {"url": root, "protocolBinding": "JSONRPC", **new},
        {"url": grpc, "protocolBinding": "GRPC", **new, **({"tenant": tenant} if tenant else {})},
        {"url": root.removesuffix("/"), "protocolBinding": "HTTP+JSON", **new},
        {"url": root, "protocolBinding": "JSONRPC", **old},
        {"url": root.removesuffix("/"), "protocolBinding": "HTTP+JSON", **old},
        *([] if tenant else [{"url": grpc, "protocolBinding": "GRPC", **old}]),
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
    assert but_for_addresses(shown) == but_for_addresses(with_deltas(expected))


Reached = Callable[[dict[str, str]], Awaitable[str]]
"""The id of the task that an interface of a card answers with."""


def over_jsonrpc(method: str) -> Reached:
    async def reached(interface: dict[str, str]) -> str:
        async with HttpCaller(interface["url"]) as caller:
            await caller.post(method, {"id": "t"}, headers=(("a2a-version", interface["protocolVersion"]),))
            answer: Any = (await caller.read_all()).json()
        return answer["result"]["id"]

    return reached


def over_rest(below: str) -> Reached:
    async def reached(interface: dict[str, str]) -> str:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as caller:
            headers = {"a2a-version": interface["protocolVersion"]}
            return (await caller.get(f"{interface['url']}{below}", headers=headers)).json()["id"]

    return reached


async def over_grpc(interface: dict[str, str]) -> str:
    request = a2a.GetTaskRequest(tenant=interface.get("tenant", ""), id="t")
    async with GrpcCaller(interface["url"]) as caller:
        outcome = await caller.call("GetTask", request.to_binary(), metadata=(("a2a-version", "1.0"),))
    (message,) = outcome.messages
    return a2a.Task.from_binary(message).id


async def over_old_grpc(interface: dict[str, str]) -> str:
    request = a2a_0_3.GetTaskRequest(name="tasks/t")
    async with GrpcCaller(interface["url"]) as caller:
        path, named = "/a2a.v1.A2AService/GetTask", (("a2a-version", "0.3"),)
        outcome = await caller.call(path, request.to_binary(), metadata=named)
    (message,) = outcome.messages
    return a2a_0_3.Task.from_binary(message).id


REACHING: dict[tuple[str, str], Reached] = {
    ("JSONRPC", "1.0"): over_jsonrpc("GetTask"),
    ("GRPC", "1.0"): over_grpc,
    ("HTTP+JSON", "1.0"): over_rest("/tasks/t"),
    ("JSONRPC", "0.3"): over_jsonrpc("tasks/get"),
    ("HTTP+JSON", "0.3"): over_rest("/v1/tasks/t"),
    ("GRPC", "0.3"): over_old_grpc,
}


@pytest.mark.parametrize("path", WHOSE)
async def test_the_addresses_in_a_card_work(place: Place, path: str) -> None:
    name, _, tenant = WHOSE[path]
    reached: dict[tuple[str, str], str] = {}
    for interface in (await place.card(path))["supportedInterfaces"]:
        key = interface["protocolBinding"], interface["protocolVersion"]
        reached[key] = await REACHING[key](interface)
    assert reached == {key: f"of-{name}" for key in REACHING if not tenant or key != ("GRPC", "0.3")}
    assert place.asked() == [name] * len(reached)


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
        "https://agents.example.com/a2a/scribe",
        "https://agents.example.com/a2a/scribe/",
        "https://agents.example.com/a2a/scribe",
    ]


# No card


@pytest.mark.parametrize("path", ["/nobody/", "/WORDS/", "/words%20/", "/..%2f/"])
async def test_an_unknown_agent_has_no_card(place: Place, path: str) -> None:
    answer = await place.get(f"{path}{CARD}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2.0", "A2A version 2.0 is not supported; supported: 1.0, 0.3\n"),
        ("1.1", "A2A version 1.1 is not supported; supported: 1.0, 0.3\n"),
        ("latest", "A2A-Version: 'latest' is no protocol version\n"),
    ],
)
@pytest.mark.parametrize("where", ["header", "query"])
async def test_a_card_of_another_version_is_a_bad_request(
    place: Place, version: str, said: str, where: str
) -> None:
    """It will not be had later either."""
    if where == "header":
        answer = await place.get(f"/{CARD}", (("a2a-version", version),))
    else:
        answer = await place.get(f"/{CARD}?A2A-Version={version}")
    assert (answer.status_code, answer.text) == (400, said)
    assert "retry-after" not in answer.headers
    assert "etag" not in answer.headers


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
