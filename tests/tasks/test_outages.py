"""The store is away in the middle of a task: nothing is lost, nobody is told what is not so, and all comes back."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import pytest
import structlog.testing

from gateway.settings import ConfigurationError
from gateway.worker import Ask, Chunk, Work, Yield, text_part
from generated.a2a.v1.a2a_pb import Message
from tests.fakes import steps
from tests.fakes.events import Json
from tests.fakes.proxy import Proxy
from tests.tasks.asking import JsonRpc, Refused, send, state_of, task_of
from tests.tasks.conftest import POSTGRES, own_schema
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

Hold = Callable[[], Awaitable[None]]


@asynccontextmanager
async def sqlite_that_can_be_locked(folder: Path) -> AsyncIterator[tuple[str, Hold, Hold]]:
    """Another process holds the file: every write fails once it has waited."""
    path = folder / "a2a.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    async def lock() -> None:
        other.execute("BEGIN EXCLUSIVE")

    async def unlock() -> None:
        other.execute("ROLLBACK")

    try:
        yield f"sqlite:///{path}", lock, unlock
    finally:
        other.close()


@asynccontextmanager
async def postgres_that_can_be_cut() -> AsyncIterator[tuple[str, Hold, Hold]]:
    """Every connection is ended, and new ones fail at their first statement: the tables are not there."""
    async with own_schema() as url:
        schema = url.rpartition("=")[2]
        name = f"{schema}_app"
        connection = await asyncpg.connect(POSTGRES)

        async def cut() -> None:
            await connection.execute(f"ALTER SCHEMA {schema} RENAME TO {schema}_away")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", name
            )

        async def mend() -> None:
            await connection.execute(f"ALTER SCHEMA {schema}_away RENAME TO {schema}")

        try:
            yield f"{url}&application_name={name}", cut, mend
        finally:
            await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def breakable(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("gateway.tasks.sql.sqlite.BUSY_S", 0.05)
    store = sqlite_that_can_be_locked(tmp_path) if request.param == "sqlite" else postgres_that_can_be_cut()
    async with store as parts:
        yield parts


def _check_away(refused: Refused) -> None:
    assert refused.reason == "UNAVAILABLE"


async def test_a_task_works_on_and_ends_once_the_store_is_back(breakable: tuple[str, Hold, Hold]) -> None:
    url, take_away, bring_back = breakable
    tasks: Json = {"store_patience_s": 30, "unwritten_events": 50, "lease_s": 60}
    async with serving(store=url, tasks=tasks) as gateway, JsonRpc(gateway) as caller:
        go, produced = asyncio.Event(), 0

        async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
            nonlocal produced
            yield Chunk([text_part("0 ")])
            await go.wait()
            for number in range(1, 101):
                yield Chunk([text_part(f"{number} ")])
                produced = number

        SCRIPTS["count"] = script
        opened = await caller.open("SendStreamingMessage", send("count"))
        await opened.take(3)
        await asyncio.sleep(0.05)
        await take_away()
        try:
            go.set()
            shown = await opened.take(30)
            assert [one.text for one in shown] == [f"{number} " for number in range(1, 31)]
            await asyncio.sleep(0.2)
            assert produced < 100, "its work waits where too much is not stored"
            with pytest.raises(Refused) as refused:
                await caller.call("SendMessage", send("count"))
            assert refused.value.reason == "UNAVAILABLE"
        finally:
            await bring_back()
        async with asyncio.timeout(20):
            rest = await opened.rest()
        assert [one.text for one in rest[:-1]] == [f"{number} " for number in range(31, 101)]
        assert rest[-1].state == "COMPLETED"
        stored = await caller.call("GetTask", {"id": opened.seen[0].task_id})
        assert cast("list[Any]", stored["artifacts"])[0]["parts"][0]["text"].split() == [str(n) for n in range(101)]


async def test_an_end_is_not_announced_before_it_is_stored(breakable: tuple[str, Hold, Hold]) -> None:
    url, take_away, bring_back = breakable
    tasks: Json = {"store_patience_s": 0.3, "lease_s": 60}
    async with serving(store=url, tasks=tasks) as gateway, JsonRpc(gateway) as caller:
        go = asyncio.Event()

        async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
            yield "x"
            await go.wait()

        SCRIPTS["works"] = script
        opened = await caller.open("SendStreamingMessage", send("works"))
        await opened.take(2)
        task_id = opened.seen[0].task_id
        await asyncio.sleep(0.05)
        await take_away()
        try:
            go.set()
            async with asyncio.timeout(10):
                with pytest.raises(Refused) as refused:
                    await opened.rest()
            assert refused.value.reason == "UNAVAILABLE"
            assert [one.state for one in opened.seen] == ["SUBMITTED", "WORKING"]
            with pytest.raises(Refused) as refused:
                await caller.call("GetTask", {"id": task_id})
            assert refused.value.reason == "UNAVAILABLE"
        finally:
            await bring_back()
        async with asyncio.timeout(20):
            while True:
                try:
                    resumed = await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": opened.seen[-1].cursor})
                    assert [one.state for one in await resumed.rest()] == ["COMPLETED"]
                    break
                except Refused as refused:
                    _check_away(refused)
                    await asyncio.sleep(0.05)


async def test_a_cancel_while_the_store_is_away_stops_the_work_at_once(breakable: tuple[str, Hold, Hold]) -> None:
    url, take_away, bring_back = breakable
    tasks: Json = {"store_patience_s": 0.3, "lease_s": 60}
    async with serving(store=url, tasks=tasks) as gateway, JsonRpc(gateway) as caller:
        closed = asyncio.Event()

        async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
            yield "x"
            try:
                await asyncio.Event().wait()
            finally:
                closed.set()

        SCRIPTS["works"] = script
        opened = await caller.open("SendStreamingMessage", send("works"))
        await opened.take(2)
        task_id = opened.seen[0].task_id
        await asyncio.sleep(0.05)
        await take_away()
        try:
            async with asyncio.timeout(10):
                with pytest.raises(Refused) as refused:
                    await caller.call("CancelTask", {"id": task_id})
                assert refused.value.reason == "UNAVAILABLE"
                await closed.wait()
        finally:
            await bring_back()
        async with asyncio.timeout(20):
            while True:
                try:
                    task = await caller.call("GetTask", {"id": task_id})
                    if state_of(task) == "CANCELED":
                        break
                except Refused as refused:
                    _check_away(refused)
                await asyncio.sleep(0.05)


async def test_a_gateway_stops_though_the_store_is_away(breakable: tuple[str, Hold, Hold]) -> None:
    url, take_away, bring_back = breakable
    try:
        async with asyncio.timeout(30):
            async with serving(store=url, tasks={"lease_s": 1}) as gateway, JsonRpc(gateway) as caller:

                async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
                    yield Ask("and?")

                SCRIPTS["asks"] = script
                task = task_of(await caller.call("SendMessage", send("asks")))
                await take_away()
    finally:
        await bring_back()
    # Its successor finds the task and says what became of it.
    async with serving(store=url, tasks={"lease_s": 1.5}) as gateway, JsonRpc(gateway) as caller:
        following = await caller.open("SubscribeToTask", {"id": task["id"]})
        async with asyncio.timeout(20):
            seen = await following.rest()
        assert [(one.state, one.text) for one in seen][1:] == [("FAILED", "The gateway that worked on the task was lost")]


async def test_a_gateway_that_starts_waits_for_its_store_only_so_long() -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(
        ConfigurationError, match=r"^store: the database cannot be reached$"
    ):
        async with serving(store="postgresql://postgres@127.0.0.1:1/x", tasks={"store_patience_s": 1}):
            pass
    assert {log["event"] for log in logs} == {"the task store cannot be reached"}, "it tried again"


async def test_a_gateway_that_starts_goes_on_once_its_store_is_there(postgres_url: str) -> None:
    async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
        yield "done"

    SCRIPTS["says"] = script
    server = urlsplit(postgres_url)
    async with Proxy(server.hostname or "127.0.0.1", server.port or 5432) as proxy:
        await proxy.refuse()
        url = server._replace(netloc=f"{server.username}@127.0.0.1:{proxy.port}").geturl()

        async def one_task() -> str:
            async with serving(store=url) as gateway, JsonRpc(gateway) as caller:
                return state_of(task_of(await caller.call("SendMessage", send("says"))))

        with structlog.testing.capture_logs() as logs:
            served = asyncio.create_task(one_task())
            await steps.until(lambda: bool(logs) or served.done(), 10)
            await proxy.listen()
            assert await served == "COMPLETED"
        assert logs[0]["event"] == "the task store cannot be reached"
