"""An agent of the configuration as an `Agent`: its card found, its interface chosen, its headers added.

For `http(s)://` the card says which binding to speak and where; for `grpc(s)://` the URL does, and
the card is what can be had.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import cast
from urllib.parse import urljoin, urlsplit

from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.codec.form import FormOf, json_1_0, wire_1_0
from gateway.codec.jsontext import JsonValue
from gateway.codec.rest import ROUTES_1_0, Route
from gateway.codec.v0_3 import forms as v0_3
from gateway.codec.v0_3 import methods
from gateway.errors import AgentError, ErrorKind
from gateway.operations import GET_EXTENDED_AGENT_CARD, OPERATIONS, Operation
from gateway.settings import AgentSettings, Limits
from gateway.southbound.card_keys import CardKeys
from gateway.southbound.cards import CardCache, card_reader, card_url
from gateway.southbound.grpc import GrpcAgent
from gateway.southbound.jsonrpc import JsonRpcAgent
from gateway.southbound.old_agent import OldAgent
from gateway.southbound.rest import RestAgent
from gateway.southbound.transport.choice import TRANSPORTS
from gateway.southbound.transport.http import HttpClient
from generated.a2a.v1.a2a_pb import AgentCard, AgentInterface

Connect = Callable[[AgentInterface, AgentSettings, HttpClient, Limits], Agent]


def connect_grpc(paths: Mapping[Operation, str], form_of: FormOf[bytes]) -> Connect:
    """Connects to an agent over gRPC, in the version that the form writes."""

    def connect(interface: AgentInterface, settings: AgentSettings, client: HttpClient, limits: Limits) -> Agent:
        scheme, _, address = interface.url.rpartition("://")
        place = urlsplit(f"//{address}")
        if scheme not in ("", "http", "https", "grpc", "grpcs") or not place.hostname or place.port is None:
            raise ValueError("not HOST:PORT")
        secure = scheme in ("https", "grpcs") or (not scheme and settings.url.startswith("https"))
        url = f"{'grpcs' if secure else 'grpc'}://{address.rstrip('/')}"
        form = form_of(settings.v0_3.choices())
        channel = TRANSPORTS[settings.transport].channel(url, limits, settings.tls)
        return GrpcAgent(channel, paths, form, limits, _tenant(interface, settings))

    return connect


def connect_jsonrpc(methods: Mapping[Operation, str], form_of: FormOf[JsonValue]) -> Connect:
    """Connects to an agent over JSON-RPC."""

    def connect(interface: AgentInterface, settings: AgentSettings, client: HttpClient, limits: Limits) -> Agent:
        url = _http_address(settings, interface)
        form = form_of(settings.v0_3.choices())
        return JsonRpcAgent(url, methods, form, client, limits, _tenant(interface, settings))

    return connect


def connect_rest(routes: Sequence[Route], form_of: FormOf[JsonValue]) -> Connect:
    """Connects to an agent over HTTP+JSON."""
    by_operation: dict[Operation, list[Route]] = {}
    for route in routes:
        by_operation.setdefault(route.operation, []).append(route)

    def connect(interface: AgentInterface, settings: AgentSettings, client: HttpClient, limits: Limits) -> Agent:
        url = _http_address(settings, interface)
        form = form_of(settings.v0_3.choices())
        return RestAgent(url, by_operation, form, client, limits, _tenant(interface, settings))

    return connect


def _http_address(settings: AgentSettings, interface: AgentInterface) -> str:
    """Where an interface is; relative to the card, if it is relative. Raises ValueError where it is nowhere."""
    url = urljoin(card_url(settings.url), interface.url)
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise ValueError("not an HTTP address")
    _ = place.port  # raises ValueError for one that is none
    return url


def _of_0_3(connect: Connect) -> Connect:
    """An agent that speaks 0.3, with what that version cannot say."""
    return lambda interface, settings, client, limits: OldAgent(connect(interface, settings, client, limits))


PATHS_1_0 = {operation: operation.grpc_path for operation in OPERATIONS}
METHODS_1_0 = {operation: operation.name for operation in OPERATIONS}
PATHS_0_3 = {operation: row.grpc_path for operation, row in methods.METHODS.items()}
METHODS_0_3 = {operation: row.jsonrpc for operation, row in methods.METHODS.items()}

SPOKEN: dict[tuple[str, str], Connect] = {
    ("GRPC", "1.0"): connect_grpc(PATHS_1_0, wire_1_0),
    ("JSONRPC", "1.0"): connect_jsonrpc(METHODS_1_0, json_1_0),
    ("HTTP+JSON", "1.0"): connect_rest(ROUTES_1_0, json_1_0),
    ("GRPC", "0.3"): _of_0_3(connect_grpc(PATHS_0_3, v0_3.wire_format)),
    ("JSONRPC", "0.3"): _of_0_3(connect_jsonrpc(METHODS_0_3, v0_3.json_rpc)),
    ("HTTP+JSON", "0.3"): _of_0_3(connect_rest(v0_3.ROUTES, v0_3.http_json)),
}
"""What the gateway speaks to agents: the binding as cards name it and the version, to how it connects."""


class Upstream:
    """An Agent as configured. It connects on the first call, and again when its card moves it."""

    def __init__(self, settings: AgentSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._client = TRANSPORTS[settings.transport].http(limits, settings.tls)
        self._interface: AgentInterface | None = None
        self._agent: Agent | None = None
        self._retired: list[Agent] = []
        if urlsplit(settings.url).scheme.startswith("grpc"):
            version = settings.version or "1.0"
            interface = AgentInterface(url=settings.url, protocol_binding="GRPC", protocol_version=version)
            self._agent = SPOKEN["GRPC", version](interface, settings, self._client, limits)
            self._interface = interface
        self._keys = CardKeys(settings, self._client, limits)
        read_card = self._keys.verifying(card_reader(settings, self._client, limits, self._agent))
        self._cards = CardCache(read_card, limits.card_s, limits.connect_s)
        self._follows_card = self._agent is None

    @property
    def version(self) -> str:
        """What is spoken to the agent, once that is known."""
        return _spoken(self._interface)[1] if self._interface else ""

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        agent = await self._connected()
        answer = await agent.call(operation, request, self._with_headers(context))
        if operation is GET_EXTENDED_AGENT_CARD:
            await self._keys.verified(cast(AgentCard, answer.message))
        return answer

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
        await self._keys.close()
        await self._client.close()

    def _with_headers(self, context: CallContext) -> CallContext:
        if not self._settings.headers:
            return context
        return replace(context, headers={**context.headers, **self._settings.headers})

    async def _connected(self) -> Agent:
        if self._agent is not None and not self._follows_card:
            return self._agent
        interface = choose_interface(await self._cards.card(), self._settings)
        if self._agent is None or interface != self._interface:
            if self._agent is not None:
                self._retired.append(self._agent)  # it may have calls under way
            self._interface = interface
            try:
                self._agent = SPOKEN[_spoken(interface)](interface, self._settings, self._client, self._limits)
            except ValueError:
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent's card leads nowhere") from None
        return self._agent


def choose_interface(card: AgentCard, settings: AgentSettings) -> AgentInterface:
    """The first interface of a card that the gateway can speak and the settings allow (section 8.3).

    A version that the settings name is believed over the card: some say one and speak the other.
    Raises AgentError.
    """
    for interface in card.supported_interfaces:
        binding, version = _spoken(interface)
        allowed = settings.binding in (None, binding) and settings.version in (None, version)
        if allowed and (binding, version) in SPOKEN:
            return interface
    if (version := settings.version) is not None:
        for interface in card.supported_interfaces:
            binding = interface.protocol_binding
            if settings.binding in (None, binding) and (binding, version) in SPOKEN:
                spoken = copy(interface)
                spoken.protocol_version = version
                return spoken
    offered = ", ".join(f"{one.protocol_binding} {one.protocol_version}" for one in card.supported_interfaces)
    raise AgentError(
        ErrorKind.VERSION_NOT_SUPPORTED,
        f"The agent's card offers {offered or 'no interface'}; "
        f"the gateway speaks {', '.join(' '.join(pair) for pair in SPOKEN)}",
    )


def _spoken(interface: AgentInterface) -> tuple[str, str]:
    """The key of an interface in `SPOKEN`; only Major.Minor of a version counts."""
    return interface.protocol_binding, ".".join(interface.protocol_version.split(".")[:2])


def _tenant(interface: AgentInterface, settings: AgentSettings) -> str:
    return interface.tenant if settings.tenant is None else settings.tenant
