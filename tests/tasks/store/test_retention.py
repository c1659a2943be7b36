"""What goes when its time is over, and what hangs on it; push notification configurations."""

import pytest

from gateway.tasks.store import Hook, Pruned, Query, Retention, Store
from generated.a2a.v1.a2a_pb import TaskPushNotificationConfig, TaskState
from tests.tasks.store.making import at, ended, folded, message, record, task, tokens

pytestmark = pytest.mark.anyio

EVER = 1e9
"""Seconds that no test lasts."""
NOTHING_GOES = Retention(EVER, EVER, EVER, 1_000_000)


async def _kept(store: Store, task_id: str = "t") -> list[int]:
    return [entry.seq for entry in await store.events(task_id, 0, 10_000)]


async def test_terminal_tasks_go_with_all_that_hangs_on_them(store: Store) -> None:
    for number in range(5):
        await ended(store, f"over{number}", seconds=-number)
        await store.put_hook(f"over{number}", Hook(TaskPushNotificationConfig(id="h")))
    await store.create(record("works"))
    await store.create(record(task("waits", TaskState.INPUT_REQUIRED), owner=""))
    assert await store.prune(NOTHING_GOES, 10) == Pruned()
    everything = Retention(0, 0, EVER, 1_000_000)
    first = await store.prune(everything, 2)
    assert set(first.ids) == {"over4", "over3"}
    rest = await store.prune(everything, 10)
    assert (first.tasks, rest.tasks) == (2, 3)
    assert {listed.id for listed in (await store.list(Query("a"))).tasks} == {"works", "waits"}
    assert await store.load("over1") is None
    assert list(await store.hooks("over1")) == []
    assert await _kept(store, "over1") == []
    # Nothing is left under the id: a task may have it again.
    await ended(store, "over1")
    assert list(await store.hooks("over1")) == []
    assert await _kept(store, "over1") == [1]


async def test_a_terminal_task_of_many_events_goes_whole(store: Store) -> None:
    await store.create(record())
    log = tokens(2500)
    over = task(state=TaskState.COMPLETED)
    await store.append("t", 1, log, over, owned=False)
    assert (await store.prune(Retention(0, 0, EVER, 1_000_000), 1)).ids == ("t",)
    assert await _kept(store) == []
    assert await store.load("t") is None


async def test_the_newest_events_stay(store: Store) -> None:
    start = task()
    await store.create(record(start))
    log = tokens(10)
    await store.append("t", 1, log, folded(start, log))
    assert await store.prune(Retention(EVER, EVER, EVER, 4), 100) == Pruned(events=6)
    assert await _kept(store) == [7, 8, 9, 10]
    loaded = await store.load("t")
    assert loaded is not None
    assert (loaded.first_seq, loaded.seq, loaded.task) == (7, 10, folded(start, log))


async def test_events_that_no_snapshot_holds_stay(store: Store) -> None:
    start = task()
    await store.create(record(start))
    log = tokens(10)
    await store.append("t", 1, log[:3], folded(start, log[:3]))
    await store.append("t", 1, log[3:])
    assert await store.prune(Retention(EVER, EVER, 0, 1), 100) == Pruned(events=3)
    assert await _kept(store) == [4, 5, 6, 7, 8, 9, 10]
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.task == folded(start, log)
    assert await store.prune(Retention(EVER, EVER, 0, 1), 100) == Pruned()


async def test_old_events_go_a_few_at_a_time(store: Store) -> None:
    for task_id in ("t", "u"):
        await store.create(record(task_id))
        await store.append(task_id, 1, tokens(30), task(task_id))
    old = Retention(EVER, EVER, 0, 1_000_000)
    removed = [(await store.prune(old, 25)).events for _ in range(4)]
    assert removed == [25, 25, 10, 0]
    for task_id in ("t", "u"):
        assert await _kept(store, task_id) == []
        loaded = await store.load(task_id)
        assert loaded is not None
        assert (loaded.first_seq, loaded.seq) == (31, 30)
        await store.append(task_id, 1, tokens(2, 31))
        assert await _kept(store, task_id) == [31, 32]


async def test_young_events_stay(store: Store) -> None:
    await store.create(record())
    await store.append("t", 1, tokens(5), task())
    assert await store.prune(Retention(EVER, EVER, 3600, 1_000_000), 100) == Pruned()
    assert len(await _kept(store)) == 5


async def test_commands_go_with_their_task(store: Store) -> None:
    await store.create(record())
    await store.tell("t", message("too late"))
    await store.append("t", 1, (), task(state=TaskState.FAILED))
    assert (await store.prune(Retention(0, 0, EVER, 100), 10)).tasks == 1
    await store.create(record())
    assert list(await store.commands("g", 10)) == []


async def test_hooks(store: Store) -> None:
    await store.create(record("t"))
    await store.create(record("u"))
    made = [
        Hook(TaskPushNotificationConfig(id=hook_id, task_id="t", url=f"https://a.example/{number}"), version)
        for number, (hook_id, version) in enumerate([("b", "1.0"), ("a\0\n", "0.3"), ("", "1.0"), ("x" * 5000, "1.0")])
    ]
    for hook in made:
        await store.put_hook("t", hook)
    await store.put_hook("u", made[0])
    assert list(await store.hooks("t")) == made
    replaced = Hook(TaskPushNotificationConfig(id="b", url="https://b.example/"), "0.3")
    await store.put_hook("t", replaced)
    assert list(await store.hooks("t")) == [replaced, *made[1:]]
    assert await store.delete_hook("t", "a\0\n")
    assert not await store.delete_hook("t", "a\0\n")
    assert not await store.delete_hook("t", "half \udc00")
    assert list(await store.hooks("t")) == [replaced, *made[2:]]
    assert list(await store.hooks("u")) == made[:1]


@pytest.mark.parametrize("task_id", ["nobody", "a\0b", "", "x" * 2**20])
async def test_a_hook_needs_a_task(store: Store, task_id: str) -> None:
    with pytest.raises(ValueError, match="no such task"):
        await store.put_hook(task_id, Hook(TaskPushNotificationConfig(id="h")))


async def test_waiting_tasks_are_not_pruned(store: Store) -> None:
    await store.create(record(task(state=TaskState.INPUT_REQUIRED), owner=""))
    assert (await store.prune(Retention(0, 0, 0, 1), 10)).tasks == 0
    assert list(await store.waiting_since(at(1), 10)) == ["t"]
