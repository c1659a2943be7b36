"""The public agent card over HTTP, cacheable (specification sections 8.2 and 8.6)."""

import hashlib

from starlette.types import Receive, Scope, Send

from gateway.codec import protojson
from gateway.errors import CallerError, GatewayError, GatewayFault
from gateway.northbound.exchange import Exchange
from gateway.northbound.intake import Intake, writing_answer
from gateway.northbound.serve import context_free, serve
from gateway.northbound.site import Sites
from gateway.relay.calls import Call

BINDING = "CARD"


class CardEndpoint:
    """The ASGI application at the address of every card; the default agent's is the gateway's own."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        site = self._sites.seen_by({name: str(value) for name, value in exchange.headers}, exchange.peer)

        async def work(call: Call) -> None:
            call.operation = "AgentCard"
            agent = self._intake.find(call, "", exchange.agent, site)
            await exchange.body(call)
            async with exchange.watched(call):
                card = await agent.card(context_free(call))
                with writing_answer():
                    body = protojson.encode(card, self._intake.bounds)
                await call.send(self._answer(exchange, body, shared=site.shared))

        await serve(self._intake.calls, BINDING, work, _PlainResponder(exchange))

    async def _answer(self, exchange: Exchange, body: bytes, *, shared: bool) -> None:
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {
            "content-type": "application/json",
            "etag": etag,
            "cache-control": f"{'public' if shared else 'private'}, max-age={int(self._intake.limits.card_s)}",
            "access-control-allow-origin": "*",
        }
        if _matches(exchange.header("if-none-match"), etag):
            del headers["content-type"]
            await exchange.start(304, headers)
            await exchange.write(b"", more=False)
        else:
            await exchange.reply(200, body, headers)


class _PlainResponder:
    """Says in plain text why there is no card."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def fail(self, error: GatewayError) -> None:
        status = 404 if isinstance(error, CallerError) else 503 if isinstance(error, GatewayFault) else 502
        headers = {"content-type": "text/plain; charset=utf-8", "retry-after": "5"}
        await self._exchange.reply(status, f"{error.message}\n".encode(), headers)

    def cut(self) -> None:
        self._exchange.abort()


def _matches(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
