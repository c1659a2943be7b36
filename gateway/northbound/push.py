"""Where relayed agents post what they tell of tasks: `POST /push/TOKEN`, outside of agents' addresses.

To strangers there is nothing here: whoever lacks a token of the gateway's is answered as at any other
address that is none, without a byte of the body being read.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.errors import CallerError, ErrorKind, GatewayError
from gateway.settings import Limits

_TOKENS = ("x-a2a-notification-token", "a2a-notification-token")
"""Headers that agents send the token in; and `Authorization`."""
_BEARER = "bearer "
_STATUS: Mapping[tuple[bool, ErrorKind], int] = {
    (True, ErrorKind.TASK_NOT_FOUND): 404,
    (True, ErrorKind.RESOURCE_EXHAUSTED): 413,
    (False, ErrorKind.RESOURCE_EXHAUSTED): 429,
}
"""By whether the agent is to blame, and the kind; else 400 and 503."""
_RETRY_S = 5


class Webhooks(Protocol):
    """The gateway's own webhooks."""

    def opened_by(self, path_token: str, proofs: Iterable[str]) -> str | None:
        """What somebody posts to who has these; None for a stranger."""
        ...

    async def take(self, id: str, body: bytes) -> None:
        """Takes what was posted; whoever posted it need not do it again. Raises GatewayError."""
        ...


class PushEndpoint:
    """The ASGI application at the gateway's own webhooks."""

    def __init__(self, webhooks: Webhooks, limits: Limits) -> None:
        self._webhooks = webhooks
        self._limits = limits
        self._posts = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        opened = self._webhooks.opened_by(request.path_params["token"], _proofs(request))
        if request.method != "POST" or opened is None:
            response = nothing_here()
        elif self._posts >= self._limits.streams:
            response = _refusal("Too many posts at once", 503)
        else:
            response = await self._counted(request, opened)
        await response(scope, receive, send)

    async def finished(self, within_s: float) -> None:
        """Waits until no post is being taken, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()

    async def _counted(self, request: Request, id: str) -> Response:
        self._posts += 1
        self._idle.clear()
        try:
            return await self._answered(request, id)
        finally:
            self._posts -= 1
            if not self._posts:
                self._idle.set()

    async def _answered(self, request: Request, id: str) -> Response:
        try:
            async with asyncio.timeout(self._limits.body_s):
                body = await self._body(request)
        except TimeoutError:
            return _refusal("The body did not arrive in time", 408)
        except ClientDisconnect:
            return _refusal("The body broke off", 400)
        if body is None:
            return _refusal(f"The body is over {self._limits.json_bytes} bytes", 413)
        try:
            await self._webhooks.take(id, body)
        except GatewayError as error:
            blames_agent = isinstance(error, CallerError)
            status = _STATUS.get((blames_agent, error.kind), 400 if blames_agent else 503)
            return nothing_here() if status == 404 else _refusal(error.message, status)
        return Response(status_code=202)

    async def _body(self, request: Request) -> bytes | None:
        """The body; None once it is longer than it may be."""
        limit = self._limits.json_bytes
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            return None
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                return None
        return bytes(body)


def nothing_here() -> Response:
    """The answer at every address that is none."""
    return Response("There is nothing at this address\n", 404, media_type="text/plain")


def _refusal(text: str, status: int) -> Response:
    headers = {"retry-after": str(_RETRY_S)} if status in (429, 503) else {}
    return Response(f"{text}\n", status, headers, "text/plain")


def _proofs(request: Request) -> list[str]:
    """Whatever may be the token, in whichever header an agent sends it."""
    bearers = (value for value in request.headers.getlist("authorization") if value[: len(_BEARER)].lower() == _BEARER)
    return [
        *(value for name in _TOKENS for value in request.headers.getlist(name)),
        *(value[len(_BEARER) :] for value in bearers),
    ]
