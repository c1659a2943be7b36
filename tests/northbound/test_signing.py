"""Signed cards through a live gateway: the agent's signature verified, the gateway's own made, its keys and its catalogue served."""

import base64
import json
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from gateway.app import Gateway
from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.codec.signature import SigningKey, Verdict, public_keys, sign, verify
from gateway.settings import ConfigurationError, Settings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, http_steps, steps
from tests.fakes.events import Json, from_wire
from tests.fakes.http_steps import Script
from tests.fakes.keys import ALGORITHMS, jwks, pem, private, signing_key
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.northbound.asking import Place, card, placed
from tests.southbound.tls_front import TlsFront

pytestmark = pytest.mark.anyio

KEYS = "/.well-known/jwks.json"
CATALOGUE = "/.well-known/agent-cards.json"
CARD = ".well-known/agent-card.json"
AGENT_KEY = signing_key("ES256", "agent-1")
OTHER_KEY = signing_key("ES256", "agent-1", name="second")
NEW_KEY = signing_key("EdDSA", "agent-2")
BOUNDS = Bounds()


def read(members: Any) -> a2a.AgentCard:
    return protojson.decode(a2a.AgentCard, json.dumps(members).encode(), BOUNDS)


def signed(members: Json, key: SigningKey = AGENT_KEY) -> Json:
    return json.loads(protojson.encode(sign(read(members), key), BOUNDS))


def header_of(members: Any) -> dict[str, Any]:
    (signature,) = members["signatures"]
    return json.loads(base64.urlsafe_b64decode(signature["protected"] + "=="))


