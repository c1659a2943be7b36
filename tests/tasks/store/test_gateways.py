"""Several gateways on one database: leases, claims, commands, and how they wake each other."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from gateway.tasks.sql import open_store
from gateway.tasks.store import Store
from generated.a2a.v1.a2a_pb import TaskState
from tests.tasks.conftest import POSTGRES
from tests.tasks.store.conftest import opened
from tests.tasks.store.making import at, message, record, task, tokens

pytestmark = pytest.mark.anyio


async def test_a_task_is_its_owners_while_the_lease_lasts(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.beat("g", 30)
    await one.create(record(request=b"how to go on"))
    await one.append("t", 1, tokens(2))
    assert await other.claim("t", "h") is None
    assert list(await other.claim_orphans("h", 10)) == []
    await one.beat("g", 0)
    claimed = await other.claim("t", "h")
    assert claimed is not None
    assert (claimed.owner, claimed.epoch, claimed.seq, claimed.request) == ("h", 2, 2, b"how to go on")
    loaded = await one.load("t")
    assert loaded is not None
    # Only who claims is told from whom.
    assert (claimed.left_by, loaded.left_by) == ("g", "")
    assert replace(claimed, left_by="") == loaded


async def test_who_leaves_leaves_orphans(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.beat("g", 30)
    await other.beat("h", 30)
    for number in range(5):
        await one.create(record(f"t{number}"))
    await one.create(record("free", owner=""))
    await one.leave("g")
    first = await other.claim_orphans("h", 3)
    rest = await other.claim_orphans("h", 3)
    assert len(first) == 3
    assert sorted(orphan.task.id for orphan in (*first, *rest)) == [f"t{number}" for number in range(5)]
    assert {(orphan.owner, orphan.epoch) for orphan in (*first, *rest)} == {("h", 2)}
    assert list(await other.claim_orphans("h", 3)) == []


async def test_orphans_are_shared_out(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.beat("g", 30)
    await other.beat("h", 30)
    for number in range(30):
        await one.create(record(f"t{number:02}", owner="dead"))
    taken: list[str] = []
    while shares := [
        orphan.task.id
        for share in await asyncio.gather(*(store.claim_orphans(name, 4) for store, name in ((one, "g"), (other, "h"))))
        for orphan in share
    ]:
        taken += shares
    assert sorted(taken) == [f"t{number:02}" for number in range(30)]


async def test_commands_reach_the_owner_once_and_in_order(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.beat("g", 30)
    await one.create(record("t1"))
    await one.create(record("t2", owner="h"))
    await one.create(record("idle", owner=""))
    assert await other.tell("idle", message("hello")) is False
    said = [message(str(number)) for number in range(5)]
    for text in said:
        assert await other.tell("t1", text)
    assert await other.tell("t1", None)
    assert await other.tell("t2", None)
    shares = await asyncio.gather(*(one.commands("g", 2) for _ in range(3)), one.commands("g", 0))
    taken = sorted((command for share in shares for command in share), key=lambda command: command.id)
    taken += await one.commands("g", 10)
    assert [command.message for command in taken] == [*said, None]
    assert {command.task_id for command in taken} == {"t1"}
    assert list(await one.commands("g", 10)) == []
    assert [command.task_id for command in await other.commands("h", 10)] == ["t2"]


async def test_commands_follow_a_task_to_its_successor(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await other.beat("h", 30)
    await one.create(record())
    assert await one.tell("t", message("hello"))
    assert await other.claim("t", "h") is not None
    assert list(await one.commands("g", 10)) == []
    [command] = await other.commands("h", 10)
    assert command.message == message("hello")


async def test_waiting_tasks(store: Store) -> None:
    for task_id, state, seconds, owner in (
        ("asks", TaskState.INPUT_REQUIRED, 1, ""),
        ("auth", TaskState.AUTH_REQUIRED, 0, ""),
        ("owned", TaskState.INPUT_REQUIRED, 1, "g"),
        ("late", TaskState.INPUT_REQUIRED, 9, ""),
        ("works", TaskState.WORKING, 1, ""),
        ("over", TaskState.COMPLETED, 1, ""),
    ):
        await store.create(record(task(task_id, state, seconds), owner=owner))
    # One that works and is nobody's is another agent's, recorded: nothing has happened to it either.
    first, *others = await store.waiting_since(at(5), 10)
    assert (first, sorted(others)) == ("auth", ["asks", "works"])
    assert list(await store.waiting_since(at(5), 1)) == ["auth"]


class Heard:
    """What a store's watcher was told."""

    def __init__(self, store: Store) -> None:
        self.tasks: list[str] = []
        self.commands = 0
        self._news = asyncio.Event()
        store.watch(self._task, self._command)

    def _task(self, task_id: str) -> None:
        self.tasks.append(task_id)
        self._news.set()

    def _command(self) -> None:
        self.commands += 1
        self._news.set()

    async def until(self, *, tasks: set[str] = frozenset(), commands: int = 0) -> None:  # type: ignore[assignment] # read only
        async with asyncio.timeout(20):
            while not (tasks <= set(self.tasks) and commands <= self.commands):
                self._news.clear()
                await self._news.wait()


