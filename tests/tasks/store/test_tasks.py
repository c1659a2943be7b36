"""The contract of tasks and their events, on every database."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.tasks.store import Entry, Fenced, Store, StoreUnavailable
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState
from tests.tasks.store.conftest import opened
from tests.tasks.store.making import change, entries, folded, record, task, token, tokens

pytestmark = pytest.mark.anyio

IMPOSSIBLE_IDS = ("", "nobody", "with\0nul", "half \ud83d pair", "x" * 2**20, "é" * 900)


async def test_a_task_comes_back_as_it_was_created(store: Store) -> None:
    given = record(task("t1", context_id="c\0"), principal="p\0é", request=b"\0\xff", epoch=7)
    await store.create(given)
    assert await store.load("t1") == given


async def test_an_id_is_taken_once(store: Store) -> None:
    await store.create(record("t1", agent="a"))
    with pytest.raises(ValueError, match="there is a task of this id"):
        await store.create(record("t1", agent="b"))
    loaded = await store.load("t1")
    assert loaded is not None
    assert loaded.agent == "a"


async def test_an_id_that_no_database_can_hold_is_refused(store: Store) -> None:
    for impossible in ("", "a\0b", "x" * 1001):
        with pytest.raises(ValueError, match="id is 1 to 1,000 bytes"):
            await store.create(record(impossible))


@pytest.mark.parametrize("task_id", IMPOSSIBLE_IDS)
async def test_there_is_no_task_of_an_unknown_id(store: Store, task_id: str) -> None:
    assert await store.load(task_id) is None
    assert await store.events(task_id, 0, 10) in ((), [])
    assert await store.claim(task_id, "g") is None
    assert await store.tell(task_id, None) is False
    assert list(await store.hooks(task_id)) == []
    assert await store.delete_hook(task_id, "h") is False
    with pytest.raises(Fenced):
        await store.append(task_id, 1, tokens(1))


async def test_events_are_read_from_anywhere(store: Store) -> None:
    await store.create(record())
    log = tokens(7)
    await store.append("t", 1, log[:3])
    await store.append("t", 1, log[3:])
    assert list(await store.events("t", 0, 100)) == log
    assert list(await store.events("t", 2, 3)) == log[2:5]
    assert list(await store.events("t", 7, 3)) == []


async def test_load_folds_what_the_snapshot_lacks(store: Store) -> None:
    start = task()
    await store.create(record(start))
    log = entries([change(TaskState.WORKING, 1, "hello"), token("a", append=False), token("b"), token("c")])
    await store.append("t", 1, log[:2], folded(start, log[:2]))
    await store.append("t", 1, log[2:])
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.task == folded(start, log)
    assert (loaded.seq, loaded.first_seq, loaded.epoch, loaded.owner) == (4, 1, 1, "g")


async def test_a_loaded_task_is_a_copy(store: Store) -> None:
    await store.create(record())
    first = await store.load("t")
    assert first is not None
    first.task.id = "changed"
    second = await store.load("t")
    assert second is not None
    assert second.task.id == "t"


async def test_a_snapshot_can_come_without_events(store: Store) -> None:
    await store.create(record())
    await store.append("t", 1, tokens(2))
    await store.append("t", 1, (), task(state=TaskState.INPUT_REQUIRED), owned=False)
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.task == task(state=TaskState.INPUT_REQUIRED)
    assert (loaded.seq, loaded.owner) == (2, "")


async def test_a_long_task_is_snapshot_on_the_way(store: Store) -> None:
    """Without ever being given one; the proof is that its events may go."""
    from gateway.tasks.store import Retention

    start = task()
    await store.create(record(start))
    log = tokens(4000)
    for first in range(0, 4000, 250):
        await store.append("t", 1, log[first : first + 250])
    pruned = await store.prune(Retention(9e9, 9e9, 9e9, 1), 100_000)
    assert pruned.events > 2000
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.task == folded(start, log)
    assert loaded.first_seq == pruned.events + 1


async def test_who_was_taken_over_cannot_write(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.create(record())
    await one.append("t", 1, tokens(2))
    claimed = await other.claim("t", "h")
    assert claimed is not None
    assert claimed.epoch == 2
    for log, snapshot in ((tokens(1, 3), None), ((), task(state=TaskState.FAILED))):
        with pytest.raises(Fenced):
            await one.append("t", 1, log, snapshot)
    await other.append("t", 2, tokens(1, 3, 2))
    loaded = await one.load("t")
    assert loaded is not None
    assert (loaded.seq, loaded.owner, loaded.task.status) == (3, "h", task().status)


async def test_racing_claims_have_one_winner_and_its_writes_alone_stay(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.create(record(owner=""))
    await one.beat("g0", 30)
    await other.beat("g1", 30)
    for _ in range(5):
        before = await one.load("t")
        assert before is not None
        claims = await asyncio.gather(*(store.claim("t", f"g{n}") for n, store in enumerate(pair) for _ in range(4)))
        [won] = [claim for claim in claims if claim is not None]
        assert won.epoch == before.epoch + 1
        seq = won.seq + 1
        writes = [
            store.append("t", epoch, tokens(1, seq, epoch))
            for store, epoch in ((one, won.epoch - 1), (other, won.epoch), (one, won.epoch - 1))
        ]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Fenced, bool, Fenced]
        await other.append("t", won.epoch, (), won.task, owned=False)


async def test_an_append_done_again_is_done_once(store: Store) -> None:
    """As a writer does that never heard whether its append was committed."""
    await store.create(record())
    log = tokens(3)
    await store.append("t", 1, log)
    await store.append("t", 1, log)
    assert list(await store.events("t", 0, 10)) == log


async def test_a_gap_is_refused(store: Store) -> None:
    await store.create(record())
    await store.append("t", 1, tokens(2))
    with pytest.raises(ValueError, match="do not follow"):
        await store.append("t", 1, tokens(1, 4))
    assert len(await store.events("t", 0, 10)) == 2


async def test_a_store_that_is_closed_is_unavailable(url: str) -> None:
    async with opened(url) as store:
        await store.create(record())
    await store.close()
    for use in (store.load("t"), store.append("t", 1, tokens(1)), store.beat("g", 1)):
        with pytest.raises(StoreUnavailable, match="closed"):
            await use


async def test_a_cancelled_append_is_whole_or_nothing(store: Store) -> None:
    await store.create(record())
    seq = 0
    for attempt in range(40):
        log = tokens(5, seq + 1)
        append = asyncio.ensure_future(store.append("t", 1, log))
        for _ in range(attempt % 20):
            await asyncio.sleep(0)
        if attempt % 3 == 2:
            await asyncio.sleep(0.0003)
        append.cancel()
        await asyncio.gather(append, return_exceptions=True)
        # Whoever cancelled may not know; doing it again settles it.
        await store.append("t", 1, log)
        seq += 5
    assert [entry.seq for entry in await store.events("t", 0, 1000)] == list(range(1, seq + 1))
    # No connection was lost on the way: as many as the pool has are used at once, several times over.
    assert all(await asyncio.gather(*(store.load("t") for _ in range(50))))


_responses = st.one_of(
    st.builds(token, st.text(max_size=5), st.sampled_from(["a", "b"]), st.booleans()),
    st.builds(
        change, st.sampled_from([TaskState.WORKING, TaskState.INPUT_REQUIRED]), st.integers(0, 9), st.text(max_size=3)
    ),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(st.lists(_responses, max_size=6), st.booleans()), max_size=6))
async def test_loading_is_folding_everything(store: Store, batches: list[tuple[list[StreamResponse], bool]]) -> None:
    start = task(str(uuid4()))
    await store.create(record(start))
    log: list[Entry] = []
    for responses, with_snapshot in batches:
        batch = entries(responses, len(log) + 1)
        log += batch
        await store.append(start.id, 1, batch, folded(start, log) if with_snapshot else None)
    loaded = await store.load(start.id)
    assert loaded is not None
    assert loaded.task == folded(start, log)
    assert list(await store.events(start.id, 0, 1000)) == log