def served(members: Json) -> Script:
    return [http_steps.reply(200, http_steps.JSON_HEAD, json.dumps(members).encode())]


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str, bytes], str]:
    def write(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


Files = Callable[[str, bytes], str]


def signing(files: Files, algorithm: str = "ES256", **more: Any) -> Json:
    return {"key": files("key.pem", pem(private(algorithm, "gateway"))), "kid": "gateway", **more}


def trusting(files: Files, *keys: SigningKey) -> Json:
    return {"card_keys": files("jwks.json", json.dumps(jwks(*keys)).encode())}


def own_card(place: Place, **more: Any) -> Json:
    """What `scribe` says of itself."""
    return {**card("scribe", **more), "supportedInterfaces": [{"url": place.scribe.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}


@asynccontextmanager
async def publishing(public: Callable[[Json], Json], extended: Callable[[Json], Json] = signed, **changes: Any) -> AsyncGenerator[Place]:
    """The place, with cards of `scribe` that these make of its own."""
    async with placed(**changes) as place:
        place.scribe.card = served(public(own_card(place)))
        scripts: Any = place.scribe.scripts
        scripts["GetExtendedAgentCard"] = [http_steps.json_reply(extended(own_card(place)))]
        yield place


async def keys_of(place: Place) -> Any:
    return public_keys((await place.get(KEYS)).json())


# The agent's signature


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_verified_card_is_rewritten_and_signed_anew(files: Files, algorithm: str) -> None:
    """As a reader would: the card, the keys that its signature points to, the verdict."""
    own = signing(files, algorithm, jku=True)
    async with publishing(signed, signing=own, scribe=trusting(files, AGENT_KEY)) as place:
        shown = await place.card("/scribe/")
        header = header_of(shown)
        keys = public_keys((await place.get(header["jku"].removeprefix(place.url("")))).json())
        addresses = {one["url"] for one in shown["supportedInterfaces"]}
    assert header == {"alg": algorithm, "kid": "gateway", "typ": "JOSE", "jku": place.url(KEYS)}
    assert verify(read(shown), keys) is Verdict.VALID
    assert verify(read({**shown, "name": "Mallory"}), keys) is Verdict.INVALID
    assert addresses == {place.url("/scribe/"), place.url("/scribe"), place.gateway.grpc}
    assert (shown["name"], shown["provider"]["organization"]) == ("scribe", "Acme")


async def test_extended_cards_are_signed_too(files: Files) -> None:
    async with publishing(signed, signing=signing(files), scribe=trusting(files, AGENT_KEY)) as place:
        _, answer = await place.post("/scribe/", {}, method="GetExtendedAgentCard")
        outcomes = [await place.call(tenant, method="GetExtendedAgentCard") for tenant in ("scribe", "words")]
        over_rest = (await place.get("/scribe/extendedAgentCard", (("a2a-version", "1.0"),))).json()
        keys = await keys_of(place)
    over_grpc = [from_wire(a2a.AgentCard, outcome.messages[0]) for outcome in outcomes]
    shown = [answer["result"], over_rest, *over_grpc]
    assert [one["name"] for one in shown] == ["scribe", "scribe", "scribe", "words"]
    assert [verify(read(one), keys) for one in shown] == [Verdict.VALID] * 4


def unsigned(own: Json) -> Json:
    return {name: value for name, value in own.items() if name != "signatures"}


BAD: dict[str, tuple[Callable[[Json], Json], str]] = {
    "not signed": (unsigned, "it is not signed"),
    "signed by another key of that id": (lambda own: signed(own, OTHER_KEY), "not by the key that it names"),
    "signed by a key that is not known": (lambda own: signed(own, NEW_KEY), "names no known key"),
    "changed after signing": (lambda own: {**signed(own), "description": "Another."}, "over another card"),
    "with nonsense for a signature": (lambda own: own, "names no known key"),
}


@pytest.mark.parametrize("how", BAD)
async def test_a_card_that_is_not_the_agents_own_is_refused(files: Files, how: str) -> None:
    """And so is every call: where it would go, that card says."""
    bad, said = BAD[how]
    async with publishing(bad, signing=signing(files), scribe=trusting(files, AGENT_KEY)) as place:
        answer = await place.get(f"/scribe/{CARD}")
        _, call = await place.post("/scribe/")
    assert answer.status_code == 502
    assert answer.text.startswith("The agent's card is refused: ")
    assert said in answer.text
    assert call["error"]["code"] == -32006
    assert call["error"]["message"] == answer.text.strip()
    assert [request.rpc for request in place.scribe.requests if request.rpc] == []


@pytest.mark.parametrize("how", BAD)
async def test_an_extended_card_that_is_not_the_agents_own_is_refused(files: Files, how: str) -> None:
    bad, said = BAD[how]
    async with publishing(signed, bad, signing=signing(files), scribe=trusting(files, AGENT_KEY)) as place:
        _, answer = await place.post("/scribe/", {}, method="GetExtendedAgentCard")
        outcome = await place.call("scribe", method="GetExtendedAgentCard")
        _, call = await place.post("/scribe/")
    assert answer["error"]["code"] == -32006
    assert said in answer["error"]["message"]
    assert (outcome.reason, outcome.messages) == ("INVALID_AGENT_RESPONSE", [])
    assert call["result"] == events.bare_task("of-scribe")


async def test_the_card_of_a_grpc_agent_is_verified(files: Files) -> None:
    """The scripted one shows a badly signed card; its address is configured, so calls go there."""
    async with placed(words=trusting(files, AGENT_KEY)) as place:
        answer = await place.get(f"/words/{CARD}")
        call = await place.call("words")
    assert (answer.status_code, call.ok) == (502, True)


async def test_a_configured_card_is_verified(files: Files) -> None:
    own = {**unsigned(card("scribe")), "name": "given"}
    for members, status in ((own, 502), (signed(own), 200)):
        async with placed(scribe={**trusting(files, AGENT_KEY), "card": members}) as place:
            assert (await place.get(f"/scribe/{CARD}")).status_code == status


@pytest.mark.parametrize("how", BAD)
async def test_without_keys_nothing_is_verified(files: Files, how: str) -> None:
    bad, _ = BAD[how]
    async with publishing(bad, bad, signing=signing(files)) as place:
        shown = await place.card("/scribe/")
        _, answer = await place.post("/scribe/", {}, method="GetExtendedAgentCard")
        keys = await keys_of(place)
    assert [verify(read(one), keys) for one in (shown, answer["result"])] == [Verdict.VALID] * 2


async def test_a_gateway_without_a_key_publishes_unsigned_cards(files: Files) -> None:
    async with publishing(signed, scribe=trusting(files, AGENT_KEY)) as place:
        shown = await place.card("/scribe/")
    assert "signatures" not in shown


# The agent's keys over HTTP


@asynccontextmanager
async def keys_served(files: Files, script: Script) -> AsyncGenerator[tuple[ScriptedHttpAgent, Json]]:
    """Something at an https address, and the settings of an agent whose keys are there."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ScriptedHttpAgent(lambda request: script))
        front = await stack.enter_async_context(TlsFront(server.address, context))
        ca = files("ca.pem", authority.cert_pem.bytes())
        settings: Json = {
            "card_keys": f"https://{front.address}/keys",
            "tls": {"ca": ca},
            "headers": {"authorization": "Bearer secret"},
        }
        yield server, settings


async def test_keys_are_read_over_https_once_and_without_credentials(files: Files) -> None:
    async with keys_served(files, served(jwks(AGENT_KEY))) as (server, scribe), publishing(signed, scribe=scribe) as place:
        answers = [await place.get(f"/scribe/{CARD}") for _ in range(2)]
        _, extended = await place.post("/scribe/", {}, method="GetExtendedAgentCard")
    assert [answer.status_code for answer in answers] == [200, 200]
    assert extended["result"]["name"] == "scribe"
    (request,) = server.requests
    assert (request.method, request.path, request.header("authorization")) == ("GET", "/keys", None)


NO_KEYS: dict[str, tuple[Script, str]] = {
    "an error": ([http_steps.reply(500, (), b"")], "Fetching the agent's keys gave HTTP 500"),
    "no JSON": ([http_steps.reply(200, (), b"<html>")], "cannot be used"),
    "no keys": (served({"keys": []}), "cannot be used"),
    "a broken connection": ([http_steps.rst()], "connection to the agent broke"),
}


@pytest.mark.parametrize("what", NO_KEYS)
async def test_without_the_keys_a_card_is_refused(files: Files, what: str) -> None:
    script, said = NO_KEYS[what]
    async with keys_served(files, script) as (_, scribe), publishing(signed, scribe=scribe) as place:
        answer = await place.get(f"/scribe/{CARD}")
    assert answer.status_code == 502
    assert said in answer.text
    assert "127.0.0.1" not in answer.text


# The gateway's own signature


async def test_a_signed_card_is_the_same_until_it_changes(files: Files) -> None:
    """By every gateway with the same key, so that caches work."""
    fixed = {"public_url": "https://agents.example.com", "public_grpc": "agents.example.com:443"}
    answers: list[httpx.Response] = []
    for _ in range(2):
        async with placed(signing=signing(files, jku=True), **fixed) as place:
            answers += [await place.get(f"/{CARD}") for _ in range(2)]
            again = await place.get(f"/{CARD}", (("if-none-match", answers[0].headers["etag"]),))
            assert again.status_code == 304
    assert len({answer.content for answer in answers}) == 1
    assert header_of(answers[0].json())["jku"] == f"https://agents.example.com{KEYS}"


async def test_jku_follows_the_callers_address(files: Files) -> None:
    async with placed(signing=signing(files, jku=True)) as place:
        shown = await place.card("/scribe/", (("host", "agents.example.com"),))
    assert header_of(shown)["jku"] == f"http://agents.example.com{KEYS}"


JKU: dict[str, tuple[dict[str, Any], str | None]] = {
    "absent": ({}, None),
    "off": ({"jku": False}, None),
    "an address": ({"jku": "https://keys.example.com/set"}, "https://keys.example.com/set"),
}


@pytest.mark.parametrize("given", JKU)
async def test_jku_is_what_the_settings_say(files: Files, given: str) -> None:
    more, expected = JKU[given]
    async with placed(signing=signing(files, **more)) as place:
        assert header_of(await place.card()).get("jku") == expected


async def test_a_key_without_an_id_has_one(files: Files) -> None:
    own = signing(files)
    del own["kid"]
    async with placed(signing=own) as place:
        (key,) = (await place.get(KEYS)).json()["keys"]
        assert header_of(await place.card())["kid"] == key["kid"] != ""


# The gateway's keys


async def test_the_keys_are_public_and_may_be_kept(files: Files) -> None:
    async with placed(signing=signing(files), limits={"card_s": 60}) as place:
        answer = await place.get(KEYS)
        head = await place.get(KEYS, method="HEAD")
        again = await place.get(KEYS, (("if-none-match", answer.headers["etag"]),))
        posted = await place.get(KEYS, method="POST")
    assert answer.json() == jwks(signing_key("ES256", "gateway", name="gateway"))
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")


async def test_there_are_keys_at_one_address_only(files: Files) -> None:
    async with placed(signing=signing(files)) as place:
        answers = [await place.get(path) for path in (f"/words{KEYS}", f"/scribe{KEYS}", f"{KEYS}/")]
    assert [answer.status_code for answer in answers] == [404] * 3


async def test_a_gateway_that_does_not_sign_has_no_keys(place: Place) -> None:
    assert (await place.get(KEYS)).status_code == 404


# The catalogue


def row(place: Place, name: str, *, available: bool = True) -> Json:
    return {"name": name, "card": place.url(f"/{name}/{CARD}"), "available": available}


async def test_the_catalogue_lists_every_agent(place: Place) -> None:
    answer = await place.get(CATALOGUE)
    assert answer.json() == [row(place, "words"), row(place, "scribe")]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-cache"


async def test_the_cards_of_the_catalogue_are_there(place: Place) -> None:
    rows = (await place.get(CATALOGUE)).json()
    shown = [(await place.get(one["card"].removeprefix(place.url("")))).json() for one in rows]
    assert [one["name"] for one in shown] == [one["name"] for one in rows]


async def test_the_catalogue_is_for_its_caller(place: Place) -> None:
    rows = (await place.get(CATALOGUE, (("host", "agents.example.com:8443"),))).json()
    assert [one["card"] for one in rows] == [f"http://agents.example.com:8443/{name}/{CARD}" for name in ("words", "scribe")]
    async with placed(public_url="https://agents.example.com/a2a") as fixed:
        rows = (await fixed.get(CATALOGUE)).json()
    assert [one["card"] for one in rows] == [f"https://agents.example.com/a2a/{name}/{CARD}" for name in ("words", "scribe")]


async def test_the_catalogue_answers_conditionally(place: Place) -> None:
    first = await place.get(CATALOGUE)
    again = await place.get(CATALOGUE, (("if-none-match", first.headers["etag"]),))
    head = await place.get(CATALOGUE, method="HEAD")
    posted = await place.get(CATALOGUE, method="POST")
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert (await place.get(f"/words{CATALOGUE}")).status_code == 404


UNAVAILABLE: dict[str, Script] = {
    "an error": [http_steps.reply(503, (), b"")],
    "no card": [http_steps.reply(200, (), b"{")],
    "nothing, for ever": [steps.hang()],
}


@pytest.mark.parametrize("what", UNAVAILABLE)
async def test_an_agent_without_a_card_is_listed_as_such(what: str) -> None:
    """However long its card would take."""
    async with placed(words={"card": card("words")}, limits={"connect_s": 0.3}) as place:
        place.scribe.card = UNAVAILABLE[what]
        assert (await place.get(CATALOGUE)).json() == [row(place, "words"), row(place, "scribe", available=False)]


async def test_a_refused_card_is_not_available(files: Files) -> None:
    async with publishing(unsigned, scribe=trusting(files, AGENT_KEY)) as place:
        assert (await place.get(CATALOGUE)).json() == [row(place, "words"), row(place, "scribe", available=False)]


async def test_an_agent_that_comes_back_is_available() -> None:
    async with placed(words={"card": card("words")}, limits={"connect_s": 0.05}) as place:
        own, place.scribe.card = place.scribe.card, UNAVAILABLE["an error"]
        first = (await place.get(CATALOGUE)).json()
        place.scribe.card = own
        while not (rows := (await place.get(CATALOGUE)).json())[1]["available"]:
            pass
    assert first == [row(place, "words"), row(place, "scribe", available=False)]
    assert rows == [row(place, "words"), row(place, "scribe")]


async def test_a_gateway_without_agents_has_an_empty_catalogue() -> None:
    async with Gateway(Settings.model_validate({"http": "127.0.0.1:0", "grpc": "127.0.0.1:0"})) as gateway:
        empty = Place(gateway, None, None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # nobody is asked
        assert (await empty.get(CATALOGUE)).json() == []


# Settings

WRONG: dict[str, tuple[Callable[[Files], Json], str]] = {
    "no key": (lambda files: {"signing": {}}, "signing.key"),
    "a key that is not there": (lambda files: {"signing": {"key": "/nowhere/key.pem"}}, "/nowhere/key.pem: No such file"),
    "no key in the file": (lambda files: {"signing": {"key": files("k", b"no key")}}, "expected a private key as PEM"),
    "a public key": (lambda files: {"signing": {"key": files("k", b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")}}, "expected a private key as PEM"),
    "an address that is none": (lambda files: {"signing": signing(files, jku="here")}, "signing.jku"),
    "keys over plain HTTP": (lambda files: {"scribe": {"card_keys": "http://example.com/keys"}}, "expected https://"),
    "keys that are not there": (lambda files: {"scribe": {"card_keys": "/nowhere/jwks.json"}}, "there is no file /nowhere/jwks.json"),
    "a file without keys": (lambda files: {"scribe": {"card_keys": files("jwks.json", b'{"keys":[]}')}}, "jwks.json: keys: no key"),
    "a file that is no JSON": (lambda files: {"scribe": {"card_keys": files("jwks.json", b"keys")}}, "jwks.json: not JSON"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_wrong_settings_are_named(files: Files, what: str) -> None:
    changes, said = WRONG[what]
    with pytest.raises((ConfigurationError, ValueError)) as caught:
        async with placed(**changes(files)):
            pass
    assert said in str(caught.value)
