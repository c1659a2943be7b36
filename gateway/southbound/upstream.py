"""An agent of the configuration as an `Agent`: its card found, its interface chosen, its headers added.

For `http(s)://` the card says which binding to speak and where; for `grpc(s)://` the URL does, and
the card is what can be had.
"""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.errors import AgentError, ErrorKind
from gateway.operations import Operation
from gateway.settings import AgentSettings, Limits
from gateway.southbound.cards import CardCache, card_reader, card_url
from gateway.southbound.grpc import GrpcAgent
from gateway.southbound.http_client import HttpClient
from gateway.southbound.jsonrpc import JsonRpcAgent
from generated.a2a.v1.a2a_pb import AgentCard, AgentInterface

Connect = Callable[[AgentInterface, AgentSettings, HttpClient, Limits], Agent]


def _connect_grpc(
    interface: AgentInterface, settings: AgentSettings, client: HttpClient, limits: Limits
) -> Agent:
    scheme, _, address = interface.url.rpartition("://")
    secure = scheme in ("https", "grpcs") or (not scheme and settings.url.startswith("https"))
    url = f"{'grpcs' if secure else 'grpc'}://{address.rstrip('/')}"
    return GrpcAgent(url, limits, settings.tls, _tenant(interface, settings))


def _connect_jsonrpc(
    interface: AgentInterface, settings: AgentSettings, client: HttpClient, limits: Limits
) -> Agent:
    url = urljoin(card_url(settings.url), interface.url)
    return JsonRpcAgent(url, client, limits, _tenant(interface, settings))


BINDINGS: dict[str, Connect] = {"JSONRPC": _connect_jsonrpc, "GRPC": _connect_grpc}
"""The bindings that the gateway speaks to agents, by the name that cards give them."""


class Upstream:
    """An Agent as configured. It connects on the first call, and again when its card moves it."""

    def __init__(self, settings: AgentSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._client = HttpClient(limits, settings.tls)
        self._interface: AgentInterface | None = None
        self._agent: Agent | None = None
        self._retired: list[Agent] = []
        if urlsplit(settings.url).scheme.startswith("grpc"):
            self._agent = GrpcAgent(settings.url, limits, settings.tls, settings.tenant or "")
        read_card = card_reader(settings, self._client, limits, self._agent)
        self._cards = CardCache(read_card, limits.card_s, limits.connect_s)
        self._follows_card = self._agent is None

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        agent = await self._connected()
        return await agent.call(operation, request, self._with_headers(context))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        agent = await self._connected()
        return await agent.open(operation, request, self._with_headers(context))

    async def card(self, context: CallContext) -> AgentCard:
        return await self._cards.card()

    async def close(self) -> None:
        for agent in (self._agent, *self._retired):
            if agent is not None:
                await agent.close()
        await self._cards.close()
        await self._client.close()

    def _with_headers(self, context: CallContext) -> CallContext:
        if not self._settings.headers:
            return context
        return replace(context, headers={**context.headers, **self._settings.headers})

    async def _connected(self) -> Agent:
        if self._agent is not None and not self._follows_card:
            return self._agent
        interface = choose_interface(await self._cards.card())
        if self._agent is None or interface != self._interface:
            if self._agent is not None:
                self._retired.append(self._agent)  # it may have calls under way
            self._interface = interface
            self._agent = BINDINGS[interface.protocol_binding](interface, self._settings, self._client, self._limits)
        return self._agent


def choose_interface(card: AgentCard) -> AgentInterface:
    """The first interface of a card that the gateway can speak (section 8.3). Raises AgentError."""
    for interface in card.supported_interfaces:
        if interface.protocol_binding in BINDINGS and interface.protocol_version.split(".")[0] == "1":
            return interface
    offered = ", ".join(f"{one.protocol_binding} {one.protocol_version}" for one in card.supported_interfaces)
    raise AgentError(
        ErrorKind.VERSION_NOT_SUPPORTED,
        f"The agent's card offers {offered or 'no interface'}; the gateway speaks {', '.join(BINDINGS)} 1.0",
    )


def _tenant(interface: AgentInterface, settings: AgentSettings) -> str:
    return interface.tenant if settings.tenant is None else settings.tenant
