"""The public keys of the gateway, with which its cards are verified (RFC 7517, specification section 8.4.3)."""

from starlette.types import Receive, Scope, Send

from gateway.codec.jsontext import dump
from gateway.codec.signature import SigningKey, public_jwks
from gateway.northbound.document import answer_document
from gateway.northbound.exchange import Exchange
from gateway.settings import Limits


class JwksEndpoint:
    """The ASGI application at the address of the keys; they are the same as long as the gateway runs."""

    def __init__(self, key: SigningKey, limits: Limits) -> None:
        self._body = dump(public_jwks([key]))
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._limits)
        headers = {
            "content-type": "application/jwk-set+json",
            "cache-control": f"public, max-age={int(self._limits.card_s)}",
        }
        await answer_document(exchange, self._body, headers)
