"""HTTP towards one agent on httpx: its time limits, its trust, its sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from gateway.codec.metadata import Pairs
from gateway.errors import AgentError, ErrorKind
from gateway.settings import Limits, Tls
from gateway.southbound.trust import ssl_context

_HANDED_OVER = "receive_response_headers.started"
"""From this step on, httpx gives a connection back whatever happens."""


@contextmanager
def _talking_to_agent() -> Iterator[None]:
    """What breaks on the way to an agent, without its address. Raises AgentError."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise AgentError(ErrorKind.UNAVAILABLE, "The agent cannot be reached") from None
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        raise AgentError(ErrorKind.UNAVAILABLE, "The connection to the agent broke") from None
    except httpx.TransportError:
        raise AgentError(ErrorKind.UNAVAILABLE, "The exchange with the agent failed") from None


class _NoCookies(CookieJar):
    """A jar that keeps nothing."""

    def __init__(self) -> None:
        super().__init__(DefaultCookiePolicy(allowed_domains=[]))


class HttpxClient:
    """Sends requests to one agent. It follows no redirects and never times out a stream that is alive."""

    def __init__(self, limits: Limits, tls: Tls) -> None:
        probe_s = max(1, int(limits.ping_s))
        options = [
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, probe_s // 6)),
            (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.SOL_SOCKET, socket.SO_RCVBUF, limits.stream_buffer_bytes),
        ]
        if hasattr(socket, "TCP_KEEPIDLE"):
            options.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, probe_s))
        self._httpx = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                verify=ssl_context(tls),
                limits=httpx.Limits(max_connections=None, keepalive_expiry=limits.idle_connection_s),
                socket_options=options,
            ),
            timeout=httpx.Timeout(connect=limits.connect_s, read=None, write=limits.body_s, pool=None),
            follow_redirects=False,
            # What an agent would have one caller remember is no business of the next one.
            cookies=_NoCookies(),
        )
        self._abandoned: set[asyncio.Task[None]] = set()

    async def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> "HttpxResponse":
        """Cancelling frees the connection at once, or as soon as it is made. Raises AgentError."""
        handed_over = asyncio.Event()

        async def trace(step: str, info: Mapping[str, Any]) -> None:
            if step.endswith(_HANDED_OVER):
                handed_over.set()

        request = self._httpx.build_request(
            method, url, content=body, headers=dict(headers), extensions={"trace": trace}
        )
        sending = asyncio.create_task(self._httpx.send(request, stream=True))
        try:
            with _talking_to_agent():
                return HttpxResponse(await asyncio.shield(sending))
        except asyncio.CancelledError:
            # httpx loses a connection for good when it is cancelled while making one.
            abandoned = asyncio.create_task(_abandon(sending, handed_over))
            self._abandoned.add(abandoned)
            abandoned.add_done_callback(self._abandoned.discard)
            raise

    async def close(self) -> None:
        await self._httpx.aclose()
        if self._abandoned:
            await asyncio.wait(self._abandoned)


class HttpxResponse:
    """A response of httpx, unread."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Pairs = [(name.lower(), value) for name, value in response.headers.multi_items()]
        self._response = response
        self._chunks: AsyncIterator[bytes] = aiter(response.aiter_raw())

    async def chunk(self) -> bytes | None:
        with _talking_to_agent():
            return await anext(self._chunks, None)

    async def release(self) -> None:
        """Closes it for sure: httpx loses the connection of one whose closing is cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._response.aclose()))


async def _abandon(sending: asyncio.Task[httpx.Response], handed_over: asyncio.Event) -> None:
    """Ends an exchange that nobody waits for any more, at a moment when httpx can bear it."""
    waiting = asyncio.create_task(handed_over.wait())
    await asyncio.wait({sending, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    sending.cancel()
    await asyncio.wait({sending})
    if not sending.cancelled() and sending.exception() is None:
        await HttpxResponse(sending.result()).release()
