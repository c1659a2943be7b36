"""An agent's card as the gateway publishes it: its interfaces are the gateway's own (section 8).

The signatures go, since they are over another text; everything else stays as the agent wrote it.
"""

from copy import copy
from dataclasses import dataclass
from typing import cast

from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from generated.a2a.v1.a2a_pb import AgentCard, AgentInterface

VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where callers reach one agent through the gateway."""

    http: str
    """The base URL, with a slash at its end."""
    grpc: str
    """HOST:PORT, as cards of 1.0 write it."""
    tenant: str = ""
    """What names the agent on gRPC; empty for the default one."""

    def interfaces(self) -> list[AgentInterface]:
        """JSON-RPC first: clients exist that read only the first entry and expect HTTP there."""
        return [
            AgentInterface(url=self.http, protocol_binding="JSONRPC", protocol_version=VERSION),
            AgentInterface(url=self.grpc, protocol_binding="GRPC", protocol_version=VERSION, tenant=self.tenant),
        ]


class Published:
    """An Agent whose cards, public and extended, lead to the gateway."""

    def __init__(self, agent: Agent, addresses: Addresses) -> None:
        self._agent = agent
        self._addresses = addresses

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
        return published
