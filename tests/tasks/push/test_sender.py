"""One POST: what it carries, whom it trusts, and that nothing that comes back is believed or waited for."""

import asyncio
import logging
import ssl

import httpcore
import pytest
import trustme

from gateway.settings import PushSettings
from gateway.tasks.push import Guard, Sender
from gateway.tasks.push.notification import Notification
from gateway.tasks.push.sender import Outcome, Verdict
from tests.southbound.tls_front import TlsFront
from tests.tasks.push.webhook import (
    NO_TLS,
    SECRET,
    Answer,
    Canary,
    Names,
    Webhook,
    endless,
    raw,
    sender,
    settings,
    silent,
    status,
)

pytestmark = pytest.mark.anyio


async def post(answer: Answer, chosen: PushSettings | None = None) -> tuple[Outcome, Webhook]:
    async with Webhook(answer) as webhook:
        outcome = await sender(chosen or settings())(
            Notification(webhook.url, {"content-type": "application/a2a+json", "authorization": SECRET}, b'{"a":1}')
        )
        async with asyncio.timeout(5):
            await webhook.connections[0].gone.wait()
        return outcome, webhook


async def test_what_is_posted() -> None:
    outcome, webhook = await post(status(204))
    assert outcome == Outcome(Verdict.TAKEN, "HTTP 204")
    (posted,) = webhook.posts
    assert posted.line == "POST /hook HTTP/1.1"
    assert posted.headers == {
        "host": webhook.address,
        "content-type": "application/a2a+json",
        "authorization": SECRET,
        "content-length": "7",
        "connection": "close",
    }
    assert posted.body == b'{"a":1}'


ANSWERS = [
    (status(200), Outcome(Verdict.TAKEN, "HTTP 200")),
    (status(202), Outcome(Verdict.TAKEN, "HTTP 202")),
    (status(304), Outcome(Verdict.NEVER, "HTTP 304")),
    (status(400), Outcome(Verdict.NEVER, "HTTP 400")),
    (status(404), Outcome(Verdict.NEVER, "HTTP 404")),
    (status(410), Outcome(Verdict.NEVER, "HTTP 410")),
    (status(408), Outcome(Verdict.NOT_NOW, "HTTP 408")),
    (status(429, "Retry-After: 7"), Outcome(Verdict.NOT_NOW, "HTTP 429", 7.0)),
    (status(503, "retry-after: 99999999999"), Outcome(Verdict.NOT_NOW, "HTTP 503")),
    (status(503, "Retry-After: -1"), Outcome(Verdict.NOT_NOW, "HTTP 503")),
    (status(503, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT"), Outcome(Verdict.NOT_NOW, "HTTP 503")),
    (status(500), Outcome(Verdict.NOT_NOW, "HTTP 500")),
    (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), Outcome(Verdict.NOT_NOW, "the connection broke")),
    (raw(b""), Outcome(Verdict.NOT_NOW, "the connection broke")),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"), Outcome(Verdict.TAKEN, "HTTP 200")),
    (raw(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Outcome(Verdict.TAKEN, "HTTP 200")),
    # The body is not waited for, the head is bounded.
    (endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), Outcome(Verdict.TAKEN, "HTTP 200")),
    (
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        Outcome(Verdict.TAKEN, "HTTP 200"),
    ),
    (endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 4096 + b"\r\n"), Outcome(Verdict.NOT_NOW, "the connection broke")),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS, ids=[str(index) for index in range(len(ANSWERS))])
async def test_how_answers_are_taken(answer: Answer, outcome: Outcome) -> None:
    assert (await post(answer))[0] == outcome


