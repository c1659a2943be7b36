"""The Worker of a mapped service: reads its definitions, picks skills, and holds a conversation for each task.

    service = MappedService(settings, limits)
    await service.ready()           # reads the definitions; later it happens with the first task
    card = await service.card(context)
    async for produced in service.run(work): ...
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from functools import partial

import grpc

from gateway.agent import CallContext
from gateway.codec import metadata
from gateway.codec.malformed import Malformed
from gateway.codec.status import field_violation
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.settings import AgentSettings, ConfigurationError, Limits
from gateway.southbound.cached import Cached
from gateway.southbound.mapped.card import card_of
from gateway.southbound.mapped.conversation import Conversation, Turn
from gateway.southbound.mapped.rpc import Rpc
from gateway.southbound.mapped.said import Viewer, said, skill_before
from gateway.southbound.mapped.schema import Schema, schema
from gateway.southbound.mapped.skills import Skill
from gateway.southbound.mapped.source import read_descriptors
from gateway.southbound.mapped.statuses import IN_DOUBT, Ending
from gateway.southbound.transport.grpcio_channel import open_channel
from gateway.worker import Status, Work, Yield
from generated.a2a.v1.a2a_pb import AgentCard, Message, TaskState

_UNFORWARDED = frozenset({metadata.VERSION, "last-event-id"})
"""What A2A agents are told, and a service that knows nothing of A2A is not."""


class MappedService:
    """A gRPC service that knows nothing of A2A, as a Worker. Raises ConfigurationError for TLS files that are none."""

    has_wire = True
    """What it says and hears crosses a wire, and is shown there."""

    def __init__(self, settings: AgentSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        self._bounds = limits.bounds()
        self._channel = open_channel(settings.url, limits, settings.tls)
        self._schema = Cached(self._read_usable, limits.card_s, limits.connect_s)

    async def ready(self) -> Schema:
        """The skills of the service. Raises AgentError where its definitions cannot be had."""
        return await self._schema.get()

    async def card(self, context: CallContext) -> AgentCard:
        """Raises AgentError where the service's definitions cannot be had."""
        return card_of(self._settings, await self._schema.get(), self._bounds)

    def admit(self, work: Work) -> None:
        """Refuses what makes no request, as far as the definitions are known. Raises CallerError."""
        if (known := self._schema.latest) is not None:
            with suppress(AgentError):  # which is for the run to say
                self._turn(known, _chosen(known, work), work, work.message)

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        self._doubt_if_cut_off()
        try:
            known = await self._schema.get()
            skill = _chosen(known, work)
            turn = self._turn(known, skill, work, work.message)
        except CallerError as error:
            yield Status(TaskState.REJECTED, error.message, {"error": error.kind.reason})
            return
        except AgentError as error:
            yield Status(TaskState.FAILED, error.message, {"error": error.kind.reason})
            return
        headers = self._headers(work.context.headers)
        rpc = Rpc(self._channel, skill.path, headers, skill.timeout_s, self._limits.stream_idle_s)
        conversation = Conversation(
            skill=skill,
            types=known.types,
            bounds=self._bounds,
            rpc=rpc,
            read=partial(self._turn, known, skill, work),
            trailers=self._settings.trailers,
            context=work.context,
            on_ending=self._learn,
        )
        turns = conversation.run(turn)
        try:
            message: Message | None = None
            while True:
                message = yield await turns.asend(message)
        except StopAsyncIteration:
            return
        finally:
            await turns.aclose()

    async def problems(self) -> list[str]:
        """What keeps the service from being served as the settings say; for `check`."""
        try:
            found = await self.read()
            card_of(self._settings, found, self._bounds)
            return [*found.problems, *await self._unreachable()]
        except AgentError as error:
            return [error.message]
        except ConfigurationError as error:
            return [str(error)]

    async def _unreachable(self) -> list[str]:
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._channel.channel_ready()
        except TimeoutError:
            return ["The service cannot be reached"]
        return []

    async def close(self) -> None:
        await self._schema.close()
        await self._channel.close()

    def _turn(self, known: Schema, skill: Skill, work: Work, message: Message) -> Turn:
        """What a message sends. Raises CallerError."""
        taken = said(message, many=skill.many)
        try:
            view = Viewer(work, self._bounds, skill.request.asks_for).view(taken)
        except Malformed as error:
            raise CallerError(ErrorKind.RESOURCE_EXHAUSTED, f"The message cannot be mapped: {error}") from None
        return Turn(skill.request_of(taken, view, known.types), last=taken.ends or not skill.many)

    def _headers(self, forwarded: Mapping[str, str]) -> list[tuple[str, str | bytes]]:
        pairs = metadata.to_metadata({**forwarded, **self._settings.headers}, "1.0", ())
        return [(name, value) for name, value in pairs if name not in _UNFORWARDED]

    def _doubt_if_cut_off(self) -> None:
        """A service that restarted may have come back with other definitions."""
        by_reflection = self._settings.descriptors.set is None and not self._settings.descriptors.protos
        if by_reflection and self._channel.get_state() is not grpc.ChannelConnectivity.READY:
            self._schema.doubt()

    def _learn(self, ending: Ending | None) -> None:
        """A service that is gone, or speaks in riddles, may come back as another one."""
        if ending is None or ending.status in IN_DOUBT:
            self._schema.doubt()

    async def read(self) -> Schema:
        """What the service is now. Raises AgentError, and ConfigurationError for files that cannot be used."""
        headers = self._headers({})
        descriptors = await read_descriptors(self._settings, self._channel, headers, self._limits)
        if (latest := self._schema.latest) is not None and latest.descriptors.digest == descriptors.digest:
            return latest
        return schema(self._settings, descriptors)

    async def _read_usable(self) -> Schema:
        try:
            found = await self.read()
        except ConfigurationError:
            # Its words are about the gateway's files, and callers read these.
            raise AgentError(ErrorKind.INTERNAL_ERROR, "The definitions of the service cannot be read") from None
        if not found.skills:
            raise AgentError(ErrorKind.METHOD_NOT_FOUND, "; ".join(found.problems))
        return found


def _chosen(known: Schema, work: Work) -> Skill:
    """The skill of a task: what its caller names, else the first one. Raises GatewayError."""
    of_task = skill_before(work.task, work.message, known.default)
    named = said(work.message).skill or of_task or known.default
    if of_task and named != of_task:
        raise _unfit(f"The task is of the skill {of_task!r}; begin another for {named!r}")
    if (skill := known.skills.get(named)) is not None:
        return skill
    if (problem := known.broken.get(named)) is not None:
        raise AgentError(ErrorKind.INTERNAL_ERROR, f"The skill {named!r} does not fit the service: {problem}")
    raise _unfit(f"There is no skill {named!r}; there are {', '.join(known.skills)}")


def _unfit(words: str) -> CallerError:
    return CallerError(ErrorKind.INVALID_PARAMS, words, (field_violation("message.metadata.skill", words),))
