"""A run in which anything was lost, doubled, reordered, altered or cut is known for it, on either wire."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from benchmarks.agents.grpc import GrpcAgent
from benchmarks.agents.sse import SseAgent
from benchmarks.agents.stage import Stage
from benchmarks.load.session import Session
from benchmarks.load.target import Binding, Target
from benchmarks.wire.plan import Kind
from tests.benchmarks.liar import Edit, Liar, Pieces, chunks, frames, index_of

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1"
EVENTS = 9
WITHIN_S = 10.0


def same(pieces: Pieces) -> Pieces:
    return pieces


def dropped(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return pieces[:at] + pieces[at + 1 :]


def doubled(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return pieces[:at] + pieces[at : at + 1] * 2 + pieces[at + 1 :]


def swapped(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return [*pieces[:at], pieces[at + 1], pieces[at], *pieces[at + 2 :]]


def misspelt(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return [*pieces[:at], pieces[at].replace(b"brown", b"blown"), *pieces[at + 1 :]]


def of_another_stream(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return [*pieces[:at], pieces[at].replace(b"s00000 ", b"s00001 "), *pieces[at + 1 :]]


def of_another_task(pieces: Pieces) -> Pieces:
    at = index_of(pieces, 4)
    return [*pieces[:at], pieces[at].replace(b"task-00000", b"task-00009"), *pieces[at + 1 :]]


def without_its_task(pieces: Pieces) -> Pieces:
    first = index_of(pieces, 0) - 1
    return pieces[:first] + pieces[first + 1 :]


def without_its_end(pieces: Pieces) -> Pieces:
    last = index_of(pieces, EVENTS - 1) + 1
    return pieces[:last] + pieces[last + 1 :]


EDITS: list[tuple[Edit, str]] = [
    (dropped, "lost: 1 events, the first was 4"),
    (doubled, "doubled: 1 events"),
    (swapped, "reordered: 4 came after 5"),
    (misspelt, "altered: "),
    (of_another_stream, "altered: "),
    (of_another_task, "altered: events of several tasks"),
    (without_its_task, "the task came 0 times"),
    (without_its_end, "completed 0 times"),
]


class Agents:
    """Both agents, in this process."""

    def __init__(self) -> None:
        self.stage = Stage()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.servers = {
            Binding.JSONRPC: await loop.create_server(lambda: SseAgent(self.stage), HOST, 0),
            Binding.GRPC: await loop.create_server(lambda: GrpcAgent(self.stage), HOST, 0),
        }

    def target(self, binding: Binding) -> Target:
        return Target(binding, HOST, self.servers[binding].sockets[0].getsockname()[1])


@pytest.fixture
async def agents() -> AsyncIterator[Agents]:
    agents = Agents()
    await agents.start()
    yield agents
    for server in agents.servers.values():
        server.close()


async def run(session: Session, agents: Agents, kind: Kind, streams: int = 1) -> dict[str, object]:
    """A run of the harness, and what it says of it."""
    await session.open(kind, streams, EVENTS, WITHIN_S)
    agents.stage.go(1000)
    await session.drain(WITHIN_S)
    return session.judged()


WIRES: list[tuple[Binding, Callable[[bytes], Pieces | None]]] = [(Binding.JSONRPC, chunks), (Binding.GRPC, frames)]
BY_WIRE = pytest.mark.parametrize(("binding", "cut"), WIRES, ids=[binding.value for binding, _ in WIRES])


@pytest.mark.parametrize("binding", [Binding.JSONRPC, Binding.GRPC])
@pytest.mark.parametrize("kind", [Kind.BRIEF, Kind.BURST, Kind.PACED])
async def test_a_true_run_has_no_fault(kind: Kind, binding: Binding, agents: Agents) -> None:
    judged = await run(Session(agents.target(binding)), agents, kind, streams=3)
    assert judged["faults"] == []
    assert judged["events"] == 3 * EVENTS
    assert bool(judged["latency_us"]) == (kind is Kind.PACED)


@BY_WIRE
async def test_the_man_in_the_middle_is_not_the_fault(
    binding: Binding, cut: Callable[[bytes], Pieces | None], agents: Agents
) -> None:
    target = agents.target(binding)
    async with Liar(HOST, target.port, cut, same) as liar:
        judged = await run(Session(replace(target, port=liar.port)), agents, Kind.BRIEF)
    assert judged["faults"] == []


@BY_WIRE
@pytest.mark.parametrize(("edit", "fault"), EDITS, ids=[edit.__name__ for edit, _ in EDITS])
async def test_a_lie_is_found(
    edit: Edit, fault: str, binding: Binding, cut: Callable[[bytes], Pieces | None], agents: Agents
) -> None:
    target = agents.target(binding)
    async with Liar(HOST, target.port, cut, edit) as liar:
        judged = await run(Session(replace(target, port=liar.port)), agents, Kind.BRIEF)
    assert any(fault in str(found) for found in judged["faults"]), judged  # pyright: ignore[reportGeneralTypeIssues] # a list


@pytest.mark.parametrize("binding", [Binding.JSONRPC, Binding.GRPC])
async def test_a_stream_that_breaks_off_is_found(binding: Binding, agents: Agents) -> None:
    session = Session(agents.target(binding))
    await session.open(Kind.BURST, 1, EVENTS, WITHIN_S)
    await session.drain(0.01)  # nobody told the agent to go
    judged = session.judged()
    assert "had not ended" in judged["faults"][0]
    assert any("never ended" in fault or "cut off" in fault for fault in judged["faults"])


@pytest.mark.parametrize("binding", [Binding.JSONRPC, Binding.GRPC])
async def test_calls_are_checked_one_by_one(binding: Binding, agents: Agents) -> None:
    session = Session(agents.target(binding))
    await session.calls(Kind.ANSWER, 3, 4, 0, WITHIN_S)
    judged = session.judged()
    assert judged["faults"] == []
    assert judged["events"] == 12
    assert judged["first_us"]["p50"] > 0
