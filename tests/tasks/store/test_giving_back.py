"""A task is not given back over a command that waits for it, whoever comes first."""

import asyncio

import pytest

from gateway.tasks.store import Hook, Store
from generated.a2a.v1.a2a_pb import TaskPushNotificationConfig, TaskState
from tests.tasks.store.making import change, entries, folded, message, record, task

pytestmark = pytest.mark.anyio

WAITS, OVER = TaskState.INPUT_REQUIRED, TaskState.COMPLETED


async def give_back(store: Store, state: TaskState, epoch: int = 1) -> bool:
    """As a run does it: with its last event."""
    log = entries([change(state)], epoch=epoch)
    return await store.append("t", epoch, log, folded(task(), log), owned=False)


async def test_a_task_that_waits_is_given_back_where_nothing_waits_for_it(store: Store) -> None:
    await store.create(record())
    assert await give_back(store, WAITS) is True
    assert await store.tell("t", None) is False
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.owner == ""


@pytest.mark.parametrize("what", [None, message("x")], ids=["a cancel", "a message"])
@pytest.mark.parametrize("with_event", [True, False])
async def test_it_is_kept_while_a_command_waits(store: Store, what: object, with_event: bool) -> None:
    await store.beat("g", 60)
    await store.create(record(task(state=WAITS)))
    assert await store.tell("t", what) is True  # type: ignore[arg-type] # a message or None
    kept = await give_back(store, WAITS) if with_event else await store.append("t", 1, (), owned=False)
    assert kept is False
    loaded = await store.load("t")
    assert loaded is not None
    assert (loaded.owner, loaded.seq) == ("g", int(with_event))
    assert len(await store.commands("g", 10)) == 1
    assert await store.append("t", 1, (), owned=False) is True


async def test_one_that_is_over_is_given_back_whatever_waits(store: Store) -> None:
    await store.create(record())
    await store.tell("t", None)
    assert await give_back(store, OVER) is True
    await store.append("t", 1, (), owned=False)


async def test_writing_on_says_that_it_is_not_given_back(store: Store) -> None:
    await store.create(record())
    assert await store.append("t", 1, entries([change(TaskState.WORKING)])) is False


async def test_giving_back_done_again_says_the_same(store: Store) -> None:
    """As a writer does that never heard whether its append was committed."""
    await store.create(record())
    assert [await give_back(store, WAITS), await give_back(store, WAITS)] == [True, True]
    assert len(await store.events("t", 0, 10)) == 1


async def test_a_command_and_a_giving_back_at_once_never_miss_each_other(pair: tuple[Store, Store]) -> None:
    one, other = pair
    await one.beat("g", 60)
    for number in range(40):
        task_id = f"t{number}"
        await one.create(record(task(task_id, state=WAITS)))
        given_back, told = await asyncio.gather(
            one.append(task_id, 1, (), owned=False), other.tell(task_id, message("x"))
        )
        assert given_back is not told, "it is the owner's with its command, or nobody's without"
        taken = await one.commands("g", 10)
        assert [command.task_id for command in taken] == ([task_id] if told else [])


async def test_a_claim_says_who_had_it_before(store: Store) -> None:
    await store.create(record())
    await store.beat("h", 60)
    claimed = await store.claim("t", "h")
    assert claimed is not None
    assert (claimed.left_by, claimed.owner) == ("g", "h")
    assert await store.claim("t", "h") is None
    again = await store.claim("t", "h", own=True)
    assert again is not None
    assert (again.left_by, again.epoch) == ("h", 3)
    assert list(await store.owned("h")) == ["t"]
    assert list(await store.owned("g")) == []
    loaded = await store.load("t")
    assert loaded is not None
    assert loaded.left_by == ""


async def test_a_gateway_takes_no_orphans_of_its_own(store: Store) -> None:
    """Its lease ran out while it stood still; it works on them all the same."""
    await store.create(record(owner="g"))
    assert list(await store.claim_orphans("g", 10)) == []
    assert [orphan.left_by for orphan in await store.claim_orphans("h", 10)] == ["g"]


async def test_a_task_is_created_with_its_hooks_or_not_at_all(store: Store) -> None:
    hooks = [Hook(TaskPushNotificationConfig(id=name, task_id="t")) for name in ("a", "b")]
    await store.create(record(), hooks)
    assert list(await store.hooks("t")) == hooks
    with pytest.raises(ValueError, match="of this id"):
        await store.create(record(), [Hook(TaskPushNotificationConfig(id="c"))])
    assert list(await store.hooks("t")) == hooks