SLOW = [silent, endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n")]


@pytest.mark.parametrize("answer", SLOW, ids=["silent", "for ever about to answer"])
async def test_who_never_answers_is_left_in_time(answer: Answer) -> None:
    """And the connection is closed, which `post` waits for."""
    outcome, _ = await post(answer, settings(timeout_s=0.1))
    assert outcome == Outcome(Verdict.NOT_NOW, "no answer in time")


async def test_who_takes_nothing_is_left_in_time() -> None:
    class Deaf(Canary):
        pass

    async with Deaf(rcvbuf_bytes=4096) as deaf:
        body = b"x" * (16 * 1024 * 1024)
        outcome = await sender(settings(timeout_s=0.1))(Notification(f"http://{deaf.address}/", {}, body))
        assert outcome == Outcome(Verdict.NOT_NOW, "no answer in time")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(code: int) -> None:
    async with Canary() as canary:
        outcome, _ = await post(status(code, f"Location: http://{canary.address}/"))
        assert outcome == Outcome(Verdict.NEVER, f"HTTP {code}")
        assert canary.hits == 0


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Canary() as canary:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{canary.address}")
            monkeypatch.setenv(name.lower(), f"http://{canary.address}")
        outcome, _ = await post(status(200))
        assert (outcome.verdict, canary.hits) == (Verdict.TAKEN, 0)


async def test_a_host_that_refuses_is_tried_again() -> None:
    async with Webhook() as webhook:
        url = webhook.url
    assert await sender(settings())(Notification(url, {}, b"")) == Outcome(Verdict.NOT_NOW, "it cannot be reached")


async def test_the_next_address_is_tried_where_the_first_is_dead() -> None:
    async with Webhook() as webhook:
        names = Names(two__test=[["127.0.0.2", "127.0.0.1"]])
        outcome = await sender(settings(), names)(Notification(f"http://two.test:{webhook.port}/", {}, b""))
        assert outcome.verdict is Verdict.TAKEN


async def test_cancelling_closes_the_connection() -> None:
    async with Webhook(silent) as webhook:
        sending = asyncio.create_task(sender(settings())(Notification(webhook.url, {}, b"")))
        await webhook.posted(1)
        sending.cancel()
        async with asyncio.timeout(5):
            await webhook.connections[0].gone.wait()
        with pytest.raises(asyncio.CancelledError):
            await sending


async def test_a_handshake_that_stalls_is_left_and_closed() -> None:
    async with Canary() as deaf:
        chosen = settings(timeout_s=0.1)
        post = Sender(chosen, Guard(chosen, Names()), NO_TLS)
        outcome = await post(Notification(f"https://{deaf.address}/", {}, b""))
        assert outcome == Outcome(Verdict.NOT_NOW, "no answer in time")
        async with asyncio.timeout(5):
            await deaf.connections[0].gone.wait()


# TLS


class Tls:
    """A webhook behind TLS whose certificate is for a name."""

    def __init__(self, *names: str) -> None:
        self.authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*names).configure_cert(self.context)
        self.asked: list[str | None] = []
        self.context.sni_callback = lambda _object, name, _context: self.asked.append(name)

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context


async def post_over_tls(tls: Tls, host: str, *, trusting: Tls | None = None) -> tuple[Outcome, Webhook]:
    async with Webhook() as webhook, TlsFront(webhook.address, tls.context) as front:
        names = Names(hooks__test=[["127.0.0.1"]], other__test=[["127.0.0.1"]])
        chosen = settings(allow_http=False)
        sending = Sender(chosen, Guard(chosen, names), (trusting or tls).trust())
        outcome = await sending(Notification(f"https://{host}:{front.port}/hook", {"authorization": SECRET}, b"{}"))
        return outcome, webhook


async def test_the_name_is_what_the_certificate_is_held_to() -> None:
    tls = Tls("hooks.test")
    outcome, webhook = await post_over_tls(tls, "hooks.test")
    assert outcome == Outcome(Verdict.TAKEN, "HTTP 200")
    assert tls.asked == ["hooks.test"]
    assert webhook.posts[0].headers["authorization"] == SECRET


async def test_an_address_is_held_to_its_own_certificate() -> None:
    assert (await post_over_tls(Tls("127.0.0.1"), "127.0.0.1"))[0].verdict is Verdict.TAKEN
    assert (await post_over_tls(Tls("hooks.test"), "127.0.0.1"))[0].verdict is Verdict.NOT_NOW


@pytest.mark.parametrize("mistrusted", ["another name", "another authority"])
async def test_nothing_is_said_to_who_cannot_prove_the_name(mistrusted: str) -> None:
    tls = Tls("hooks.test")
    host = "other.test" if mistrusted == "another name" else "hooks.test"
    trusting = Tls("hooks.test") if mistrusted == "another authority" else tls
    outcome, webhook = await post_over_tls(tls, host, trusting=trusting)
    assert outcome == Outcome(Verdict.NOT_NOW, "it cannot be reached")
    assert webhook.posts == []


async def test_no_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"authorization": f"Bearer {SECRET}", "x-a2a-notification-token": SECRET}
    for answer in (status(200), status(500), raw(b""), raw(b"nonsense\r\n\r\n")):
        async with Webhook(answer) as webhook:
            notification = Notification(f"{webhook.url}?key={SECRET}", headers, SECRET.encode())
            outcome = await sender(settings())(notification)
        assert SECRET not in repr(outcome) + repr(notification)
    broken = Notification(webhook.url, {"x-bad": f"{SECRET}\r\nx: y"}, b"")
    async with Webhook() as webhook:
        chosen = settings()
        outcome = await Sender(chosen, Guard(chosen, Names()), NO_TLS)(Notification(webhook.url, broken.headers, b""))
        assert outcome == Outcome(Verdict.NEVER, "the request cannot be written")
        assert webhook.posts == []
    assert SECRET not in caplog.text


def test_what_httpcore_calls_a_failure_is_known_here() -> None:
    """A kind of failure that a new release adds must be given a verdict."""
    known = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
    others = {
        name
        for name, kind in vars(httpcore).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, known)
    }
    assert others == {"ConnectionNotAvailable", "ProxyError", "UnsupportedProtocol"}
