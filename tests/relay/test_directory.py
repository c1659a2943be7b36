"""Who is called: by name, by tenant, or the default agent; and what its cards say."""

import json
from typing import cast

import pytest
from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.errors import CallerError, ErrorKind
from gateway.operations import GET_EXTENDED_AGENT_CARD, GET_TASK, SUBSCRIBE_TO_TASK, Operation
from gateway.relay.directory import Directory, NoSuchAgent
from gateway.relay.published import Addresses, Published
from generated.a2a.v1 import a2a_pb as a2a

pytestmark = pytest.mark.anyio


class Known:
    """An agent that knows its own name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = 0
        self.shown = a2a.AgentCard(
            name=name,
            supported_interfaces=[a2a.AgentInterface(url="http://inside/", protocol_binding="JSONRPC")],
            signatures=[a2a.AgentCardSignature(protected="e30", signature="c2ln")],
        )

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        return Answer(self.shown if operation is GET_EXTENDED_AGENT_CARD else a2a.Task(id=self.name))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        return cast(Stream, self)

    async def card(self, context: CallContext) -> a2a.AgentCard:
        return self.shown

    async def close(self) -> None:
        self.closed += 1


FOUND = {
    ("", ""): "one",
    ("one", ""): "one",
    ("two", ""): "two",
    ("", "two"): "two",
    ("two", "two"): "two",
    ("", "one"): "one",
}
"""By tenant and by the name of the address."""

LOST = {
    ("three", ""): "There is no agent 'three'",
    ("", "three"): "There is no agent 'three'",
    ("three", "three"): "There is no agent 'three'",
    ("Two", ""): "There is no agent 'Two'",
    (" two", ""): "There is no agent ' two'",
    ("x" * 1000, ""): f"There is no agent '{'x' * 64}'",
    ("a\x1b[2J\n", ""): "There is no agent 'a\\x1b[2J\\n'",
}

CONTRADICTIONS = {
    ("one", "two"): "The tenant 'one' is not the agent of this address",
    ("three", "two"): "The tenant 'three' is not the agent of this address",
    ("x" * 1000, "two"): f"The tenant '{'x' * 64}' is not the agent of this address",
}


def directory(*names: str) -> tuple[Directory, dict[str, Known]]:
    agents = {name: Known(name) for name in names}
    return Directory(cast(dict[str, Agent], agents)), agents


@pytest.mark.parametrize(("tenant", "name"), FOUND)
async def test_found(tenant: str, name: str) -> None:
    found, agents = directory("one", "two")
    wanted = FOUND[tenant, name]
    assert found.find(tenant, name) == (wanted, agents[wanted])


@pytest.mark.parametrize(("tenant", "name"), LOST)
async def test_not_found(tenant: str, name: str) -> None:
    with pytest.raises(CallerError) as failed:
        directory("one", "two")[0].find(tenant, name)
    assert isinstance(failed.value, NoSuchAgent) is bool(name), "only an address can be a wrong one"
    assert (failed.value.kind, failed.value.message) == (ErrorKind.INVALID_PARAMS, LOST[tenant, name])


@pytest.mark.parametrize(("tenant", "name"), CONTRADICTIONS)
async def test_contradicted(tenant: str, name: str) -> None:
    with pytest.raises(CallerError) as failed:
        directory("one", "two")[0].find(tenant, name)
    assert not isinstance(failed.value, NoSuchAgent)
    assert (failed.value.kind, failed.value.message) == (ErrorKind.INVALID_PARAMS, CONTRADICTIONS[tenant, name])


async def test_nobody_is_there() -> None:
    empty, _ = directory()
    assert (empty.default, list(empty)) == ("", [])
    with pytest.raises(CallerError, match="The gateway has no agent"):
        empty.find("")


async def test_the_agents_in_their_order() -> None:
    found, agents = directory("two", "one")
    assert (found.default, list(found)) == ("two", ["two", "one"])
    assert "one" in found
    assert "three" not in found
    await found.close()
    assert [agent.closed for agent in agents.values()] == [1, 1]


# What is published

ADDRESSES = {
    Addresses("https://h/", "h:1"): [
        {"url": "https://h/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "h:1", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
        {"url": "https://h", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": "https://h/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        {"url": "https://h", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
        {"url": "h:1", "protocolBinding": "GRPC", "protocolVersion": "0.3"},
    ],
    Addresses("https://h/a/", "[::1]:1", "a"): [
        {"url": "https://h/a/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "[::1]:1", "protocolBinding": "GRPC", "protocolVersion": "1.0", "tenant": "a"},
        {"url": "https://h/a", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": "https://h/a/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        {"url": "https://h/a", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
    ],
}
"""gRPC of 0.3 has no tenant, so it can only lead to the default agent."""


@pytest.mark.parametrize("addresses", ADDRESSES, ids=lambda addresses: addresses.tenant or "default")
async def test_published_cards_lead_to_the_gateway(addresses: Addresses) -> None:
    agent = Known("one")
    before = agent.shown.to_binary()
    published = Published(cast(Agent, agent), addresses)
    answer = await published.call(GET_EXTENDED_AGENT_CARD, a2a.GetExtendedAgentCardRequest(), CallContext())
    for card in (await published.card(CallContext()), cast(a2a.AgentCard, answer.message)):
        expected = [a2a.AgentInterface.from_json(json.dumps(one)) for one in ADDRESSES[addresses]]
        assert (card.name, card.supported_interfaces, card.signatures) == ("one", expected, [])
    assert agent.shown.to_binary() == before, "the agent's card is the agent's"


async def test_the_rest_passes_as_it_is() -> None:
    agent = Known("one")
    published = Published(cast(Agent, agent), Addresses("http://h/", "h:1"))
    answer = await published.call(GET_TASK, a2a.GetTaskRequest(), CallContext())
    assert answer.message == a2a.Task(id="one")
    assert await published.open(SUBSCRIBE_TO_TASK, a2a.SubscribeToTaskRequest(), CallContext()) is cast(Stream, agent)
    await published.close()
    assert agent.closed == 1
