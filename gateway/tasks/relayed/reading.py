"""How a task is read from its agent: event by event, and by its snapshot where a stream had broken."""

import asyncio
import random
from collections.abc import Collection

import structlog

from gateway.agent import Event
from gateway.errors import AgentError, ErrorKind, GatewayFault
from gateway.settings.tasks import TaskSettings
from gateway.tasks.cursor import GapReason
from gateway.tasks.journal import ChangedHands
from gateway.tasks.lifecycle import Phase, phase
from gateway.tasks.live import LiveTask, TaskOver, TaskTooLarge
from gateway.tasks.relayed.difference import difference, history
from gateway.tasks.relayed.source import BREAKS, REFUSALS, Attachment, Cut, Source, task_of
from gateway.tasks.stream import marked
from generated.a2a.v1.a2a_pb import StreamResponse, Task, TaskState

_log = structlog.get_logger("a2a_gateway.tasks")


class Reading:
    """Records what an agent gives of one task.

    `sent` are ids of messages that callers sent; `current` is set once it is known how the task stands.
    """

    def __init__(
        self,
        live: LiveTask,
        source: Source,
        settings: TaskSettings,
        sent: Collection[str],
        current: asyncio.Event,
    ) -> None:
        self._live = live
        self._sent = sent
        self._source = source
        self._settings = settings
        self._current = current
        self._recorded = 0

    @property
    def state(self) -> TaskState:
        """Of the task, as far as it is recorded."""
        return self._live.state

    async def catch_up(self, found: Task, *, mends: bool) -> None:
        """Records what the agent's snapshot has and the log has not. `mends`: there was a hole. Raises GatewayError."""
        live = self._live
        updates = difference(live.snapshot(), found, self._sent)
        if updates and mends:
            updates[-1] = marked(updates[-1], {"gap": GapReason.UPSTREAM.value})
        for update in updates:
            await self._record(update)
        known = live.snapshot()
        whole = history(known, found)
        if list(known.history) != list(whole) or known.metadata != found.metadata:
            live.renew(whole, found.metadata)
        self._current.set()

    async def refresh(self) -> None:
        """Asks the agent for the task, and records what is new. Raises GatewayError."""
        await self.catch_up(await self._source.task(), mends=True)

    async def run(self, attachment: Attachment | None) -> None:
        """Returns once the task is over or waits. Raises GatewayError where the agent gives no more of it."""
        tries = 0
        while True:
            recorded = self._recorded
            try:
                if attachment is None:
                    attachment = await self._attached()
                if attachment is not None:
                    await self._take_all(attachment)
                return
            except AgentError as error:
                if error.kind not in BREAKS and not isinstance(error, Cut):
                    raise
                tries = 1 if self._recorded > recorded else tries + 1
                if tries > self._settings.resume_tries:
                    raise
                _log.info("the stream of a task broke", task=self._live.id, error=error.kind.reason, tries=tries)
            finally:
                if attachment is not None:
                    await attachment.close()
                    attachment = None
            if self._live.is_over:
                return
            # At random, so that the tasks of an agent that comes back do not come all at once.
            await asyncio.sleep(random.uniform(0, self._settings.resume_retry_s * 2 ** (tries - 1)))

    async def _attached(self) -> Attachment | None:
        """The stream taken up again; None where the task is over or waits. Raises GatewayError."""
        opening = asyncio.ensure_future(self._source.subscribed())
        attachment: Attachment | None = None
        is_ahead = False
        try:
            await asyncio.wait((opening,), timeout=self._settings.resume_silence_s)
            if not opening.done():
                # It says nothing until something happens, which tells nothing of what has happened.
                await self.refresh()
                if self._live.is_over:
                    return None
                is_ahead = True
            attachment = await opening
        except AgentError as error:
            if error.kind in BREAKS | REFUSALS:
                raise
            return await self._not_attached(error)
        finally:
            if attachment is None:
                await _given_up(opening)
        if attachment is None:
            return await self._not_attached(Cut(ErrorKind.INVALID_AGENT_RESPONSE, "The agent's stream brought nothing"))
        first = task_of(attachment.backlog[0])
        if is_ahead and first is not None and difference(first, self._live.snapshot()):
            # It begins before what is recorded by now, so what it brings may be that.
            attachment.tells = False
        if not attachment.tells:
            try:
                await self.refresh()
            except BaseException:
                await attachment.close()
                raise
        return attachment

    async def _not_attached(self, error: AgentError) -> None:
        """An agent that lets nobody subscribe to a task may do so because it is over. Raises Cut if it is not."""
        await self.refresh()
        if phase(self._live.state) is Phase.RUNNING:
            raise Cut(error.kind, error.message, error.details)

    async def _take_all(self, attachment: Attachment) -> None:
        while not self._live.is_over and (burst := await attachment.burst()) is not None:
            for event in burst:
                attachment.contract.check(event)
                if attachment.tells:
                    await self._take(attachment, event)
                if self._live.is_over:
                    return
            if not attachment.tells:
                await self.refresh()

    async def _record(self, update: StreamResponse) -> None:
        try:
            await self._live.record(update)
        except TaskOver:
            if self._live.lost:
                raise ChangedHands from None
        except TaskTooLarge:
            text = f"The task is larger than {self._settings.task_bytes} bytes"
            raise GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, text) from None
        self._recorded += 1

    async def _take(self, attachment: Attachment, event: Event) -> None:
        task = task_of(event)
        if task is not None:
            await self.catch_up(task, mends=attachment.mends)
        else:
            await self._record(event.response)
            self._current.set()
        attachment.mends = False
        self._source.cursor = event.cursor or self._source.cursor


async def _given_up(opening: "asyncio.Future[Attachment | None]") -> None:
    """Lets go of a stream that was opened, or is still being, and that nobody wants any more."""
    opening.cancel()
    await asyncio.wait((opening,))
    if not opening.cancelled() and opening.exception() is None and (late := opening.result()) is not None:
        await late.close()
