"""A gateway that is killed in the middle of 200 tasks: each is FAILED with a reason, and no end that was told is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.operations import TERMINAL_STATES
from gateway.tasks.sql import open_store
from generated.a2a.v1.a2a_pb import TaskState
from tests.cli.launcher import Launcher
from tests.tasks.asking import JsonRpc, Refused, Seen, send
from tests.tasks.conftest import own_schema
from tests.tasks.history.gateways import GatewayProcess, processes

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

TASKS = 200
LEASE_S = 2.0
SETTINGS = {"AT_ONCE": "150", "LEASE_S": str(LEASE_S), "WRITE_S": "0.05"}


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture(params=["sqlite, restarted", "postgres, another gateway"])
async def gateways(request: pytest.FixtureRequest, launcher: Launcher, tmp_path: Path) -> AsyncIterator[list[GatewayProcess]]:
    if "sqlite" in request.param:
        every = processes(launcher, f"sqlite:///{tmp_path / 'a2a.db'}", 1, **SETTINGS)
        await every[0].start()
        yield every
        await every[0].stop()
        return
    async with own_schema() as url:
        every = processes(launcher, url, 2, **SETTINGS)
        await asyncio.gather(*(gateway.start() for gateway in every))
        yield every
        await asyncio.gather(*(gateway.stop() for gateway in every))


async def test_kill_with_200_tasks_under_way(gateways: list[GatewayProcess]) -> None:
    first = gateways[0]
    told: dict[str, list[Seen]] = {}

    async def begin(number: int) -> None:
        """Some end before the kill, some wait for a slot, most are at work."""
        text = f"count {(3, 100_000)[number % 4 > 0]} 200"
        async with JsonRpc(first) as caller:
            while True:
                try:
                    opened = await caller.open("SendStreamingMessage", send(text))
                    break
                except Refused:
                    await asyncio.sleep(0.1)  # the store has a busy moment
            told[(await anext(opened)).task_id] = opened.seen
            with suppress(OSError, Refused):
                await opened.rest()

    begun = asyncio.gather(*(begin(number) for number in range(TASKS)))
    async with asyncio.timeout(80):
        while len(told) < TASKS or not any(seen[-1].state == "COMPLETED" for seen in told.values()):
            await asyncio.sleep(0.02)
    await first.kill()
    await begun
    survivor = gateways[-1]
    await survivor.start()

    store = open_store(first.store)
    await store.open()
    try:
        async with asyncio.timeout(10 * LEASE_S + 20):
            while not {_state(await store.load(task_id)) for task_id in told} <= TERMINAL_STATES:
                await asyncio.sleep(0.1)
        ends: Counter[str] = Counter()
        for task_id, seen in told.items():
            record = await store.load(task_id)
            assert record is not None
            state = _state(record)
            ends[state.name] += 1
            log = await store.events(task_id, 0, 100_000)
            states = [value.status.state for entry in log if (value := getattr(entry.response.payload, "value", None)) and hasattr(value, "status")]
            assert [one for one in states if one in TERMINAL_STATES] == [state]
            if seen[-1].state == "COMPLETED":
                assert state is TaskState.COMPLETED
            if state is TaskState.FAILED:
                assert record.task.status is not None
                assert record.task.status.message is not None
                assert "was lost" in str(record.task.status.message.parts[0].content)
            assert record.owner == ""
        assert set(ends) == {"COMPLETED", "FAILED"}
        assert ends.total() == TASKS
        async with JsonRpc(survivor) as caller:
            page = await caller.call("ListTasks", {"status": "TASK_STATE_FAILED"})
            assert page["totalSize"] == ends["FAILED"]
    finally:
        await store.close()


def _state(record: object) -> TaskState:
    task = getattr(record, "task")  # noqa: B009 # a record, once it is there
    return task.status.state
