"""An agent's card as the gateway publishes it: its interfaces are the gateway's own (section 8).

The agent's signatures go, since they are over another text, and the gateway's own may take their
place; everything else stays as the agent wrote it.
"""

from copy import copy
from dataclasses import dataclass
from typing import cast

from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.codec.signature import SigningKey, sign
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from generated.a2a.v1.a2a_pb import AgentCard, AgentInterface

VERSION = "1.0"
OLD = "0.3"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where callers reach one agent through the gateway."""

    http: str
    """The base URL, with a slash at its end."""
    grpc: str
    """HOST:PORT, as cards of 1.0 write it."""
    tenant: str = ""
    """What names the agent on gRPC; empty for the default one."""
    jwks: str = ""
    """Where the gateway's public keys are."""

    def interfaces(self) -> list[AgentInterface]:
        """JSON-RPC first: clients exist that read only the first entry and expect HTTP there."""
        return [
            AgentInterface(url=self.http, protocol_binding="JSONRPC", protocol_version=VERSION),
            AgentInterface(url=self.grpc, protocol_binding="GRPC", protocol_version=VERSION, tenant=self.tenant),
            AgentInterface(url=self.http.rstrip("/"), protocol_binding="HTTP+JSON", protocol_version=VERSION),
            AgentInterface(url=self.http, protocol_binding="JSONRPC", protocol_version=OLD),
            AgentInterface(url=self.http.rstrip("/"), protocol_binding="HTTP+JSON", protocol_version=OLD),
            *self._old_grpc(),
        ]

    def _old_grpc(self) -> list[AgentInterface]:
        """Nothing for an agent that only a tenant can name: 0.3 has none, and stock clients send no metadata."""
        if self.tenant:
            return []
        return [AgentInterface(url=self.grpc, protocol_binding="GRPC", protocol_version=OLD)]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs published cards with the gateway's key."""

    key: SigningKey
    jku: bool | str = False
    """Where signatures say that the key is: a URL, or the gateway's own JWK Set."""

    def signed(self, card: AgentCard, addresses: Addresses) -> AgentCard:
        own = addresses.jwks if self.jku else ""
        return sign(card, self.key, self.jku if isinstance(self.jku, str) else own)


class Published:
    """An Agent whose cards, public and extended, lead to the gateway, signed by it where it has a signer."""

    def __init__(self, agent: Agent, addresses: Addresses, signer: Signer | None = None) -> None:
        self._agent = agent
        self._addresses = addresses
        self._signer = signer

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        answer = await self._agent.call(operation, request, context)
        if operation is GET_EXTENDED_AGENT_CARD:
            return Answer(self._rewritten(cast(AgentCard, answer.message)), answer.head)
        return answer

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        return await self._agent.open(operation, request, context)

    async def card(self, context: CallContext) -> AgentCard:
        return self._rewritten(await self._agent.card(context))

    async def close(self) -> None:
        await self._agent.close()

    def _rewritten(self, card: AgentCard) -> AgentCard:
        published = copy(card)
        published.supported_interfaces = self._addresses.interfaces()
        published.signatures = []
        return published if self._signer is None else self._signer.signed(published, self._addresses)
