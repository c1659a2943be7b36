"""The public agent card over HTTP, cacheable (specification sections 8.2 and 8.6)."""

from typing import cast

from starlette.types import Receive, Scope, Send

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue, dump
from gateway.codec.v0_3.cards import write_card
from gateway.northbound.document import PlainResponder, answer_document
from gateway.northbound.exchange import Exchange
from gateway.northbound.intake import Intake
from gateway.northbound.serve import context_free, serve
from gateway.northbound.site import Site, Sites
from gateway.northbound.writing import WRITING_ANSWER
from gateway.relay.calls import Call
from generated.a2a.v1.a2a_pb import AgentCard

BINDING = "CARD"
WELL_KNOWN = ".well-known/agent-card.json"


class CardEndpoint:
    """The ASGI application at the address of every card; the default agent's is the gateway's own."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        site = self._sites.seen_by(exchange.header_values, exchange.peer)

        async def work(call: Call) -> None:
            call.operation = "AgentCard"
            agent = self._intake.find(call, "", exchange.agent, site)
            version = self._intake.version_of(exchange.headers, exchange.query_value("A2A-Version"))
            await exchange.body(call)
            with exchange.watched(call):
                card = await agent.card(context_free(call))
                with WRITING_ANSWER:
                    body = self._written(card, version)
                await call.send(answer_document(exchange, body, self._kept(site)))

        await serve(self._intake.calls, BINDING, work, PlainResponder(exchange))

    def _written(self, card: AgentCard, version: str) -> bytes:
        """The card in the form of a version; of none, as the settings say. Raises Malformed."""
        bounds = self._intake.bounds
        match version or self._intake.settings.unversioned_card:
            case "0.3":
                return dump(write_card(card, bounds))
            case "hybrid":
                old, new = write_card(card, bounds), protojson.to_value(card, bounds)
                return dump({**cast(dict[str, JsonValue], old), **cast(dict[str, JsonValue], new)})
            case _:
                return protojson.encode(card, bounds)

    def _kept(self, site: Site) -> dict[str, str]:
        """Who may keep the card, and for how long."""
        whose = "public" if site.shared else "private"
        return {"cache-control": f"{whose}, max-age={int(self._intake.limits.card_s)}", "vary": "A2A-Version"}
