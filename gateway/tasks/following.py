"""How a caller comes to follow a task: from a snapshot, or from where it left (specification section 3.1.6).

A caller that names a cursor gets exactly what it missed and then the live tail. Where that cannot
be had it is told so: a fresh snapshot, marked as a gap.
"""

from collections.abc import Callable, Sequence
from functools import partial

from protobuf import Oneof

from gateway.agent import CallContext, Head
from gateway.codec.malformed import Malformed
from gateway.deltas.extension import URI as DELTAS_URI
from gateway.errors import CallerError, ErrorKind
from gateway.tasks import lifecycle
from gateway.tasks.cursor import RESUME_URI, Cursors, GapReason, Point
from gateway.tasks.history import shortened
from gateway.tasks.live import Standing
from gateway.tasks.log import Bounds, Log
from gateway.tasks.runtime import Runtime, store_errors
from gateway.tasks.store import Record
from gateway.tasks.stream import Source, TaskStream, View, marked
from generated.a2a.v1.a2a_pb import StreamResponse, Task

CURSOR = "last-event-id"
"""The header, or the metadata, in which a caller says where it left."""


def as_it_is(task: Task) -> Task:
    return task


class Following:
    """Makes the streams of one agent's tasks."""

    def __init__(
        self, agent: str, runtime: Runtime, offered: Sequence[str], shown: Callable[[Task], Task] = as_it_is
    ) -> None:
        """`offered`: the extensions that the agent's tasks speak; `shown` makes of a task as it is kept what
        callers see.
        """
        self._agent = agent
        self._offered = offered
        self._shown = shown
        self._runtime = runtime
        self._store = runtime.store

    def head(self, context: CallContext) -> Head:
        """What an answer to this caller says of itself."""
        return Head(tuple(uri for uri in context.extensions if uri in self._offered))

    async def subscribe(self, task_id: str, context: CallContext, *, ended: bool = False) -> TaskStream:
        """The stream of a task from its snapshot, or from the caller's cursor. Raises GatewayError.

        `ended`: nobody works on the task, so the stream ends with what there is.
        """
        cursor = cursor_of(context)
        if cursor is None:
            # 0.3 gives a task that is over once more.
            if context.version != "0.3":
                record = await self._runtime.find(self._agent, context.principal, task_id)
                lifecycle.check_subscribe(record.task)
            return await self.stream(task_id, context, ended=ended)
        resumed = await self.resumed(task_id, cursor, context, ended=ended)
        if isinstance(resumed, GapReason):
            return await self.stream(task_id, context, gap=resumed, ended=ended)
        return resumed

    async def resumed(
        self, task_id: str, cursor: str, context: CallContext, *, ended: bool = False
    ) -> TaskStream | GapReason:
        """What follows a cursor, or why that cannot be had. Raises GatewayError."""
        record = await self._runtime.find(self._agent, context.principal, task_id)
        point = self.point(task_id, cursor)
        if point is not None and point.seq > record.seq and point.epoch == record.epoch:
            # Its gateway shows events a moment before they are stored.
            record = await self._runtime.caught_up(record, point.seq)
        gap = GapReason.UNKNOWN if point is None else await self._gap(record, point)
        if point is None or gap is not None:
            return gap or GapReason.UNKNOWN
        if point.seq >= record.seq:
            lifecycle.check_subscribe(record.task)
        return await self.stream(task_id, context, after=point.seq, ended=ended)

    def point(self, task_id: str, cursor: str) -> Point | None:
        """What a cursor names; None where it is of another task or store. Raises CallerError for what is none."""
        try:
            return self._cursors(task_id).read(cursor)
        except Malformed as error:
            raise CallerError(ErrorKind.INVALID_PARAMS, f"Last-Event-ID: {error}") from None

    async def _gap(self, record: Record, point: Point) -> GapReason | None:
        """Why a task's events cannot be had from a point on; None where they can."""
        if point.epoch > record.epoch:
            return GapReason.UNKNOWN
        live = self._runtime.live(record.task.id)
        known = live.log.knows(point.epoch, point.seq) if live is not None and point.seq else None
        if known is not None:
            return None if known else GapReason.UNKNOWN
        if point.seq > record.seq:
            return GapReason.UNKNOWN
        if not point.seq and live is not None and live.log.follow(0, deltas=False) is not None:
            return None  # from the beginning, of which not all need be stored yet
        with store_errors():
            entries = await self._store.events(record.task.id, max(point.seq - 1, 0), 1)
        if not point.seq:
            return None if record.seq == 0 or (entries and entries[0].seq == 1) else GapReason.EXPIRED
        if entries and entries[0].seq == point.seq:
            # As in `Log.knows`: an event is replaced only by a later epoch.
            return None if entries[0].epoch <= point.epoch else GapReason.UNKNOWN
        return GapReason.EXPIRED

    async def stream(
        self,
        task_id: str,
        context: CallContext,
        *,
        since: Standing | None = None,
        after: int | None = None,
        gap: GapReason | None = None,
        history_length: int | None = None,
        ended: bool = False,
    ) -> TaskStream:
        """The task as it stands and what follows, or what follows an event. Raises GatewayError.

        `since`: the task as this call's message left it, and all that came of it; the stream ends
        when the caller is asked for more. `ended`: nobody works on the task.
        """
        find = partial(self._source, task_id, context, ended=ended)
        source = await find()
        task, seq = (source.task, source.seq) if since is None else (since.task, since.seq)
        first = None
        if after is None:
            first = StreamResponse(payload=Oneof("task", self._shown(shortened(task, history_length))))
            if gap is not None:
                first = marked(first, {"gap": gap.value})
        view = View(
            deltas=DELTAS_URI in context.extensions and DELTAS_URI in self._offered,
            marked=RESUME_URI in context.extensions,
            page_events=self._runtime.settings.page_events,
            answers=since is not None,
        )
        return TaskStream(
            self.head(context),
            first,
            seq if after is None else after,
            source,
            find,
            self._store,
            task_id,
            self._cursors(task_id),
            view,
        )

    async def _source(self, task_id: str, context: CallContext, *, ended: bool) -> Source:
        """The task as it stands, and where it can be followed from there. Take it at once. Raises GatewayError."""
        live = self._runtime.live(task_id)
        if live is not None:
            await live.settled()
            if not live.lost and not live.log.moved:
                return Source(live.snapshot(), live.log.seq, live.log, _nothing)
            await self._runtime.over(task_id)
        record = await self._runtime.find(self._agent, context.principal, task_id)
        if ended or lifecycle.phase_of(record.task) is lifecycle.Phase.TERMINAL:
            return Source(record.task, record.seq, _ended(record), _nothing)
        follower = self._runtime.follow(record)
        return Source(record.task, record.seq, follower.log, partial(self._runtime.unfollow, follower))

    def _cursors(self, task_id: str) -> Cursors:
        return Cursors(self._store.secret, task_id)


def cursor_of(context: CallContext) -> str | None:
    """Where a caller says that it left; None where it says nothing."""
    return context.headers.get(CURSOR)


def _ended(record: Record) -> Log:
    """The log of a task that is over: nothing of it is in memory."""
    log = Log(record.epoch, record.seq, Bounds(0, 0), draft=lambda: None)
    log.end()
    return log


def _nothing() -> None:
    """Called when a stream is closed that nobody else need know of."""
