"""Every agent of the gateway in one document: its name, where its card is, and whether there is one right now."""

import asyncio

from starlette.types import Receive, Scope, Send

from gateway.codec.jsontext import JsonValue, dump
from gateway.errors import GatewayError
from gateway.northbound.card import BINDING, WELL_KNOWN
from gateway.northbound.document import PlainResponder, answer_document
from gateway.northbound.exchange import Exchange
from gateway.northbound.intake import Intake
from gateway.northbound.serve import context_free, serve
from gateway.northbound.site import Site, Sites
from gateway.relay.calls import Call

CATALOGUE = ".well-known/agent-cards.json"


class CatalogueEndpoint:
    """The ASGI application at the catalogue's address."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        site = self._sites.seen_by(exchange.header_values, exchange.peer)

        async def work(call: Call) -> None:
            call.operation = "AgentCards"
            await exchange.body(call)
            with exchange.watched(call):
                rows = await asyncio.gather(*(self._row(call, name, site) for name in self._intake.directory))
                await call.send(answer_document(exchange, dump(list(rows)), {"cache-control": "no-cache"}))

        await serve(self._intake.calls, BINDING, work, PlainResponder(exchange))

    async def _row(self, call: Call, name: str, site: Site) -> JsonValue:
        return {
            "name": name,
            "card": f"{site.addresses(name).http}{WELL_KNOWN}",
            "available": await self._available(call, name),
        }

    async def _available(self, call: Call, name: str) -> bool:
        """Whether the agent's card can be had within the time that reaching an agent may take."""
        _, agent = self._intake.directory.find("", name)
        try:
            async with asyncio.timeout(self._intake.limits.connect_s):
                await agent.card(context_free(call))
        except (GatewayError, TimeoutError):
            return False
        return True
