"""The tasks of one agent that are read on this gateway, and whose orphans it takes up."""

import asyncio
from collections.abc import Iterable

from gateway.agent import Agent, CallContext
from gateway.errors import CallerError, ErrorKind
from gateway.operations import GET_TASK
from gateway.tasks.journal import store_away
from gateway.tasks.lifecycle import Phase, phase_of
from gateway.tasks.relayed.origin import Origin, as_the_agent_has_it, credentials, key_of, renamed, upstream
from gateway.tasks.relayed.relay import Relay
from gateway.tasks.relayed.source import Source
from gateway.tasks.runtime import Runtime, store_errors
from gateway.tasks.store import Record
from generated.a2a.v1.a2a_pb import GetTaskRequest, Task


class Relays:
    """Keeps each task read once. `replaced` are headers of callers that the agent never sees."""

    def __init__(self, name: str, agent: Agent, runtime: Runtime, *, lenient: bool, replaced: Iterable[str]) -> None:
        self._name = name
        self._agent = agent
        self._runtime = runtime
        self._lenient = lenient
        self._replaced = tuple(replaced)
        self._relays: dict[str, Relay] = {}
        runtime.entrust(name, self)

    def record_of(self, task: Task, context: CallContext) -> Record:
        """A task of the agent as it is recorded from now on."""
        origin = Origin(upstream(context).extensions, bool(credentials(context.headers, self._replaced)))
        kept = renamed(task, key_of(self._name, task.id))
        return Record(self._name, context.principal, kept, 0, 1, self._runtime.gateway, 1, origin.to_bytes())

    async def find(self, task_id: str, context: CallContext) -> Record | None:
        """A task as it is recorded; None where it is not. Raises CallerError where it is another caller's."""
        with store_errors():
            record = await self._runtime.store.load(key_of(self._name, task_id))
        if record is not None and record.principal != context.principal:
            raise CallerError(ErrorKind.TASK_NOT_FOUND)
        return record

    async def check_access(self, record: Record, context: CallContext) -> None:
        """Whether a caller may read a task. Where the gateway cannot tell, the agent does. Raises GatewayError."""
        if context.principal or not Origin.from_bytes(record.request).guarded:
            return
        relay = self._relays.get(record.task.id)
        trusted = None if relay is None or relay.trusted is None else relay.trusted.headers
        if trusted is None or credentials(trusted, self._replaced) != credentials(context.headers, self._replaced):
            request = GetTaskRequest(id=as_the_agent_has_it(record.task).id, history_length=0)
            await self._agent.call(GET_TASK, request, upstream(context))

    async def there(self, task_id: str) -> Relay | None:
        """The one that keeps a task read here, or is about to. Raises GatewayFault."""
        key = key_of(self._name, task_id)
        while (relay := self._relays.get(key)) is not None and relay.is_over:
            if not await relay.over(self._runtime.settings.store_patience_s):
                raise store_away()
        return relay

    def make(self, task_id: str, context: CallContext) -> Relay:
        """One for a task of which none is `there`. Whoever makes it starts or drops it."""
        key = key_of(self._name, task_id)
        source = Source(self._agent, task_id, upstream(context), lenient=self._lenient)
        relay = self._relays[key] = Relay(key, source, self._runtime, self._left_alone, self._over)
        return relay

    async def joined(self, task_id: str, context: CallContext, *, trusted: bool) -> Relay:
        """The one that keeps a task read, with one more reader. Raises GatewayFault.

        `trusted`: the caller is known to be one who may read the task.
        """
        relay = await self.there(task_id)
        if relay is None:
            relay = self.make(task_id, context)
            relay.readers.join()
            relay.start()
        else:
            relay.readers.join()
        if trusted:
            relay.trust(context)
        return relay

    async def claimed(self, task_id: str, context: CallContext) -> Relay | None:
        """One that has a recorded task, and what there is of it, and reads nothing; None where somebody reads it.

        Raises GatewayError.
        """
        while (relay := await self.there(task_id)) is not None:
            if not relay.waits:
                return None
            if await relay.pause():
                break
        else:
            relay = self.make(task_id, context)
        try:
            with store_errors():
                is_mine = not relay.stands_by or await relay.claim()
            if is_mine:
                # Nothing moves while the task waits for its caller, so whatever the agent sends next joins this.
                await relay.reading.refresh()
                return relay
        except BaseException:
            await relay.drop(store_away())
            raise
        await relay.drop(store_away())
        return None

    async def recorded(self, task: Task, context: CallContext) -> tuple[Relay, bool] | None:
        """Who records a task that an agent has begun, and whether its stream is wanted for that.

        None where the task cannot be recorded. Raises GatewayError.
        """
        known = await self.find(task.id, context)
        there = await self.there(task.id)
        if there is not None:
            return there, False
        relay = self.make(task.id, context)
        try:
            with store_errors():
                if known is None and await relay.create(self.record_of(task, context)):
                    return relay, True
                if await relay.claim():
                    await relay.reading.catch_up(task, mends=True)
                    return relay, True
                if known is not None and phase_of(known.task) is not Phase.TERMINAL:
                    return relay, False
        except BaseException:
            await relay.drop(store_away())
            raise
        await relay.drop(store_away())
        return None

    async def ask(self, task_id: str, context: CallContext) -> Task:
        """The task as the agent has it. Raises AgentError."""
        return await Source(self._agent, task_id, upstream(context), lenient=self._lenient).task()

    # As the runtime's keeper.

    async def inherit(self, record: Record) -> bool:
        task_id = as_the_agent_has_it(record.task).id
        relay = await self.there(task_id)
        if relay is None:
            relay = self.make(task_id, CallContext(extensions=Origin.from_bytes(record.request).extensions))
        elif not relay.stands_by:
            # This gateway was itself taken for dead; it will notice, and then look for the task again.
            return False
        relay.inherit(record)
        return True

    async def stop(self) -> None:
        await asyncio.gather(*(relay.stop() for relay in list(self._relays.values())))

    def _over(self, relay: Relay) -> None:
        if self._relays.get(relay.key) is relay:
            del self._relays[relay.key]

    def _left_alone(self) -> None:
        alone = [(since, relay) for relay in self._relays.values() if (since := relay.readers.alone_since) is not None]
        if len(alone) > self._runtime.settings.resume_lingering:
            min(alone, key=lambda pair: pair[0])[1].let_go()
