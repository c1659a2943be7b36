"""One POST to one webhook: to a judged address, within a time, without believing what comes back.

A connection of its own for each: none is left behind, none is shared, and no address is used that
was not judged a moment before. Redirects are answers like any other, no proxy and no cookie exists
here, and only the status of an answer is read.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, cast

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from gateway.codec.metadata import is_sendable
from gateway.settings import PushSettings
from gateway.tasks.push.guard import Guard, Refused, Target, Unresolved
from gateway.tasks.push.notification import Notification

_TRY_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
"""Answers after which another try may do better."""
_SECONDS = re.compile(rb"[0-9]{1,6}")


class Verdict(Enum):
    TAKEN = "taken"
    NOT_NOW = "not now"
    """Another try may do better."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a POST ended."""

    verdict: Verdict
    reason: str
    """For the log: a status or a few words, without address and secret."""
    retry_after_s: float = 0.0
    """What the webhook asks to be spared."""


_UNWRITABLE = Outcome(Verdict.NEVER, "the request cannot be written")


class Send(Protocol):
    """Posts a notification once; raises nothing but CancelledError."""

    async def __call__(self, notification: Notification) -> Outcome: ...


class Sender:
    """Posts notifications where the guard lets it. `context` is what `https://` webhooks are trusted by."""

    def __init__(self, settings: PushSettings, guard: Guard, context: ssl.SSLContext) -> None:
        self._settings = settings
        self._guard = guard
        self._context = context

    async def __call__(self, notification: Notification) -> Outcome:
        """Posts a notification once; gives how it ended within `timeout_s`, whatever happens."""
        if not all(map(is_sendable, notification.headers.values())):
            # httpcore would refuse it too, and tell its debug log what it was.
            return _UNWRITABLE
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                target = await self._guard.target(notification.url)
                return await self._post(target, notification)
        except Unresolved:
            return Outcome(Verdict.NOT_NOW, "its host cannot be looked up")
        except Refused:
            return Outcome(Verdict.NEVER, "its address may not be called")
        except (TimeoutError, httpcore.TimeoutException):
            return Outcome(Verdict.NOT_NOW, "no answer in time")
        except httpcore.ConnectError:
            return Outcome(Verdict.NOT_NOW, "it cannot be reached")
        except httpcore.LocalProtocolError:
            return _UNWRITABLE
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            return Outcome(Verdict.NOT_NOW, "the connection broke")

    async def _post(self, target: Target, notification: Notification) -> Outcome:
        network = _Pinned(target)
        connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=self._context if target.scheme == "https" else None,
            network_backend=network,
        )
        request = httpcore.Request(
            "POST",
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers={
                "host": target.authority,
                **notification.headers,
                "content-length": str(len(notification.body)),
                "connection": "close",
            },
            content=notification.body,
            extensions={"timeout": {"connect": self._settings.connect_s}},
        )
        try:
            return _outcome(await connection.handle_async_request(request))
        finally:
            # httpcore forgets a connection whose handshake is cancelled, so it is closed from below.
            await asyncio.shield(asyncio.ensure_future(network.close()))


class _Pinned(AsyncNetworkBackend):
    """Connects to the addresses of one target and to nothing else, whatever name it is asked for."""

    def __init__(self, target: Target) -> None:
        self._target = target
        # Without anyio the name is an empty class, which is all that its types say.
        self._network = cast(AsyncNetworkBackend, httpcore.AnyIOBackend())
        self._stream: AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError()
        for address in self._target.addresses:
            try:
                self._stream = await self._network.connect_tcp(
                    str(address), self._target.port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self._stream
        raise failure

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.aclose()


def _outcome(response: httpcore.Response) -> Outcome:
    status = response.status
    if 200 <= status < 300:
        return Outcome(Verdict.TAKEN, f"HTTP {status}")
    if status in _TRY_AGAIN:
        asked = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
        return Outcome(Verdict.NOT_NOW, f"HTTP {status}", float(asked) if _SECONDS.fullmatch(asked) else 0.0)
    return Outcome(Verdict.NEVER, f"HTTP {status}")
