"""Subscriptions: webhooks of relayed tasks, and what arrives for them; one gateway at a time delivers."""

import asyncio

import pytest
from protobuf import Oneof

from gateway.tasks.store import Hook, Store
from gateway.tasks.subscriptions import Held, Holder, Keeping, Receipt, Subscription, Told
from generated.a2a.v1.a2a_pb import StreamResponse, TaskPushNotificationConfig, TaskState, TaskStatusUpdateEvent
from tests.tasks.store.making import status

pytestmark = pytest.mark.anyio

ONE, OTHER = Holder("one", 60.0), Holder("other", 60.0)
KEEPING = Keeping(waiting=3, silent_s=60.0, ended_s=60.0)
ODD = "an id of \0 and \U0001f600, " + "x" * 3000


def subscription(id: str = "s", task_id: str = "t", config_id: str = "", version: str = "0.3") -> Subscription:
    config = TaskPushNotificationConfig(id=config_id, task_id=task_id, url="https://example.com/", token="secret")
    return Subscription(id, "agent", task_id, Hook(config, version))


def told(task_id: str = "t", digest: bytes = b"", *, is_last: bool = False) -> Told:
    update = TaskStatusUpdateEvent(task_id=task_id, context_id="c", status=status(TaskState.WORKING))
    return Told(StreamResponse(payload=Oneof("status_update", update)), task_id, digest, is_last)


async def test_what_is_added_is_found(store: Store) -> None:
    kept = store.subscriptions
    for one in (subscription("a", ODD, "x"), subscription("b", ODD), subscription("c", "u")):
        await kept.add(one, 60)
    assert await kept.get("a") == subscription("a", ODD, "x")
    assert await kept.get("no") is None
    assert [one.id for one in await kept.of_task("agent", ODD)] == ["a", "b"]
    assert await kept.of_task("another", ODD) == []
    await kept.remove("a")
    assert [one.id for one in await kept.of_task("agent", ODD)] == ["b"]


async def test_a_task_is_learnt_once(store: Store) -> None:
    kept = store.subscriptions
    await kept.add(subscription(task_id=""), 60)
    assert not await kept.of_task("agent", "")
    await kept.bind("s", "t", "")
    await kept.bind("s", "u", "config")
    found = await kept.get("s")
    assert found is not None
    assert (found.task_id, found.hook.config.id) == ("t", "config")
    assert [one.id for one in await kept.of_task("agent", "t")] == ["s"]
    await kept.bind("no", "t", "")


async def test_the_first_notification_says_the_task_too(store: Store) -> None:
    kept = store.subscriptions
    await kept.add(subscription(task_id=""), 60)
    assert await kept.receive("s", told("t"), ONE, KEEPING) is Receipt.HELD
    assert await kept.receive("s", told("u"), ONE, KEEPING) is Receipt.OTHER_TASK
    assert [one.id for one in await kept.of_task("agent", "t")] == ["s"]


async def test_receipts(store: Store) -> None:
    kept = store.subscriptions
    await kept.add(subscription(), 60)
    assert await kept.receive("no", told(), ONE, KEEPING) is Receipt.UNKNOWN
    assert await kept.receive("s", told(digest=b"1"), ONE, KEEPING) is Receipt.HELD
    assert await kept.receive("s", told(digest=b"1"), OTHER, KEEPING) is Receipt.REPEATED
    assert await kept.receive("s", told(digest=b"2"), OTHER, KEEPING) is Receipt.ELSEWHERE
    assert await kept.receive("s", told(digest=b"1"), ONE, KEEPING) is Receipt.HELD
    assert await kept.receive("s", told(), ONE, KEEPING) is Receipt.FULL
    assert [one.seq for one in await kept.arrivals("s", 0, 10)] == [1, 2, 3]
    assert [one.seq for one in await kept.arrivals("s", 1, 1)] == [2]


async def test_what_is_held_is_released_when_nothing_waits(store: Store) -> None:
    kept = store.subscriptions
    await kept.add(subscription(), 60)
    for _ in range(2):
        await kept.receive("s", told(), ONE, KEEPING)
    assert await kept.delivered("s", "other", 2, is_owed=False) is Held.LOST
    assert await kept.delivered("s", "one", 1, is_owed=False) is Held.MORE
    assert await kept.receive("s", told(), OTHER, KEEPING) is Receipt.ELSEWHERE
    assert await kept.delivered("s", "one", 3, is_owed=True) is Held.RELEASED
    found = await kept.get("s")
    assert found is not None
    assert found.is_owed
    assert await kept.receive("s", told(), OTHER, KEEPING) is Receipt.HELD
    assert [one.seq for one in await kept.arrivals("s", 0, 10)] == [4]
    await kept.remove("s")
    assert await kept.delivered("s", "other", 4, is_owed=False) is Held.LOST


async def test_what_the_dead_held_is_claimed(pair: tuple[Store, Store]) -> None:
    one, other = (store.subscriptions for store in pair)
    dying = Holder("one", 0.05)
    for id_ in ("a", "b", "idle"):
        await one.add(subscription(id_), 60)
    await one.receive("a", told(), dying, KEEPING)
    await one.receive("b", told(), dying, KEEPING)
    await one.renew(ONE, ["b"])
    await asyncio.sleep(0.1)
    assert await other.claim(OTHER, 10) == ["a"]
    assert await other.claim(OTHER, 10) == []
    await one.renew(ONE, ["a"])
    assert await one.delivered("a", "one", 1, is_owed=False) is Held.LOST
    await one.release("one")
    assert await other.claim(OTHER, 10) == ["b"]


async def test_gateways_that_claim_at_once_share(pair: tuple[Store, Store]) -> None:
    one, other = (store.subscriptions for store in pair)
    for number in range(20):
        await one.add(subscription(str(number)), 60)
        await one.receive(str(number), told(), Holder("dead", 1e-6), KEEPING)
    claims = await asyncio.gather(
        *(kept.claim(holder, 5) for kept, holder in ((one, ONE), (other, OTHER)) for _ in range(4))
    )
    claimed = [id_ for ids in claims for id_ in ids]
    claimed += [*await one.claim(ONE, 20)]
    assert sorted(claimed, key=int) == [str(number) for number in range(20)]


async def test_two_gateways_that_receive_at_once_keep_one_order(pair: tuple[Store, Store]) -> None:
    one, other = (store.subscriptions for store in pair)
    await one.add(subscription(), 60)
    wide = Keeping(100, 60, 60)
    receipts = await asyncio.gather(
        *(kept.receive("s", told(), holder, wide) for _ in range(10) for kept, holder in ((one, ONE), (other, OTHER)))
    )
    assert [arrival.seq for arrival in await one.arrivals("s", 0, 100)] == list(range(1, 21))
    assert receipts.count(Receipt.HELD) == receipts.count(Receipt.ELSEWHERE) == 10


async def test_what_is_over_its_time_goes_once_nothing_waits(store: Store) -> None:
    kept = store.subscriptions
    ending = Keeping(waiting=3, silent_s=60, ended_s=0)
    await kept.add(subscription("silent"), 0)
    for id_ in ("waits", "told", "goes on"):
        await kept.add(subscription(id_), 0)
        await kept.receive(id_, told(is_last=id_ != "goes on"), ONE, ending)
    await kept.delivered("told", "one", 1, is_owed=False)
    await kept.delivered("goes on", "one", 1, is_owed=False)
    await asyncio.sleep(0.01)
    assert await kept.prune(10) == 2
    assert [id_ for id_ in ("silent", "waits", "told", "goes on") if await kept.get(id_)] == ["waits", "goes on"]
