"""A JSON document at an address of the gateway: answered so that it can be cached, or refused in plain text."""

import hashlib
from collections.abc import Mapping

from gateway.errors import CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.northbound.exchange import BodyTooSlow, Exchange
from gateway.relay.calls import Call

_STATUS: tuple[tuple[type[GatewayError], frozenset[ErrorKind], int], ...] = (
    (BodyTooSlow, frozenset(ErrorKind), 408),
    (CallerError, frozenset({ErrorKind.RESOURCE_EXHAUSTED}), 413),
    (CallerError, frozenset({ErrorKind.VERSION_NOT_SUPPORTED, ErrorKind.INVALID_REQUEST}), 400),
    (CallerError, frozenset(ErrorKind), 404),
    (GatewayFault, frozenset(ErrorKind), 503),
)
"""What HTTP is told of errors; of every other one, 502."""


async def answer_document(exchange: Exchange, body: bytes, headers: Mapping[str, str]) -> None:
    """Answers with a document that any origin may read, or says that the caller has it already.

    `headers` tell how long it may be kept, and its type where it is more than JSON.
    """
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    told = {"content-type": "application/json", **headers, "etag": etag, "access-control-allow-origin": "*"}
    if _matches(exchange.header("if-none-match"), etag):
        del told["content-type"]
        await exchange.start(304, told)
        await exchange.write(b"", more=False)
    else:
        await exchange.reply(200, body, told)


class PlainResponder:
    """Says in plain text why there is no document."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def entered(self, call: Call) -> None:
        """Nothing: documents name no calls."""

    async def fail(self, error: GatewayError) -> None:
        known = (status for type_, kinds, status in _STATUS if isinstance(error, type_) and error.kind in kinds)
        status = next(known, 502)
        headers = {"content-type": "text/plain; charset=utf-8"}
        if not isinstance(error, CallerError):
            headers["retry-after"] = "5"
        await self._exchange.reply(status, f"{error.message}\n".encode(), headers)

    def cut(self) -> None:
        self._exchange.abort()


def _matches(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
