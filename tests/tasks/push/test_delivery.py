"""Delivery: in order, again after failures, one dead webhook alone with itself, and nothing lost unsaid."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway.codec.malformed import Bounds
from gateway.settings import PushSettings
from gateway.tasks.push import Delivery, PushTelemetry, incoming
from gateway.tasks.push.line import Load
from gateway.tasks.store import Entry, Hook, Record, StoreUnavailable
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState
from tests.tasks.push.events import TASK_ID, Owned, Receiver, hook, piece, state, states_of
from tests.tasks.push.webhook import SECRET, Answer, Webhook, raw, sender, settings, silent, status

pytestmark = pytest.mark.anyio

WORKING, COMPLETED, INPUT_REQUIRED = TaskState.WORKING, TaskState.COMPLETED, TaskState.INPUT_REQUIRED


class Rig:
    """A delivery and the task that it tells of."""

    def __init__(self, chosen: PushSettings, load: Load | None = None, bounds: Bounds | None = None) -> None:
        self.owned = Owned()
        self.registry = CollectorRegistry()
        self.delivery = Delivery(
            chosen,
            sender(chosen),
            load or self.owned.load,
            PushTelemetry(self.registry),
            bounds or Bounds(),
            jitter=lambda: 0.0,
        )

    def tell(self, response: StreamResponse, *hooks: Hook) -> Entry:
        entry = self.owned.append(response)
        self.delivery.announce(TASK_ID, hooks, entry, self.owned.snapshot, {"traceparent": "00-a-b-01"})
        return entry

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            await self.delivery.settled(TASK_ID)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"a2a_gateway_push_{name}", labels) or 0.0


@asynccontextmanager
async def rig(load: Load | None = None, bounds: Bounds | None = None, **changes: Any) -> AsyncIterator[Rig]:
    made = Rig(settings(**changes), load, bounds)
    try:
        yield made
    finally:
        await made.delivery.close(0)


def folded(webhook: Webhook) -> Receiver:
    receiver = Receiver()
    for post in webhook.posts:
        receiver.take(incoming.read(post.body, Bounds()))
    return receiver


async def test_every_update_is_told_in_order() -> None:
    async with Webhook() as webhook, rig() as one:
        for response in (state(WORKING), piece("a", append=False), piece("b"), state(COMPLETED)):
            one.tell(response, hook(webhook.url))
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["working", "piece", "completed"]
        assert folded(webhook).task == one.owned.snapshot()
        assert webhook.posts[0].headers["traceparent"] == "00-a-b-01"
        assert one.count("tries_total", outcome="taken") == 3


async def test_states_alone_where_the_settings_say_so() -> None:
    async with Webhook() as webhook, rig(events="states") as one:
        for response in (state(WORKING), piece("a", append=False), state(INPUT_REQUIRED), piece("b"), state(COMPLETED)):
            one.tell(response, hook(webhook.url))
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["working", "input_required", "completed"]


async def test_an_old_caller_is_told_the_task() -> None:
    async with Webhook() as webhook, Webhook() as new, rig() as one:
        for response in (state(WORKING), piece("a", append=False), piece("b"), state(COMPLETED)):
            one.tell(response, hook(webhook.url, "old", "0.3"), hook(new.url, "new"))
        await one.settled()
        bodies = [post.json for post in webhook.posts]
        assert [body["status"]["state"] for body in bodies][:: len(bodies) - 1] == ["working", "completed"]
        assert {body["kind"] for body in bodies} == {"task"}
        assert "artifacts" not in bodies[0]
        assert bodies[-1]["artifacts"][0]["parts"] == [{"kind": "text", "text": "ab"}]
        assert folded(new).task == one.owned.snapshot()


async def test_tokens_go_out_joined_and_a_state_does_not_wait_for_more() -> None:
    async with Webhook() as webhook, rig(pace_s=30.0) as one:
        one.tell(piece("", append=False), hook(webhook.url))
        await webhook.posted(1)
        for number in range(200):
            one.tell(piece(f"{number} "), hook(webhook.url))
        one.tell(state(COMPLETED), hook(webhook.url))
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["piece", "piece", "completed"]
        assert folded(webhook).task == one.owned.snapshot()


FAILURES: list[list[Answer]] = [
    [status(500), status(200)],
    [status(503), status(429), status(200)],
    [raw(b""), raw(b"nonsense\r\n\r\n"), status(200)],
    [status(503, "Retry-After: 3600"), status(200)],
]


@pytest.mark.parametrize("script", FAILURES, ids=["500", "503 and 429", "broken", "asks to be spared"])
async def test_order_is_kept_while_tries_fail(script: list[Answer]) -> None:
    async with Webhook(*script) as webhook, rig() as one:
        for response in (state(WORKING), state(INPUT_REQUIRED), state(COMPLETED)):
            one.tell(response, hook(webhook.url))
        await one.settled()
        again = ["working"] * (len(script) - 1)
        assert states_of([post.json for post in webhook.posts]) == [*again, "working", "input_required", "completed"]
        assert one.count("tries_total", outcome="not now") == len(again)


@pytest.mark.parametrize(
    ("answer", "changes", "least_s"),
    [
        (status(503), {"retry_s": 0.05, "retry_max_s": 1.0}, [0.05, 0.1]),
        (status(503), {"retry_s": 0.05, "retry_max_s": 0.06}, [0.05, 0.06]),
        (status(429, "Retry-After: 1"), {"retry_s": 0.001, "retry_max_s": 0.1}, [0.1, 0.1]),
    ],
    ids=["doubled", "at most", "as asked, at most"],
)
async def test_tries_are_apart(answer: Answer, changes: dict[str, float], least_s: list[float]) -> None:
    async with Webhook(answer) as webhook, rig(**changes) as one:
        one.tell(state(COMPLETED), hook(webhook.url))
        await one.settled()
        times = [connection.opened_at for connection in webhook.connections]
        apart_s = [later - earlier for earlier, later in pairwise(times)]
        # uvloop's clock counts whole milliseconds.
        assert all(found >= least - 0.005 for found, least in zip(apart_s, least_s, strict=True))


async def test_what_is_given_up_is_made_up_for_by_the_whole_task() -> None:
    refusing = [status(500)] * 3
    async with Webhook(*refusing, status(200)) as webhook, rig() as one:
        one.tell(piece("lost ", append=False), hook(webhook.url))
        with capture_logs() as logs:
            await one.settled()
        assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["push given up"]
        one.tell(piece("kept"), hook(webhook.url))
        await one.settled()
        one.tell(state(COMPLETED), hook(webhook.url))
        await one.settled()
        assert [list(post.json) for post in webhook.posts] == [["artifactUpdate"]] * 3 + [["task"], ["statusUpdate"]]
        receiver = Receiver()
        for post in webhook.posts[3:]:
            receiver.take(incoming.read(post.body, Bounds()))
        assert receiver.task == one.owned.snapshot()
        assert one.count("dropped_total", reason="not now") == 1


async def test_the_end_has_tries_of_its_own_behind_what_is_given_up() -> None:
    async with Webhook(*[status(500)] * 3, status(200)) as webhook, rig() as one:
        for response in (state(WORKING), state(INPUT_REQUIRED), state(WORKING), state(COMPLETED)):
            one.tell(response, hook(webhook.url))
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["working"] * 3 + ["completed"]


async def test_an_end_that_is_given_up_is_logged_as_one() -> None:
    async with Webhook(status(404)) as webhook, rig() as one:
        with capture_logs() as logs:
            one.tell(state(COMPLETED), hook(webhook.url))
            await one.settled()
        (log,) = (log for log in logs if log["log_level"] == "warning")
        assert (log["task"], log["config"], log["seq"], log["final"], log["reason"]) == (
            TASK_ID,
            "h",
            1,
            True,
            "HTTP 404",
        )
        assert len(webhook.posts) == 1
        assert one.count("dropped_total", reason="never") == 1


async def test_a_dead_webhook_delays_no_other_and_not_the_task() -> None:
    async with Webhook(silent) as dead, Webhook() as alive, rig(connections_per_host=1, connections=2) as one:
        # Hosts are told apart by name: two addresses of loopback stand for two hosts.
        dead_url = dead.url.replace("127.0.0.1", "localhost")
        for response in (state(WORKING), state(INPUT_REQUIRED), state(COMPLETED)):
            one.tell(response, *(hook(dead_url, f"dead {number}") for number in range(10)), hook(alive.url, "alive"))
        posts = await alive.posted(3)
        assert states_of([post.json for post in posts]) == ["working", "input_required", "completed"]
        assert len(dead.connections) == 1


async def test_a_backlog_is_bounded_and_ends_with_the_task() -> None:
    held = asyncio.Event()

    async def hold(connection: Any) -> None:
        await held.wait()
        await status(200)(connection)

    async with Webhook(hold) as webhook, rig(waiting_events=4) as one:
        with capture_logs() as logs:
            for _ in range(100):
                one.tell(state(WORKING), hook(webhook.url))
                one.tell(piece("x", append=False), hook(webhook.url))
                await asyncio.sleep(0)
            one.tell(state(COMPLETED), hook(webhook.url))
        held.set()
        await one.settled()
        assert len(webhook.posts) <= 6
        assert folded(webhook).task == one.owned.snapshot()
        assert one.count("replaced_total") > 0
        assert any(log["event"] == "push catches up with the whole task" for log in logs)


async def test_what_is_too_large_is_told_in_short() -> None:
    async with Webhook() as webhook, rig(bounds=Bounds(json_bytes=2000)) as one:
        one.tell(piece("x" * 5000, append=False), hook(webhook.url))
        await webhook.posted(1)
        one.tell(state(COMPLETED), hook(webhook.url, version="1.0"))
        await one.settled()
        assert [post.json for post in webhook.posts][-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"
        assert webhook.posts[0].json == {"task": {"id": TASK_ID, "contextId": "c"}}


async def test_more_webhooks_than_may_wait_are_refused_aloud() -> None:
    async with Webhook() as webhook, rig(webhooks=2) as one:
        with capture_logs() as logs:
            one.tell(state(WORKING), *(hook(webhook.url, str(number)) for number in range(3)))
        await one.settled()
        assert [log["config"] for log in logs] == ["2"]
        assert len(webhook.posts) == 2
        assert one.count("dropped_total", reason="refused") == 1


async def test_a_deleted_configuration_is_told_nothing_more() -> None:
    async with Webhook(silent) as webhook, Webhook() as other, rig() as one:
        for response in (state(WORKING), state(COMPLETED)):
            one.tell(response, hook(webhook.url, "deleted"), hook(other.url, "kept"))
        await webhook.posted(1)
        one.delivery.forget(TASK_ID, "deleted")
        await one.settled()
        async with asyncio.timeout(5):
            await webhook.connections[0].gone.wait()
        assert len(webhook.posts) == 1
        assert len(other.posts) == 2


async def test_a_configuration_that_changes_counts_from_the_next_try_on() -> None:
    async with Webhook() as new, Webhook(status(500)) as old, rig(tries=50) as one:
        one.tell(state(WORKING), hook(old.url))
        await old.posted(1)
        one.tell(state(COMPLETED), hook(new.url))
        await one.settled()
        assert states_of([post.json for post in new.posts]) == ["working", "completed"]


async def test_a_task_that_cannot_be_read_is_asked_for_again() -> None:
    owned = Owned()
    given: list[Callable[[], Record | None]] = []

    async def load(task_id: str) -> Record | None:
        return given.pop(0)() if given else await owned.load(task_id)

    def unavailable() -> Record | None:
        raise StoreUnavailable("the database is away")

    async with Webhook() as webhook, rig(load) as one:
        owned.append(state(WORKING))
        behind = owned.record()
        owned.append(state(COMPLETED))
        given += [unavailable, lambda: Record("agent", "", behind.task, 0, 1, "", 1)]
        one.delivery.resume(owned.record(), [hook(webhook.url)])
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["completed"]


async def test_updates_that_a_whole_task_ran_ahead_of_are_not_told_again() -> None:
    async with Webhook() as webhook, rig() as one:
        behind = [one.owned.append(response) for response in (piece("a", append=False), piece("b"), state(COMPLETED))]
        one.delivery.announce(TASK_ID, [hook(webhook.url, version="0.3")], behind[0], one.owned.snapshot)
        await webhook.posted(1)
        await one.settled()
        for entry in behind[1:]:
            one.delivery.announce(TASK_ID, [hook(webhook.url, version="0.3")], entry, one.owned.snapshot)
        await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["completed"]


async def test_a_task_that_is_gone_is_given_up_at_once() -> None:
    loads = 0

    async def load(task_id: str) -> Record | None:
        nonlocal loads
        loads += 1
        return None

    async with Webhook() as webhook, rig(load) as one:
        one.owned.append(state(COMPLETED))
        one.delivery.resume(one.owned.record(), [hook(webhook.url)])
        await one.settled()
        assert (loads, webhook.posts) == (1, [])
        assert one.count("dropped_total", reason="never") == 1


async def test_a_fault_of_ours_costs_one_update() -> None:
    failing = 1

    async def load(task_id: str) -> Record | None:
        nonlocal failing
        failing -= 1
        if failing >= 0:
            raise RuntimeError(SECRET)
        return await one.owned.load(task_id)

    async with Webhook() as webhook, rig(load) as one:
        with capture_logs() as logs:
            one.owned.append(state(WORKING))
            one.delivery.resume(one.owned.record(), [hook(webhook.url)])
            one.tell(state(COMPLETED), hook(webhook.url))
            await one.settled()
        assert states_of([post.json for post in webhook.posts]) == ["completed"]
        assert [log["error"] for log in logs if log["log_level"] == "error"] == ["RuntimeError"]
        assert SECRET not in str(logs)


async def test_a_shutdown_lets_out_what_it_can() -> None:
    async with Webhook() as webhook, rig(pace_s=30.0) as one:
        one.tell(piece("a", append=False), hook(webhook.url))
        await webhook.posted(1)
        one.tell(piece("b"), hook(webhook.url))
        async with asyncio.timeout(5):
            await one.delivery.close(5.0)
        assert folded(webhook).task == one.owned.snapshot()


async def test_what_a_shutdown_leaves_is_taken_up_by_a_successor() -> None:
    async with Webhook(silent, status(200)) as webhook, rig() as one:
        with capture_logs() as logs:
            for response in (state(WORKING), piece("a", append=False), state(COMPLETED)):
                one.tell(response, hook(webhook.url))
            await webhook.posted(1)
            await one.delivery.close(0.01)
        assert [log["tasks"] for log in logs if log["event"] == "push left to a successor"] == [1]
        with capture_logs() as logs:
            one.tell(state(COMPLETED), hook(webhook.url))
        assert [log["event"] for log in logs] == ["push refused"]

        async with rig(one.owned.load) as successor:
            successor.delivery.resume(one.owned.record(), [hook(webhook.url)])
            await successor.settled()
        assert states_of([post.json for post in webhook.posts]) == ["working", "completed"]
        assert webhook.posts[-1].json["task"]["artifacts"] == [{"artifactId": "a", "parts": [{"text": "a"}]}]


async def test_nothing_is_left_behind() -> None:
    async with Webhook() as webhook, rig() as one:
        before = len(asyncio.all_tasks())
        for _ in range(20):
            one.tell(state(WORKING), hook(webhook.url))
        one.tell(state(COMPLETED), hook(webhook.url))
        await one.settled()
        async with asyncio.timeout(5):
            while webhook.open_connections or len(asyncio.all_tasks()) > before:
                await asyncio.sleep(0.005)
        assert one.count("webhooks_waiting") == 0


async def test_no_secret_is_in_any_log_or_metric(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    script = [status(500), raw(b""), status(302, f"Location: http://x/{SECRET}x".replace(SECRET, "moved")), status(200)]
    with capture_logs() as logs:
        async with Webhook(*script) as webhook, rig() as one:
            for url in (f"{webhook.url}?key={SECRET}", f"http://10.0.0.1/{SECRET}", f"http://{SECRET}.test/"):
                for response in (state(WORKING), state(COMPLETED)):
                    one.tell(response, hook(url, id=f"h{len(url)}", secret=SECRET))
            await one.settled()
            metrics = [str(family) for family in one.registry.collect()]
            assert webhook.posts[0].headers["authorization"] == f"Bearer {SECRET}"
            assert webhook.posts[0].headers["x-a2a-notification-token"] == SECRET
    assert logs
    assert SECRET not in json.dumps(logs, default=str) + caplog.text + "".join(metrics)
    assert "10.0.0.1" not in json.dumps(logs, default=str)
