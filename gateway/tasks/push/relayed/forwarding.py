"""Delivery of what relayed agents tell: kept by the store until webhooks have it, by one gateway at a time.

What has arrived for a subscription goes to `Delivery` in the order in which it came, and out of the
store once it is taken or given up. A gateway that dies before leaves its subscriptions to whoever
claims them next, who delivers again what may have been delivered already.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from protobuf import Oneof

from gateway.agent import Agent
from gateway.settings.tasks import TaskSettings
from gateway.tasks.jobs import again_and_again
from gateway.tasks.push.delivery import Delivery
from gateway.tasks.push.notification import OLD
from gateway.tasks.push.relayed.reported import Reported
from gateway.tasks.store import Entry, Record, StoreUnavailable
from gateway.tasks.subscriptions import Arrival, Held, Holder, Subscription, Subscriptions
from generated.a2a.v1.a2a_pb import Message, Task, TaskStatusUpdateEvent

_AT_ONCE = 100
"""Rows that one pass takes."""
_STOP_S = 1.0
"""For what is on its way to arrive; what does not goes out again, from the next gateway."""

_log = structlog.get_logger("a2a_gateway.push")


class Forwarding:
    """Delivers for the subscriptions that this gateway holds. All methods belong on the event loop."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        delivery: Delivery,
        agents: Mapping[str, Agent],
        settings: TaskSettings,
        gateway: str,
        ask_s: float,
    ) -> None:
        """`agents` are asked for whole tasks, for `ask_s` at most. `gateway` names this process to the others."""
        self.holder = Holder(gateway, settings.lease_s)
        self._subscriptions = subscriptions
        self._delivery = delivery
        self._agents = agents
        self._settings = settings
        self._ask_s = ask_s
        self._runs: dict[str, _Run] = {}
        self._jobs: list[asyncio.Task[None]] = []
        self._is_closing = False

    async def start(self) -> None:
        """The store must be open."""
        for job, every_s in (
            (self._renew, self._settings.lease_s / 3),
            (self._claim, self._settings.lease_s / 3),
            (self._prune, self._settings.prune_s),
        ):
            self._jobs.append(asyncio.create_task(again_and_again(job, every_s)))
        await self._claim()

    async def close(self) -> None:
        """What is not delivered in a moment is left to the next gateway. The store must still be open."""
        self._is_closing = True
        for job in self._jobs:
            job.cancel()
        if self._runs:
            await asyncio.wait([run.task for run in self._runs.values()], timeout=_STOP_S)
        left = dict(self._runs)
        for id_, run in left.items():
            run.task.cancel()
            self._delivery.forget(id_)
        await asyncio.gather(*(run.task for run in left.values()), *self._jobs, return_exceptions=True)
        with suppress(StoreUnavailable):
            await self._subscriptions.release(self.holder.gateway)

    def deliver(self, id: str) -> None:
        """Has what waits for a subscription delivered, which this gateway holds."""
        if self._is_closing:
            return
        run = self._runs.get(id)
        if run is None:
            self._runs[id] = run = _Run(asyncio.create_task(self._run(id)), Reported(self._ask_s))
        run.news.set()

    def delivers(self, id: str) -> bool:
        return id in self._runs

    async def load(self, id: str) -> Record | None:
        """The task of a subscription under delivery, as it stands. Raises StoreUnavailable where nobody knows.

        Its `seq` is that of the subscription.
        """
        run = self._runs.get(id)
        if run is None:
            return None
        task = await run.reported.task()
        if task is None:
            raise StoreUnavailable("the agent does not tell of the task")
        return Record("", "", task, run.seq, 0, self.holder.gateway, 0)

    async def _run(self, id: str) -> None:
        run = self._runs[id]
        try:
            while not await self._ends_well(id, run):
                await asyncio.sleep(self._settings.lease_s / 3)
        finally:
            if self._runs.get(id) is run:
                del self._runs[id]
        if run.news.is_set():
            self.deliver(id)

    async def _ends_well(self, id: str, run: "_Run") -> bool:
        """Delivers until nothing waits; whether nothing came in between."""
        try:
            subscription = await self._subscriptions.get(id)
            if subscription is not None:
                run.reported.agent = self._agents.get(subscription.agent)
                await self._deliver(subscription, run)
        except StoreUnavailable as error:
            _log.warning("the task store cannot be reached", error=str(error))
        except Exception:
            _log.exception("unexpected error")
        else:
            return True
        return False

    async def _deliver(self, subscription: Subscription, run: "_Run") -> None:
        if subscription.is_owed and not run.seq:
            self._delivery.owe(subscription.id, subscription.hook)
        while True:
            run.news.clear()
            while arrivals := await self._subscriptions.arrivals(subscription.id, run.seq, _AT_ONCE):
                for arrival in arrivals:
                    run.seq = arrival.seq
                    await self._announce(subscription, run.reported, arrival)
            if not await self._settled(subscription.id, run.news):
                continue
            owed = self._delivery.owes(subscription.id)
            held = await self._subscriptions.delivered(subscription.id, self.holder.gateway, run.seq, is_owed=owed)
            if held is not Held.MORE:
                if owed or held is Held.LOST:
                    self._delivery.forget(subscription.id)
                return

    async def _announce(self, subscription: Subscription, reported: Reported, arrival: Arrival) -> None:
        reported.take(arrival.response)
        snapshot = Task
        if subscription.hook.version == OLD:
            match arrival.response.payload:
                case Oneof(value=Message()):
                    return  # A2A 0.3 tells of tasks alone
                case Oneof(value=Task() | TaskStatusUpdateEvent()):
                    task = await reported.task()
                    snapshot = lambda: task or Task()  # noqa: E731 # a name for each would say nothing
                case _:
                    pass
        entry = Entry(arrival.seq, 0, arrival.response)
        self._delivery.announce(subscription.id, (subscription.hook,), entry, snapshot)

    async def _settled(self, id: str, news: asyncio.Event) -> bool:
        """Waits until all that was announced is taken or given up, or more has come; whether it is the former."""
        settling = asyncio.ensure_future(self._delivery.settled(id))
        waking = asyncio.ensure_future(news.wait())
        try:
            await asyncio.wait((settling, waking), return_when=asyncio.FIRST_COMPLETED)
            return settling.done()
        finally:
            settling.cancel()
            waking.cancel()

    async def _renew(self) -> None:
        held = list(self._runs)
        for first in range(0, len(held), _AT_ONCE):
            await self._subscriptions.renew(self.holder, held[first : first + _AT_ONCE])

    async def _claim(self) -> None:
        for claimed in await self._subscriptions.claim(self.holder, _AT_ONCE):
            _log.info("push goes on for another gateway", subscription=claimed)
            self.deliver(claimed)

    async def _prune(self) -> None:
        while await self._subscriptions.prune(_AT_ONCE) == _AT_ONCE:
            pass


@dataclass(eq=False, slots=True)
class _Run:
    """The delivery of one subscription, from the first arrival until nothing waits."""

    task: asyncio.Task[None]
    reported: Reported
    news: asyncio.Event = field(default_factory=asyncio.Event)
    seq: int = 0
    """Of the last arrival that was announced."""
