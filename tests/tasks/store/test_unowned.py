"""Tasks that nobody owns and that are not over: when they are overdue, and how one is removed."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.tasks.store import Store
from generated.a2a.v1.a2a_pb import Task, TaskState, TaskStatus
from tests.tasks.store.making import at, record, task, tokens

pytestmark = pytest.mark.anyio


async def let_go(store: Store, of: Task) -> None:
    """A task that its gateway has given back."""
    await store.create(record(of, request=b"x"))
    await store.append(of.id, 1, (), owned=False)


@pytest.mark.parametrize("state", [TaskState.WORKING, TaskState.INPUT_REQUIRED, TaskState.UNSPECIFIED])
async def test_a_task_that_nobody_owns_is_overdue_after_a_while(store: Store, state: TaskState) -> None:
    await let_go(store, task("old", state, 0))
    await let_go(store, task("young", state, 60))
    await store.create(record(task("owned", state, 0)))
    await let_go(store, task("over", TaskState.COMPLETED, 0))
    assert await store.waiting_since(at(30), 10) == ["old"]


async def test_a_task_to_which_something_happened_is_not_overdue(store: Store) -> None:
    await store.create(record(task("t", TaskState.WORKING, 0)))
    await store.append("t", 1, tokens(1), owned=False)
    assert await store.waiting_since(at(30), 10) == []


async def test_a_status_without_a_time_counts_from_when_it_is_written(store: Store) -> None:
    await let_go(store, Task(id="t", context_id="c", status=TaskStatus(state=TaskState.WORKING)))
    now = datetime.now(UTC)
    assert await store.waiting_since(now - timedelta(minutes=1), 10) == []
    assert await store.waiting_since(now + timedelta(minutes=1), 10) == ["t"]


async def test_only_who_has_claimed_a_task_can_remove_it(store: Store) -> None:
    await store.create(record(task("t")))
    await store.append("t", 1, tokens(3), owned=False)
    claimed = await store.claim("t", "h")
    assert claimed is not None
    await store.remove("t", 1)
    assert await store.load("t") is not None
    await store.remove("t", claimed.epoch)
    assert await store.load("t") is None
    assert await store.events("t", 0, 10) == []
    await store.create(record(task("t")))
