"""The line to one webhook of one task: posts what waits, one after the other, each until it is taken or given up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass

from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3.choices import Choices
from gateway.settings import PushSettings
from gateway.tasks.push.notification import Notification, notification, trimmed, whole
from gateway.tasks.push.outbox import Outbox, Room, Waiting
from gateway.tasks.push.sender import Outcome, Send, Verdict
from gateway.tasks.push.telemetry import PushTelemetry
from gateway.tasks.store import Hook, Record, StoreUnavailable
from generated.a2a.v1.a2a_pb import StreamResponse

Load = Callable[[str], Awaitable[Record | None]]
"""The task as it stands, with every event that was announced; None where there is none any more."""

_NOT_LOADED = Outcome(Verdict.NOT_NOW, "the task cannot be read")
_GONE = Outcome(Verdict.NEVER, "the task is gone")
_UNWRITABLE = Outcome(Verdict.NEVER, "the task cannot be written in its version")


@dataclass(frozen=True, slots=True)
class Means:
    """What all lines share."""

    settings: PushSettings
    send: Send
    load: Load
    slot: Callable[[str], AbstractAsyncContextManager[None]]
    """Room for one POST to a URL; waited for."""
    telemetry: PushTelemetry
    bounds: Bounds
    choices: Choices
    jitter: Callable[[], float]
    """From 0 to 1."""
    room: Room


class Line:
    """The line to one webhook of one task."""

    def __init__(self, task_id: str, hook: Hook, means: Means) -> None:
        self.task_id = task_id
        self.hook = hook
        """As it was announced last."""
        self.trace: Mapping[str, str] = {}
        self.outbox = Outbox(means.settings.waiting_events, means.room)
        self.is_over = False
        """The task's end has been put in."""
        self.is_closing = False
        self._means = means
        self._sent_at = float("-inf")
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, seq: int, response: StreamResponse | None, *, urgent: bool, size_bytes: int, last: bool) -> None:
        """What to tell next, None for the whole task; `last`: the task's end."""
        self.is_over = self.is_over or last
        if self.outbox.put(seq, response, urgent=urgent, size_bytes=size_bytes):
            self._means.telemetry.replaced(self.task_id, self.hook.config.id)
        if urgent or self._idle.is_set():
            self._news.set()
        if self.outbox:
            self._idle.clear()

    def hurry(self) -> None:
        """No more waiting for pieces to join."""
        self.is_closing = True
        self._news.set()

    def drop(self) -> None:
        """Nothing is sent any more."""
        self.outbox.clear()
        self._idle.set()

    @property
    def is_settled(self) -> bool:
        """Nothing waits and nothing is on its way."""
        return self._idle.is_set()

    async def settled(self) -> None:
        """Waits until it is."""
        await self._idle.wait()

    async def run(self) -> None:
        """Posts until nothing has come for as long as pieces are joined, or the task is over."""
        while await self._more():
            await self._pace()
            waiting = self.outbox.take()
            try:
                await self._deliver(waiting)
            except Exception as error:  # a fault with one update must not keep back the next
                self._means.telemetry.faulted(self.task_id, self.hook.config.id, error)
                self.outbox.lose()
            self._sent_at = _now()

    async def _more(self) -> bool:
        while not self.outbox:
            self._idle.set()
            self._news.clear()
            if self.is_over or self.is_closing:
                return False
            try:
                async with asyncio.timeout(self._means.settings.pace_s):
                    await self._news.wait()
            except TimeoutError:
                if not self.outbox:
                    return False
        return True

    async def _pace(self) -> None:
        """Lets more pieces come while nothing else waits."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._sent_at + self._means.settings.pace_s):
                while not self.outbox.is_urgent and not self.is_closing:
                    self._news.clear()
                    await self._news.wait()

    async def _deliver(self, waiting: Waiting) -> None:
        settings = self._means.settings
        outcome = _NOT_LOADED
        for attempt in range(1, settings.tries + 1):
            began = _now()
            outcome = await self._try(waiting)
            self._means.telemetry.tried(
                self.task_id, self.hook.config.id, outcome.verdict.value, outcome.reason, attempt, _now() - began
            )
            if outcome.verdict is not Verdict.NOT_NOW:
                break
            if attempt < settings.tries:
                await asyncio.sleep(self._wait_s(attempt, outcome))
        if outcome.verdict is Verdict.TAKEN:
            self.outbox.told(waiting.seq)
            return
        self._means.telemetry.dropped(
            self.task_id,
            self.hook.config.id,
            waiting.seq,
            outcome.verdict.value,
            outcome.reason,
            final=self.is_over and not self.outbox,
        )
        self.outbox.lose()

    async def _try(self, waiting: Waiting) -> Outcome:
        # What is posted is made only where there is room to post it.
        async with self._means.slot(self.hook.config.url):
            try:
                post = await self._written(waiting)
            except StoreUnavailable:
                return _NOT_LOADED
            except Malformed:
                return _UNWRITABLE
            return await self._means.send(post) if isinstance(post, Notification) else post

    async def _written(self, waiting: Waiting) -> Notification | Outcome:
        """The POST of what is to be told, or why there is none. Raises StoreUnavailable and Malformed."""
        response = waiting.response()
        if response is not None:
            with _unless_too_large():
                return self._post(response)
        record = await self._means.load(self.task_id)
        if record is None:
            return _GONE
        if record.seq < waiting.seq:
            return _NOT_LOADED
        waiting.responses, waiting.seq = [], record.seq
        with _unless_too_large():
            return self._post(whole(record.task))
        return self._post(trimmed(record.task))

    def _post(self, response: StreamResponse) -> Notification:
        return notification(self.hook, response, self.trace, self._means.bounds, self._means.choices)

    def _wait_s(self, attempt: int, outcome: Outcome) -> float:
        settings = self._means.settings
        longest_s = min(settings.retry_max_s, settings.retry_s * 2.0 ** min(attempt - 1, 30))
        asked_s = min(settings.retry_max_s, outcome.retry_after_s)
        return max(asked_s, longest_s * (1 - self._means.jitter() / 2))


@contextmanager
def _unless_too_large() -> Iterator[None]:
    """Goes on after what is too large to post."""
    try:
        yield
    except Malformed as error:
        if not error.too_large:
            raise


def _now() -> float:
    return asyncio.get_running_loop().time()
