"""The contract of an HTTP client: what goes, what comes however it is cut, and what becomes of connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.settings import Limits, Tls
from gateway.southbound.transport.choice import TRANSPORTS
from gateway.southbound.transport.http import HttpClient, Response, header, read_whole
from tests.fakes import steps
from tests.fakes.http_steps import HttpExchange, Script, Step, body, fin, head, raw, reply, rst
from tests.fakes.loopback import Connection, Loopback
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.faults.gateway import MIB, growth

pytestmark = pytest.mark.anyio

PATIENCE_S = 10.0
PLAIN = (("content-type", "text/plain"),)
FINE: Script = [reply(200, PLAIN, b"fine")]


@asynccontextmanager
async def client_of(transport: str, **limits: Any) -> AsyncIterator[HttpClient]:
    client = TRANSPORTS[transport].http(Limits.model_validate(limits), Tls.model_validate({}))
    try:
        yield client
    finally:
        await client.close()


async def got(client: HttpClient, url: str, content: bytes | None = b"{}") -> Response:
    """A response; its body is unread."""
    method = "GET" if content is None else "POST"
    return await asyncio.wait_for(client.send(method, url, content, {"accept": "*/*"}), PATIENCE_S)


async def whole(client: HttpClient, url: str) -> bytes:
    """A response from its beginning to its end."""
    response = await got(client, url)
    try:
        return await asyncio.wait_for(read_whole(response, 1 << 30), PATIENCE_S)
    finally:
        await response.release()


# What goes


async def test_a_request_is_what_it_should_be(transport: str) -> None:
    async with ScriptedHttpAgent({"*": FINE}) as agent, client_of(transport) as client:
        response = await client.send(
            "POST", f"{agent.url}a%2Fb/ü?x=%20&y=1#part", b"content", {"authorization": "Bearer x", "accept": "*/*"}
        )
        await response.release()
        (request,) = agent.requests
    assert (request.method, request.path, request.body) == ("POST", "/a%2Fb/%C3%BC?x=%20&y=1", b"content")
    wanted = {"host": agent.address, "authorization": "Bearer x", "content-length": "7", "transfer-encoding": None}
    assert {name: request.header(name) for name in (*wanted, "cookie")} == {**wanted, "cookie": None}


@pytest.mark.parametrize(("content", "length"), [(None, None), (b"", "0")])
async def test_a_request_says_how_long_its_body_is(transport: str, content: bytes | None, length: str | None) -> None:
    async with ScriptedHttpAgent({"*": FINE}) as agent, client_of(transport) as client:
        await (await got(client, agent.url, content)).release()
        assert agent.requests[0].header("content-length") == length


async def test_a_header_that_would_be_two_is_not_sent(transport: str) -> None:
    async with ScriptedHttpAgent({"*": FINE}) as agent, client_of(transport) as client:
        with pytest.raises(GatewayError):
            await client.send("POST", agent.url, b"", {"x-other": "1\r\nx-evil: 1"})
        assert agent.requests == []


async def test_a_redirect_is_an_answer(transport: str) -> None:
    script = [reply(302, (("location", "/elsewhere"), ("set-cookie", "a=b")), b"")]
    async with ScriptedHttpAgent({"*": script}) as agent, client_of(transport) as client:
        for _ in range(2):
            response = await got(client, agent.url)
            assert (response.status, header(response, "location")) == (302, "/elsewhere")
            await response.release()
        assert [(request.path, request.header("cookie")) for request in agent.requests] == [("/", None)] * 2


# What comes

CONTENT = bytes(range(256)) * 300


def chunked(*sizes: int) -> list[Step]:
    """The content in chunks of these sizes, by turns."""
    pieces, at, turn = [head(200, PLAIN)], 0, 0
    while at < len(CONTENT):
        size = sizes[turn % len(sizes)]
        pieces.append(body(CONTENT[at : at + size]))
        at, turn = at + size, turn + 1
    return pieces


BODIES: dict[str, list[Step]] = {
    "of a stated length": [reply(200, PLAIN, CONTENT)],
    "in one chunk": chunked(len(CONTENT)),
    "in chunks of many sizes": chunked(1, 7, 900, 20_000),
    "until the end of the connection": [head(200, PLAIN, chunked=False), body(CONTENT), fin()],
    "until the end that was announced": [
        head(200, (*PLAIN, ("connection", "close")), chunked=False),
        body(CONTENT),
        fin(),
    ],
    "with extensions and trailers": [
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x;why=not\r\n" % len(CONTENT) + CONTENT),
        raw(b"\r\n0\r\nx-sum: 1\r\n\r\n"),
    ],
    "after interim heads": [
        raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        reply(200, PLAIN, CONTENT),
    ],
}


@pytest.mark.parametrize("how", BODIES)
async def test_a_body_is_whole_however_it_is_framed(transport: str, how: str) -> None:
    async with ScriptedHttpAgent({"*": BODIES[how]}) as agent, client_of(transport) as client:
        for _ in range(2):
            assert await whole(client, agent.url) == CONTENT


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_response_is_whole_however_its_bytes_arrive(transport: str, framing: str) -> None:
    content = (
        b"HTTP/1.1 200 Fine\r\nX-One:  a \r\nx-two: b\r\nx-two: c\r\ncontent-length: 4\r\n\r\nbody"
        if framing == "length"
        else b"HTTP/1.1 200 \r\nx-one: a\r\nx-two: b\r\nx-two: c\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b"1\r\nb\r\n3\r\nody\r\n0\r\n\r\n"
    )
    async with ScriptedHttpAgent({}) as agent, client_of(transport) as client:
        for cut in range(1, len(content), 3):
            agent.scripts = {"*": [raw(content[:cut]), steps.sleep(0), raw(content[cut:])]}
            response = await got(client, agent.url)
            assert (header(response, "x-one"), [v for n, v in response.headers if n == "x-two"]) == ("a", ["b", "c"])
            assert await read_whole(response, 10) == b"body"
            await response.release()
        assert len(agent.connections) == 1


async def test_the_head_comes_before_the_body_and_the_body_as_it_comes(transport: str) -> None:
    may_go_on = asyncio.Event()
    script = [head(200, PLAIN), steps.wait(may_go_on), body(b"one"), steps.hang()]
    async with ScriptedHttpAgent({"*": script}) as agent, client_of(transport) as client:
        response = await got(client, agent.url)
        may_go_on.set()
        assert await asyncio.wait_for(response.chunk(), PATIENCE_S) == b"one"
        await response.release()


CUTS: dict[str, list[Step]] = {
    "within a stated length": [head(200, (("content-length", "10"),), chunked=False), body(b"half"), fin()],
    "within a chunk": [head(), raw(b"a\r\nhalf"), fin()],
    "between chunks": [head(), body(b"half"), fin()],
    "before the last chunk ends": [head(), body(b"half"), raw(b"0\r\n"), fin()],
    "by a reset": [head(200, PLAIN, chunked=False), body(b"half"), steps.sleep(0.05), rst()],
}


@pytest.mark.parametrize("cut", CUTS)
async def test_a_body_that_was_cut_never_looks_whole(transport: str, cut: str) -> None:
    async with ScriptedHttpAgent({"*": CUTS[cut]}) as agent, client_of(transport) as client:
        response = await got(client, agent.url)
        assert await response.chunk() == b"half"
        with pytest.raises(AgentError) as failed:
            await asyncio.wait_for(response.chunk(), PATIENCE_S)
        await response.release()
        assert failed.value.kind is ErrorKind.UNAVAILABLE
        agent.scripts = {"*": FINE}
        assert await whole(client, agent.url) == b"fine"


NO_ANSWER: dict[str, list[steps.AnyStep | Step]] = {
    "the connection ends": [fin()],
    "the connection is reset": [rst()],
    "half a head": [raw(b"HTTP/1.1 200 OK\r\ncontent-"), fin()],
    "nothing of HTTP": [raw(b"220 mail.example.com ESMTP\r\n"), fin()],
    "two lengths": [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), steps.hang()],
    "another protocol": [raw(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nzz"), fin()],
    "a head without an end": [raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * (2 * MIB)), steps.hang()],
    "heads without an end": [raw(b"HTTP/1.1 200 OK\r\n" + b"x-one: two\r\n" * 100_000), steps.hang()],
    "interim heads without an end": [raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), fin()],
}


@pytest.mark.parametrize("why", NO_ANSWER)
async def test_what_is_no_answer_is_the_agents_error(transport: str, why: str) -> None:
    async with ScriptedHttpAgent({"*": NO_ANSWER[why]}) as agent, client_of(transport) as client:
        with pytest.raises(AgentError) as failed:
            await got(client, agent.url)
        assert agent.address not in str(failed.value)
        agent.scripts = {"*": FINE}
        assert await whole(client, agent.url) == b"fine"


async def test_trailers_without_an_end_fill_no_memory(transport: str) -> None:
    async def endless(exchange: HttpExchange) -> None:
        await exchange.send(b"0\r\nx-one: ")
        for _ in range(1000):
            await exchange.send(b"y" * 100_000)

    async with ScriptedHttpAgent({"*": [head(), endless]}) as agent, client_of(transport) as client:
        response = await got(client, agent.url)
        with growth() as grown, pytest.raises(AgentError):
            await asyncio.wait_for(read_whole(response, 100), PATIENCE_S)
        await response.release()
        assert grown.bytes < 8 * MIB


# Who waits for whom


async def test_an_agent_runs_no_further_ahead_than_a_bounded_piece(transport: str) -> None:
    async def flood(exchange: HttpExchange) -> None:
        for _ in range(200):
            await exchange.body(bytes(100_000))
            exchange.request.meter.note_event()

    async with ScriptedHttpAgent({"*": [head(), flood]}, sndbuf_bytes=65_536) as agent:
        async with client_of(transport, stream_buffer_bytes=131_072) as client:
            response = await got(client, agent.url)
            meter = agent.requests[0].meter
            await steps.until(lambda: meter.events > 0 and meter.idle_s() > 0.1, PATIENCE_S)
            assert meter.bytes < 1.5 * MIB, "two sockets, which Linux makes twice as large, and one read"
            assert len(await asyncio.wait_for(read_whole(response, 1 << 30), PATIENCE_S)) == 20_000_000
            await response.release()


async def test_an_agent_that_does_not_take_the_request_is_given_up(transport: str) -> None:
    class Deaf(Loopback):
        async def serve(self, connection: Connection) -> None:
            connection.transport.pause_reading()
            await connection.lost.wait()

    async with Deaf(rcvbuf_bytes=4096) as agent, client_of(transport, body_s=0.2) as client:
        with pytest.raises(AgentError) as failed:
            await got(client, f"http://{agent.address}/", bytes(16 * MIB))
        assert failed.value.kind is ErrorKind.UNAVAILABLE


async def test_an_answer_before_the_request_was_taken_is_an_answer(transport: str) -> None:
    class Curt(Loopback):
        async def serve(self, connection: Connection) -> None:
            await connection.reader.readuntil(b"\r\n\r\n")
            await connection.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
            await connection.gone.wait()

    if transport == "library":
        pytest.skip("httpx sends all of a request before it looks for an answer")
    async with Curt(rcvbuf_bytes=4096) as agent, client_of(transport) as client:
        response = await got(client, f"http://{agent.address}/", bytes(16 * MIB))
        assert (response.status, await read_whole(response, 2)) == (413, b"no")
        await response.release()
        assert (await got(client, f"http://{agent.address}/")).status == 413
        assert len(agent.connections) == 2, "what was left of the first request must not begin the second"


# Connections


@pytest.mark.parametrize("moment", ["connecting", "before the head", "in the body"])
async def test_what_is_given_up_frees_the_agent(transport: str, moment: str) -> None:
    class Mute(Loopback):
        async def serve(self, connection: Connection) -> None:
            if moment == "in the body":
                await connection.reader.readuntil(b"\r\n\r\n")
                await connection.write(b"HTTP/1.1 200 OK\r\n\r\nx")
            await connection.gone.wait()

    async with Mute() as agent, client_of(transport) as client:
        sending = asyncio.create_task(client.send("POST", f"http://{agent.address}/", b"", {}))
        if moment != "connecting":
            await steps.until(lambda: bool(agent.connections), PATIENCE_S)
        if moment == "in the body":
            response = await sending
            reading = asyncio.create_task(response.chunk())
            await asyncio.sleep(0.01)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await response.release()
        else:
            await asyncio.sleep(0)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
        await steps.until(lambda: agent.open_connections == 0, PATIENCE_S)


async def test_a_response_that_is_released_early_takes_its_connection_with_it(transport: str) -> None:
    script = [head(200, (("content-length", "9999"),), chunked=False), body(b"some"), steps.hang()]
    async with ScriptedHttpAgent({"*": script}) as agent, client_of(transport) as client:
        response = await got(client, agent.url)
        await response.release()
        await response.release()
        await asyncio.wait_for(agent.requests[0].connection.gone.wait(), PATIENCE_S)
        agent.scripts = {"*": FINE}
        assert await whole(client, agent.url) == b"fine"


STRAYS: dict[str, list[Step | steps.AnyStep]] = {
    "behind it": [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb")],
    "the beginning of it": [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naH")],
    "of chunks": [raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n")],
    "later": [raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na"), steps.sleep(0.02), raw(b"HTTP/1.1 200 OK\r\n")],
}


@pytest.mark.parametrize("stray", STRAYS)
async def test_a_connection_on_which_more_came_than_was_asked_for_is_not_used_again(
    request: pytest.FixtureRequest, transport: str, stray: str
) -> None:
    if transport == "library" and stray != "later":
        request.applymarker(pytest.mark.xfail(strict=True, reason="httpx takes what came behind for the next answer"))
    async with ScriptedHttpAgent({"*": STRAYS[stray]}) as agent, client_of(transport) as client:
        assert await whole(client, agent.url) == b"a"
        await agent.requests[0].finished.wait()
        agent.scripts = {"*": FINE}
        assert await whole(client, agent.url) == b"fine"
        assert len(agent.connections) == 2


async def test_a_host_that_is_not_there_is_told_without_its_address(transport: str) -> None:
    async with Loopback() as nobody:
        address = nobody.address
    async with client_of(transport, connect_s=0.5) as client:
        for url in (f"http://{address}/", "http://nowhere.invalid/", "http://[::1]:1/"):
            with pytest.raises(AgentError) as failed:
                await got(client, url)
            assert (failed.value.kind, failed.value.message) == (ErrorKind.UNAVAILABLE, "The agent cannot be reached")


async def test_closing_ends_what_is_under_way(transport: str) -> None:
    async with ScriptedHttpAgent({"*": [head(), steps.hang()]}) as agent:
        async with client_of(transport) as client:
            await got(client, agent.url)
        await asyncio.wait_for(agent.connections[0].gone.wait(), PATIENCE_S)
