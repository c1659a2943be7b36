"""Seeded histories on every store: nothing lost, nothing doubled, nothing out of order, every gap announced."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from gateway.tasks.sql import open_store
from tests.cli.launcher import Launcher
from tests.tasks.conftest import POSTGRES, own_schema
from tests.tasks.history.checker import Truth, judge
from tests.tasks.history.clients import Reader, Talker, cancel
from tests.tasks.history.gateways import LEASE_S, GatewayProcess, processes

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]

SEEDS = int(os.environ.get("A2A_GATEWAY_TEST_HISTORY_SEEDS", "8"))
GATEWAYS = {"sqlite": 1, "postgres": 2}
APPLICATION = f"a2a_history_{os.getpid()}"
PATIENCE_S = 40.0


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture(scope="module", params=GATEWAYS)
async def gateways(
    request: pytest.FixtureRequest, launcher: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[GatewayProcess]]:
    kind: str = request.param
    if kind == "sqlite":
        folder: Path = tmp_path_factory.mktemp("history")
        every = processes(launcher, f"sqlite:///{folder / 'a2a.db'}", GATEWAYS[kind])
        try:
            yield every
        finally:
            await asyncio.gather(*(gateway.stop() for gateway in every))
        return
    async with own_schema() as url:
        every = processes(launcher, f"{url}&application_name={APPLICATION}", GATEWAYS[kind])
        try:
            yield every
        finally:
            await asyncio.gather(*(gateway.stop() for gateway in every))


class Nemesis:
    """Does harm to gateways for a while, by the dice."""

    def __init__(self, gateways: Sequence[GatewayProcess], dice: random.Random) -> None:
        self.done: list[str] = []
        self._gateways = gateways
        self._dice = dice

    async def strike(self) -> None:
        gateway = self._dice.choice(self._gateways)
        harms = [self._kill, self._pause, self._pause, self._pause_past_lease]
        if "postgresql" in gateway.store:
            harms.append(self._cut_the_database)
        harm = self._dice.choice(harms)
        self.done.append(harm.__name__)
        await harm(gateway)

    async def _kill(self, gateway: GatewayProcess) -> None:
        await gateway.kill()
        await asyncio.sleep(self._dice.choice((0, 0.1)))
        await gateway.start()

    async def _pause(self, gateway: GatewayProcess) -> None:
        await self._stand_still(gateway, self._dice.uniform(0.02, 0.3))

    async def _pause_past_lease(self, gateway: GatewayProcess) -> None:
        await self._stand_still(gateway, 1.2 * LEASE_S)

    async def _stand_still(self, gateway: GatewayProcess, seconds: float) -> None:
        gateway.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        gateway.signal(signal.SIGCONT)

    async def _cut_the_database(self, gateway: GatewayProcess) -> None:
        connection = await asyncpg.connect(POSTGRES)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", APPLICATION
            )
        finally:
            await connection.close()


@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed{seed}")
async def test_history(gateways: list[GatewayProcess], seed: int) -> None:
    dice = random.Random(seed)
    await asyncio.gather(*(gateway.start() for gateway in gateways))
    readers = [Reader(gateways, random.Random(dice.random()), f"reader{number}") for number in range(14)]
    talkers = [Talker(gateways, random.Random(dice.random()), f"word{number}") for number in range(4)]
    nemesis = Nemesis(gateways, dice)
    canceled: list[str] = []

    async def cancel_late(reader: Reader) -> None:
        await asyncio.sleep(dice.uniform(0.05, 0.6))
        if reader.told.task_id and await cancel(gateways, dice, reader.told.task_id):
            canceled.append(reader.told.task_id)

    async def join_late(reader: Reader, first: Reader) -> None:
        await asyncio.sleep(dice.uniform(0.05, 0.5))
        while not first.told.task_id:
            if begun.done():
                return
            await asyncio.sleep(0.01)
        await reader.follow(first.told.task_id)

    def text() -> str:
        return f"count {dice.randint(1, 250)} {dice.choice((0, 1, 4))}"

    begun = asyncio.gather(*(reader.begin(text()) for reader in readers[:6]))
    joined = asyncio.gather(*(join_late(reader, dice.choice(readers[:6])) for reader in readers[6:]))
    talked = asyncio.gather(
        *(talker.talk(f"{'talk' if number % 2 else 'wait'} {dice.randint(1, 4)}") for number, talker in enumerate(talkers))
    )
    canceling = asyncio.gather(*(cancel_late(reader) for reader in readers[:2]))
    for _ in range(dice.randint(1, 2)):
        await asyncio.sleep(dice.uniform(0.05, 0.4))
        await nemesis.strike()
    for reader in readers:
        reader.calm()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(begun, joined, talked, canceling)

    tasks = {reader.told.task_id for reader in readers} | {talker.task_id for talker in talkers}
    truths = await _truths(gateways[0].store, tasks - {""})
    verdict = judge([reader.told for reader in readers], truths, canceled)
    faults = [*verdict.faults, *_faults_of(talkers, truths)]
    assert not faults, "\n".join([str(nemesis.done), *faults])
    print(f"{verdict.events} events, {verdict.gaps} gaps, {nemesis.done}")


async def _truths(url: str, task_ids: set[str]) -> dict[str, Truth]:
    store = open_store(url)
    await store.open()
    try:
        truths: dict[str, Truth] = {}
        for task_id in task_ids:
            record = await store.load(task_id)
            assert record is not None
            truths[task_id] = Truth(record.task, await store.events(task_id, 0, 100_000))
        return truths
    finally:
        await store.close()


def _faults_of(talkers: Sequence[Talker], truths: dict[str, Truth]) -> list[str]:
    """What was said and taken is in the history once; a task that completed has worked on all of it, once."""
    faults: list[str] = []
    for talker in talkers:
        if not talker.task_id:
            continue
        task = truths[talker.task_id].task
        said = [str(part.content.value) for message in task.history for part in message.parts if part.content is not None]
        heard = "".join(
            str(part.content.value) for artifact in task.artifacts for part in artifact.parts if part.content is not None
        ).split()
        state = task.status.state.name if task.status is not None else ""
        faults += [f"{word} was taken and is not in the history" for word in talker.taken if said.count(word) != 1]
        faults += [f"{word} was refused and is in the history" for word in talker.refused if word in said]
        faults += [f"{word} is there {said.count(word)} times" for word in talker.unsure if said.count(word) > 1]
        faults += [f"{word} was worked on twice" for word in set(heard) if heard.count(word) > 1]
        if state == "COMPLETED":
            faults += [f"{word} was taken and not worked on" for word in talker.taken if word not in heard]
    return faults
