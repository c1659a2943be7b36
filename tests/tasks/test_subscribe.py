"""Following a task: no gap between snapshot and tail, resume at every event, and cursors that are none."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.app import Gateway
from gateway.worker import Chunk, Work, Yield, text_part
from generated.a2a.v1.a2a_pb import Message
from tests.tasks.asking import CALLERS, Caller, Grpc, JsonRpc, Opened, Refused, Rest, Seen, send, text_of_parts
from tests.tasks.conftest import own_schema
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

Yields = AsyncGenerator[Yield, Message | None]
SMALL = {"buffer_events": 20, "page_events": 7}
"""Readers that are not quick fall out of memory and page through the store."""


def counts(name: str, count: int, go: asyncio.Event | None = None, every_s: float | None = None) -> None:
    """A script that yields the numbers up to `count`."""

    async def script(work: Work) -> Yields:
        if go is not None:
            await go.wait()
        for number in range(1, count + 1):
            yield Chunk([text_part(f"{number} ")], artifact_id="numbers")
            if every_s is not None:
                await asyncio.sleep(every_s)

    SCRIPTS[name] = script


def numbers_in(seen: list[Seen]) -> list[int]:
    """All numbers that a client knows of: those of its last snapshot, and of the events after it."""
    numbers: list[int] = []
    for one in seen:
        if "task" in one.event:
            artifacts = cast("list[dict[str, Any]]", cast("dict[str, Any]", one.event)["task"].get("artifacts", []))
            numbers = [int(word) for artifact in artifacts for word in text_of_parts(artifact["parts"]).split()]
        else:
            numbers += [int(word) for word in one.text.split()]
    return numbers


async def working(caller: Caller, text: str) -> tuple[Opened, str]:
    """A task that has begun."""
    opened = await caller.open("SendStreamingMessage", send(text))
    await opened.take(2)
    return opened, opened.seen[0].task_id


@pytest.fixture(params=["memory", "file", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    match request.param:
        case "memory":
            yield "sqlite://"
        case "file":
            yield f"sqlite:///{tmp_path / 'a2a.db'}"
        case _:
            async with own_schema() as url:
                yield url


@pytest.mark.parametrize("tasks", [{}, SMALL], ids=["in memory", "through the store"])
async def test_subscriptions_at_random_moments_see_everything_once(store: str, tasks: dict[str, int]) -> None:
    dice = random.Random(1)
    async with serving(store=store, tasks=cast(Any, tasks)) as gateway, JsonRpc(gateway) as caller:
        counts("count", 80, every_s=0.006)
        first, task_id = await working(caller, "count")

        async def subscribe(after_s: float) -> Opened | str:
            await asyncio.sleep(after_s)
            try:
                opened = await caller.open("SubscribeToTask", {"id": task_id})
                await opened.rest()
            except Refused as refused:
                return refused.reason
            return opened

        streams = await asyncio.gather(first.rest(), *(subscribe(dice.uniform(0, 0.6)) for _ in range(200)))
        opened = [stream for stream in streams[1:] if isinstance(stream, Opened)]
        assert len(opened) > 20
        assert {stream for stream in streams[1:] if isinstance(stream, str)} <= {"UNSUPPORTED_OPERATION"}
        for seen in [first.seen, *(stream.seen for stream in opened)]:
            assert "task" in seen[0].event
            assert not any("task" in one.event for one in seen[1:])
            seqs = [int(one.cursor.rpartition("-")[2]) for one in seen]
            assert seqs == list(range(seqs[0], 83))
            assert numbers_in(seen) == list(range(1, 81))
            assert seen[-1].state == "COMPLETED"


async def test_a_stalled_subscriber_delays_nobody_and_loses_nothing(store: str) -> None:
    """It stalls with a full socket while 2 MB go by; only when it goes on does it read them, from the store."""
    async with serving(store=store, tasks={"buffer_bytes": 50_000}) as gateway, JsonRpc(gateway) as caller:
        go = asyncio.Event()
        filler = "x" * 10_000

        async def script(work: Work) -> Yields:
            await go.wait()
            for number in range(1, 201):
                yield Chunk([text_part(f"{number}{filler} ")])

        SCRIPTS["flood"] = script
        first, task_id = await working(caller, "flood")
        slow = JsonRpc(gateway, rcvbuf_bytes=4096)
        stalled = await slow.open("SubscribeToTask", {"id": task_id})
        await anext(stalled)
        others = [await caller.open("SubscribeToTask", {"id": task_id}) for _ in range(19)]
        go.set()
        async with asyncio.timeout(30):
            everything = await asyncio.gather(first.rest(), *(other.rest() for other in others))
        assert all(len(seen) >= 201 for seen in everything)
        assert len(stalled.seen) == 1
        rest = await stalled.rest()
        assert [one.text.rstrip(" x") for one in rest[:-1]] == [str(number) for number in range(1, 201)]
        assert rest[-1].state == "COMPLETED"
        stalled.close()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving(tasks=cast(Any, SMALL)) as gateway:
        yield gateway


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Caller]:
    kind: type[JsonRpc | Rest | Grpc] = CALLERS[request.param]
    async with kind(gateway) as caller:
        yield caller


async def test_resume_at_every_event(caller: Caller) -> None:
    counts("count", 30)
    whole = await (await caller.open("SendStreamingMessage", send("count"))).rest()
    assert len(whole) == 33
    for at, one in enumerate(whole[:-1]):
        resumed = await caller.open("SubscribeToTask", {"id": one.task_id}, {"last-event-id": one.cursor})
        assert await resumed.rest() == whole[at + 1 :]
    with pytest.raises(Refused) as refused:
        await caller.open("SubscribeToTask", {"id": whole[0].task_id}, {"last-event-id": whole[-1].cursor})
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


async def test_resume_of_a_task_under_way(caller: Caller) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        for number in range(1, 51):
            yield Chunk([text_part(f"{number} ")])
            if number == 40:
                await go.wait()

    SCRIPTS["count"] = script
    opened, task_id = await working(caller, "count")
    await opened.take(40)
    streams = [
        (one, await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": one.cursor})) for one in opened.seen
    ]
    go.set()
    await opened.rest()
    for one, stream in streams:
        assert await stream.rest() == opened.seen[opened.seen.index(one) + 1 :]


def _with_seq(cursor: str, seq: int) -> str:
    return f"{cursor.rpartition('-')[0]}-{seq}"


GONE: dict[str, Callable[[str], str]] = {
    "of the future": lambda own: _with_seq(own, 10**6),
    "of an epoch to come": lambda own: f"{own.split('-')[0]}-9-3",
    "of another task": lambda own: "a" * 16 + "-1-3",
    "of nobody's making": lambda own: "b" * 16 + "-0-0",
}
"""Well-formed, but nothing can be resumed from them: a gap is announced, with the task as it stands."""

MALFORMED: dict[str, Callable[[str], str]] = {
    "negative": lambda own: own.replace("-1-", "-1--"),
    "empty": lambda own: "",
    "not a cursor": lambda own: "7",
    "long": lambda own: own + "0" * 5000,
    "with a space": lambda own: own + " x",
    "a list": lambda own: f"{own},{own}",
    "with an escape": lambda own: own + "%00",
}


@pytest.mark.parametrize("what", GONE)
async def test_a_cursor_that_leads_nowhere_gives_the_task_and_a_gap(caller: Caller, what: str) -> None:
    go = asyncio.Event()
    counts("count", 10, go)
    opened, task_id = await working(caller, "count")
    cursor = GONE[what](opened.seen[-1].cursor)
    resumed = await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": cursor})
    first = await anext(resumed)
    assert first.gap == "unknown"
    assert first.task_id == task_id
    go.set()
    await resumed.rest()
    assert numbers_in(resumed.seen) == list(range(1, 11))
    # A task that is over is given once more to who lost track of it.
    late = await (await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": cursor})).rest()
    assert [one.gap for one in late] == ["unknown"]
    assert numbers_in(late) == list(range(1, 11))


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_no_cursor_is_refused(caller: Caller, what: str) -> None:
    go = asyncio.Event()
    counts("count", 1, go)
    opened, task_id = await working(caller, "count")
    with pytest.raises(Refused) as refused:
        await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": MALFORMED[what](opened.seen[-1].cursor)})
    assert refused.value.reason == "INVALID_PARAMS"
    go.set()
    await opened.rest()


@pytest.mark.parametrize("value", ["x\r\nlast-event-id: y", "a\0b", "x" * 2**20], ids=["CRLF", "NUL", "1 MiB"])
async def test_what_is_no_header_never_reaches_a_task(gateway: Gateway, value: str) -> None:
    async with JsonRpc(gateway) as caller:
        go = asyncio.Event()
        counts("count", 1, go)
        opened, task_id = await working(caller, "count")
        with pytest.raises((Refused, ConnectionError)):
            await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": value})
        go.set()
        assert (await opened.rest())[-1].state == "COMPLETED"


async def test_a_cursor_of_another_callers_task_says_what_an_unknown_one_says() -> None:
    async with serving(tasks={"principal_header": "x-user"}) as gateway, JsonRpc(gateway) as caller:
        counts("count", 3)
        mine = await (await caller.open("SendStreamingMessage", send("count"), {"x-user": "me"})).rest()
        answers: set[bytes] = set()
        for task_id, cursor in ((mine[0].task_id, mine[1].cursor), ("nobody", mine[1].cursor), ("nobody", "a" * 16 + "-1-1")):
            with pytest.raises(Refused) as refused:
                await caller.open("SubscribeToTask", {"id": task_id}, {"x-user": "you", "last-event-id": cursor})
            answers.add(refused.value.raw)
        assert len(answers) == 1


async def test_a_cursor_of_another_store_leads_nowhere(tmp_path: Path) -> None:
    """The other store has a task of the same id, copied without the secret."""
    import sqlite3

    async with serving(store=f"sqlite:///{tmp_path / 'one.db'}") as gateway, JsonRpc(gateway) as caller:
        counts("count", 3)
        seen = await (await caller.open("SendStreamingMessage", send("count"))).rest()
    with sqlite3.connect(tmp_path / "one.db") as connection:
        connection.execute("UPDATE a2a_store SET value = randomblob(32) WHERE name = 'secret'")
    connection.close()
    async with serving(store=f"sqlite:///{tmp_path / 'one.db'}") as gateway, JsonRpc(gateway) as caller:
        again = await caller.open("SubscribeToTask", {"id": seen[0].task_id}, {"last-event-id": seen[2].cursor})
        assert [one.gap for one in await again.rest()] == ["unknown"]


@pytest.mark.parametrize("while_running", [False, True], ids=["over", "running"])
async def test_events_that_are_no_longer_kept_are_a_gap(while_running: bool) -> None:
    tasks = {**SMALL, "events_kept": 10, "prune_s": 0.05}
    async with serving(tasks=cast(Any, tasks)) as gateway, JsonRpc(gateway) as caller:
        go, produced = asyncio.Event(), asyncio.Event()

        async def script(work: Work) -> Yields:
            for number in range(1, 101):
                # Large, so that the store takes snapshots and may let events go.
                yield Chunk([text_part(f"{number}" + " " * 2000)])
            produced.set()
            if while_running:
                await go.wait()

        SCRIPTS["count"] = script
        opened, task_id = await working(caller, "count")
        seen = [*opened.seen, *await opened.take(100)]
        if not while_running:
            await opened.rest()
        reasons: list[str] = []
        async with asyncio.timeout(10):
            while not reasons or reasons[-1] != "expired":
                resumed = await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": seen[3].cursor})
                reasons.append((await anext(resumed)).gap)
                resumed.close()
                await asyncio.sleep(0.05)
        resumed = await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": seen[3].cursor})
        go.set()
        await resumed.rest()
        assert numbers_in(resumed.seen) == list(range(1, 101))
        # The newest ones can be resumed from still.
        assert len(await (await caller.open("SubscribeToTask", {"id": task_id}, {"last-event-id": seen[-1].cursor})).rest()) == 1