async def _listening(url: str, count: int) -> list[int]:
    """The server's processes of so many connections that listen in a schema, once they do."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(20):
            while True:
                rows = await connection.fetch(
                    "SELECT pid FROM pg_stat_activity"
                    " WHERE application_name = 'a2a-gateway listens ' || current_schema()"
                )
                if len(rows) == count:
                    return [row["pid"] for row in rows]
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


async def test_others_are_woken_and_the_writer_is_not(postgres_url: str) -> None:
    one, other = open_store(postgres_url), open_store(postgres_url)
    own, heard = Heard(one), Heard(other)
    try:
        await one.open()
        await other.open()
        await _listening(postgres_url, 2)
        await one.create(record('with "quotes" é\n'))
        await one.append('with "quotes" é\n', 1, tokens(1))
        await heard.until(tasks={'with "quotes" é\n'})
        many = {f"{number}{'x' * 900}" for number in range(20)}
        for task_id in many:
            await one.create(record(task_id))
        await asyncio.gather(*(one.append(task_id, 1, tokens(1)) for task_id in many))
        await heard.until(tasks=many)
        await one.tell('with "quotes" é\n', None)
        await heard.until(commands=1)
        await other.tell('with "quotes" é\n', None)
        await own.until(commands=1)
        assert own.tasks == []
    finally:
        await one.close()
        await other.close()


async def test_deployments_in_one_database_do_not_hear_each_other(postgres_url: str) -> None:
    admin = await asyncpg.connect(postgres_url)
    schema = await admin.fetchval("SELECT current_schema()") + "_b"
    await admin.execute(f"CREATE SCHEMA {schema}")
    one, other = open_store(postgres_url), open_store(f"{postgres_url}_b")
    heard = Heard(other)
    try:
        await one.open()
        await other.open()
        await _listening(postgres_url, 1)
        await _listening(f"{postgres_url}_b", 1)
        await one.create(record())
        await one.append("t", 1, tokens(1))
        assert await other.load("t") is None
        async with opened(f"{postgres_url}_b") as neighbour:
            await neighbour.create(record("own"))
            await _listening(f"{postgres_url}_b", 2)
            await neighbour.append("own", 1, tokens(1))
            await heard.until(tasks={"own"})
        assert heard.tasks == ["own"]
    finally:
        await one.close()
        await other.close()
        await admin.execute(f"DROP SCHEMA {schema} CASCADE")
        await admin.close()


async def test_a_lost_listening_connection_comes_back(postgres_url: str) -> None:
    one, other = open_store(postgres_url), open_store(postgres_url)
    heard = Heard(other)
    admin = await asyncpg.connect(POSTGRES)
    try:
        await one.open()
        await other.open()
        await one.create(record())
        for pid in await _listening(postgres_url, 2):
            await admin.execute("SELECT pg_terminate_backend($1)", pid)
        # Written while nobody listens: the callback of the connection that is made again tells of it.
        await one.append("t", 1, tokens(1))
        await heard.until(tasks={""}, commands=1)
        await _listening(postgres_url, 2)
        await one.append("t", 1, tokens(1, 2))
        await heard.until(tasks={"t"})
    finally:
        await admin.close()
        await one.close()
        await other.close()


async def test_the_secret_is_the_databases(pair: tuple[Store, Store]) -> None:
    one, other = pair
    assert one.secret == other.secret
    assert len(one.secret) == 32
    async with opened("sqlite://") as elsewhere:
        assert elsewhere.secret != one.secret
