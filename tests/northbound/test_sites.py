"""The addresses in a card: what is configured, else what the caller used, and never what a stranger says."""

import socket
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.northbound.site import Site, Sites
from gateway.settings import Settings
from tests.fakes.callers import HttpCaller
from tests.northbound.asking import Headers, Place, placed

PROXY, PROXY6, STRANGER = "10.0.0.7", "fd00::7", "203.0.113.9"
BOUND = Site("http://127.0.0.1:8080", "127.0.0.1:50050")


@dataclass(frozen=True)
class Row:
    seen: tuple[str, str]
    """The HTTP root and the gRPC address."""
    headers: dict[str, str] = field(default_factory=dict)
    peer: str = STRANGER
    settings: dict[str, Any] = field(default_factory=dict)
    shared: bool = False


def behind(peer: str = PROXY, *, seen: tuple[str, str], **headers: str) -> Row:
    """A call by way of a proxy."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Row(seen, {"host": "internal:8080", **named}, peer)


AGENTS = ("https://agents.example.com", "agents.example.com:50050")
INTERNAL = ("http://internal:8080", "internal:50050")
AT_HOST = ("http://gateway.example.com:8080", "gateway.example.com:50050")

ROWS: dict[str, Row] = {
    "the host that the caller used": Row(AT_HOST, {"host": "gateway.example.com:8080"}),
    "a host without a port": Row(("http://gateway", "gateway:50050"), {"host": "gateway"}),
    "an IPv6 host": Row(("http://[2001:db8::1]:8080", "[2001:db8::1]:50050"), {"host": "[2001:db8::1]:8080"}),
    "an IPv6 host without a port": Row(("http://[::1]", "[::1]:50050"), {"host": "[::1]"}),
    "an IPv4 host in IPv6": Row(
        ("http://[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:50050"), {"host": "[::ffff:127.0.0.1]:1"}
    ),
    "what is public": Row(AGENTS, {"host": "evil.example.com"}, settings={"public_url": AGENTS[0]}, shared=True),
    "what is public, with a path": Row(
        ("https://agents.example.com/a2a", "agents.example.com:50050"),
        settings={"public_url": "https://agents.example.com/a2a/"},
        shared=True,
    ),
    "what is public for gRPC": Row(
        ("http://gateway", "grpc.example.com:443"),
        {"host": "gateway"},
        settings={"public_grpc": "grpc.example.com:443"},
    ),
    "what is public for both": Row(
        ("https://agents.example.com", "grpc.example.com:443"),
        settings={"public_url": AGENTS[0], "public_grpc": "grpc.example.com:443"},
        shared=True,
    ),
    "what is public, at an IPv6 address": Row(
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:50050"),
        settings={"public_url": "https://[2001:db8::1]:8443"},
        shared=True,
    ),
    "what is public goes before a proxy": Row(
        AGENTS,
        {"host": "internal", "x-forwarded-host": "evil.example.com"},
        PROXY,
        {"public_url": AGENTS[0]},
        shared=True,
    ),
    "Forwarded": behind(seen=AGENTS, forwarded="for=192.0.2.1;proto=https;host=agents.example.com;by=203.0.113.43"),
    "Forwarded, in capitals": behind(seen=AGENTS, forwarded="For=192.0.2.1;Proto=https;Host=agents.example.com"),
    "Forwarded, with spaces": behind(seen=AGENTS, forwarded="for=192.0.2.1; proto=https; host=agents.example.com"),
    "Forwarded, quoted": behind(
        seen=("https://[2001:db8::1]:8443", "[2001:db8::1]:50050"),
        forwarded='for="[2001:db8::9]";proto="https";host="[2001:db8::1]:8443"',
    ),
    "Forwarded by several": behind(
        seen=AGENTS, forwarded="proto=https;host=agents.example.com, proto=http;host=inner.example.com"
    ),
    "Forwarded without the host": behind(seen=("https://internal:8080", "internal:50050"), forwarded="proto=https"),
    "Forwarded without the scheme": behind(
        seen=("http://agents.example.com", "agents.example.com:50050"), forwarded="host=agents.example.com"
    ),
    "Forwarded goes before X-Forwarded": behind(
        seen=AGENTS,
        forwarded="proto=https;host=agents.example.com",
        x_forwarded_proto="http",
        x_forwarded_host="other.example.com",
    ),
    "X-Forwarded": behind(seen=AGENTS, x_forwarded_proto="https", x_forwarded_host="agents.example.com"),
    "X-Forwarded by several": behind(
        seen=AGENTS, x_forwarded_proto="https, http", x_forwarded_host="agents.example.com, inner"
    ),
    "X-Forwarded-Host with a port": behind(
        seen=("http://agents.example.com:8443", "agents.example.com:50050"), x_forwarded_host="agents.example.com:8443"
    ),
    "X-Forwarded-Prefix": behind(
        seen=("https://agents.example.com/a2a/v1", "agents.example.com:50050"),
        x_forwarded_proto="https",
        x_forwarded_host="agents.example.com",
        x_forwarded_prefix="/a2a/v1/",
    ),
    "X-Forwarded-Prefix beside Forwarded": behind(
        seen=("https://agents.example.com/a2a", "agents.example.com:50050"),
        forwarded="proto=https;host=agents.example.com",
        x_forwarded_prefix="/a2a",
    ),
    "X-Forwarded-Prefix that is the root": behind(seen=INTERNAL, x_forwarded_prefix="/"),
    "a proxy over IPv6": behind(PROXY6, seen=AGENTS, x_forwarded_proto="https", x_forwarded_host="agents.example.com"),
    "a proxy that says nothing": behind(seen=INTERNAL),
    "a stranger with Forwarded": behind(STRANGER, seen=INTERNAL, forwarded="proto=https;host=evil.example.com"),
    "a stranger with X-Forwarded": behind(
        STRANGER,
        seen=INTERNAL,
        x_forwarded_proto="https",
        x_forwarded_host="evil.example.com",
        x_forwarded_prefix="/evil",
    ),
    "a peer without an address": behind("", seen=INTERNAL, x_forwarded_host="evil.example.com"),
}


def sites(**changes: Any) -> Sites:
    settings = Settings.model_validate({"trusted_proxies": ["10.0.0.0/8", "fd00::/8"], **changes})
    return Sites(settings, "127.0.0.1:8080", "127.0.0.1:50050")


@pytest.mark.parametrize("way", ROWS)
def test_seen_by(way: str) -> None:
    row = ROWS[way]
    assert sites(**row.settings).seen_by(row.headers, row.peer) == Site(*row.seen, row.shared)


HOSTILE = (
    "",
    "evil.example.com/path",
    "evil.example.com?query",
    "evil.example.com#fragment",
    "me@evil.example.com",
    "evil.example.com\\@good",
    "a b",
    "a,b",
    "a\tb",
    "[::1",
    "::1",
    "[evil]",
    "host:port",
    "host:123456",
    "h\u00f6st",
    "<script>",
    '"quoted"',
    "%2e%2e",
    "$(host)",
    "{host}",
)


@pytest.mark.parametrize("host", HOSTILE)
def test_a_host_that_is_none_is_not_repeated(host: str) -> None:
    """What is said instead leads to the gateway and may not be kept for others."""
    seen = sites().seen_by({"host": host}, STRANGER)
    assert (seen.http, seen.grpc) == (BOUND.http, BOUND.grpc)


@pytest.mark.parametrize("host", HOSTILE)
def test_a_host_that_is_none_is_not_repeated_for_a_proxy(host: str) -> None:
    seen = sites().seen_by({"host": "internal", "x-forwarded-host": host}, PROXY)
    assert (seen.http, seen.grpc) in [
        (BOUND.http, BOUND.grpc),
        ("http://internal", "internal:50050"),
        ("http://a", "a:50050"),
    ]


@pytest.mark.parametrize("scheme", ["javascript", "ftp", "HTTP S", "https://evil", "grpc"])
def test_a_scheme_that_is_none_is_not_repeated(scheme: str) -> None:
    seen = sites().seen_by({"host": "internal", "x-forwarded-proto": scheme}, PROXY)
    assert seen.http == BOUND.http


@pytest.mark.parametrize("prefix", ["//evil.example.com", "a2a", "/a b", "/a?b", "/a#b", "/%2e", "/a//b", "/<script>"])
def test_a_prefix_that_is_none_is_not_repeated(prefix: str) -> None:
    seen = sites().seen_by({"host": "internal", "x-forwarded-prefix": prefix}, PROXY)
    assert seen.http == BOUND.http


@pytest.mark.parametrize("everywhere", ["0.0.0.0:0", "[::]:0"])
@pytest.mark.anyio
async def test_an_address_that_is_everywhere_is_told_as_the_host_of_the_caller(everywhere: str) -> None:
    family = socket.AF_INET6 if "[" in everywhere else socket.AF_INET
    if not listens(family):
        pytest.skip("this machine has no IPv6")
    async with placed(http=everywhere, grpc=everywhere) as place:
        assert place.gateway.http.startswith("localhost:")
        assert place.gateway.grpc.startswith("localhost:")
        host = "[::1]" if "[" in everywhere else "127.0.0.1"
        assert await told(place, host) == f"http://{host}:{place.gateway.http.rpartition(':')[2]}/"


@pytest.mark.anyio
async def test_a_gateway_at_an_ipv6_address() -> None:
    if not listens(socket.AF_INET6):
        pytest.skip("this machine has no IPv6")
    async with placed(http="[::1]:0", grpc="[::1]:0") as place:
        shown = (await place.card())["supportedInterfaces"]
        outcome = await place.call()
        root, grpc = f"http://{place.gateway.http}", place.gateway.grpc
        assert [one["url"] for one in shown] == [f"{root}/", grpc, root, f"{root}/", root, grpc]
        assert place.gateway.http.startswith("[::1]:")
        assert outcome.ok
        assert (await place.get("/livez")).status_code == 200


def listens(family: socket.AddressFamily) -> bool:
    try:
        with socket.socket(family) as one:
            one.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
    except OSError:
        return False
    return True


async def told(place: Place, host: str, headers: Headers = ()) -> str:
    """The first address in the card, as somebody sees it who calls `host`."""
    port = place.gateway.http.rpartition(":")[2]
    shown = await place.card("/", (("host", f"{host}:{port}"), *headers))
    return shown["supportedInterfaces"][0]["url"]


PROXIED: Headers = (
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "agents.example.com"),
    ("x-forwarded-prefix", "/a"),
)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("trusted", "url"),
    [(["127.0.0.0/8"], "https://agents.example.com/a/"), (["192.0.2.0/24"], "http://{}/"), ([], "http://{}/")],
    ids=["trusted", "another is trusted", "nobody is trusted"],
)
async def test_a_proxy_counts_by_the_address_that_it_calls_from(trusted: list[str], url: str) -> None:
    async with placed(trusted_proxies=trusted) as place:
        shown = await place.card("/", PROXIED)
        _, answer = await place.post("/", {}, PROXIED, method="GetExtendedAgentCard")
    expected = url.format(place.gateway.http)
    assert shown["supportedInterfaces"][0]["url"] == expected
    assert answer["result"]["supportedInterfaces"][0]["url"] == expected


@pytest.mark.anyio
async def test_a_hostile_host_over_the_wire(place: Place) -> None:
    async with HttpCaller(place.url()) as caller:
        await caller.send(b"GET /.well-known/agent-card.json HTTP/1.1\r\nHost: evil.example.com/a?b\r\n\r\n")
        received = await caller.read_all()
    answer = received.json()
    assert isinstance(answer, dict)
    assert b"evil" not in received.body
    assert isinstance(interfaces := answer["supportedInterfaces"], list)
    assert isinstance(first := interfaces[0], dict)
    assert first["url"] == place.url()


@pytest.mark.anyio
async def test_extended_cards_over_grpc_say_what_is_public() -> None:
    async with placed(public_url="https://agents.example.com", public_grpc="grpc.example.com:443") as place:
        outcome = await place.call("scribe", method="GetExtendedAgentCard")
    (message,) = outcome.messages
    assert b"https://agents.example.com/scribe/" in message
    assert b"grpc.example.com:443" in message
