"""The port to where owned tasks are kept, and the records that cross it.

A task is a snapshot and the events after it: `load` folds them. Every event has a sequence number
(`seq`, from 1, without gaps) and the epoch of whoever wrote it. An epoch begins when a gateway
claims a task; writes of an older epoch are refused, so a gateway that was taken for dead cannot
write over its successor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from generated.a2a.v1.a2a_pb import Message, StreamResponse, Task, TaskPushNotificationConfig, TaskState

if TYPE_CHECKING:
    from gateway.tasks.subscriptions import Subscriptions


class Fenced(Exception):
    """Somebody else has claimed the task since; whoever gets this must stop working on it."""


class StoreUnavailable(Exception):
    """The database cannot be reached, or has no room. The text names no address and no secret."""


class Entry(NamedTuple):
    """One event of a task's log."""

    seq: int
    epoch: int
    response: StreamResponse
    """An update of the task; never the whole task and never a message alone."""


@dataclass(frozen=True, slots=True)
class Record:
    """A task as the store has it."""

    agent: str
    """The agent of the configuration that the task belongs to."""
    principal: str
    """Who may see it; empty where callers are not told apart."""
    task: Task
    """Its snapshot with every later event folded in; whole history, all artifacts. A copy."""
    seq: int
    """Of the last event that is folded in; 0 for none."""
    epoch: int
    """Of the last claim; 0 where nobody has claimed it yet."""
    owner: str
    """The gateway that runs it now; empty where none does."""
    first_seq: int
    """The oldest event that is still kept; `seq + 1` where none is."""
    request: bytes = b""
    """What a successor needs to take the task up again; empty where none can. The runtime's own business."""
    left_by: str = ""
    """Of a task that was just claimed: the gateway that had it before; empty where none did."""


@dataclass(frozen=True, slots=True)
class Query:
    """ListTasks as the store understands it (specification section 3.1.4)."""

    agent: str
    principal: str = ""
    context_id: str = ""
    state: TaskState = TaskState.UNSPECIFIED
    """UNSPECIFIED: any."""
    updated_after: datetime | None = None
    """Of the status, with a time zone."""
    page_size: int = 50
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Tasks from the one whose status is newest to the oldest; equal times by id."""

    tasks: Sequence[Task]
    next_page_token: str
    """Empty on the last page."""
    total: int
    """Of all pages."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something for the gateway that owns a task: a message of its caller, or to cancel it."""

    id: int
    """Chosen by the store; commands come in this order."""
    task_id: str
    message: Message | None
    """None: cancel."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A push notification configuration with the version that its caller speaks."""

    config: TaskPushNotificationConfig
    version: str = "1.0"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much is kept. Tasks under way are never removed."""

    task_s: float
    """A terminal task, from its last status on."""
    waiting_task_s: float
    """A task that waits for its caller; it is FAILED first, which is the runtime's work."""
    event_s: float
    """An event that the snapshot already holds."""
    events_per_task: int
    """The newest so many events of a task are kept at most, once the snapshot holds the others."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a cleaning removed."""

    tasks: int = 0
    events: int = 0
    ids: Sequence[str] = field(default_factory=tuple[str, ...])
    """Of the tasks."""


class Store(Protocol):
    """Keeps owned tasks. Every method may raise StoreUnavailable.

    All methods are safe to be called by several tasks at once. Cancelling one leaves either all of
    its effect or none.
    """

    @property
    def secret(self) -> bytes:
        """32 random bytes that are this store's own for ever; known once it is open."""
        ...

    @property
    def poll_s(self) -> float:
        """How often a reader looks by itself for what other gateways wrote."""
        ...

    @property
    def subscriptions(self) -> "Subscriptions":
        """Webhooks of tasks that are not kept here, being relayed."""
        ...

    async def open(self) -> None:
        """Connects and migrates. Raises ConfigurationError where the URL or the schema is unusable."""
        ...

    async def close(self) -> None: ...

    # Tasks and events.

    async def create(self, record: Record, hooks: Sequence[Hook] = ()) -> None:
        """A new task with its push notification configurations; `record.owner` runs it in `record.epoch`.

        Raises ValueError where the id is taken.
        """
        ...

    async def load(self, task_id: str) -> Record | None: ...

    async def append(
        self, task_id: str, epoch: int, entries: Sequence[Entry], snapshot: Task | None = None, *, owned: bool = True
    ) -> bool:
        """Adds events, in one transaction with all else. Durable once it returns.

        `snapshot` is the task with all of `entries` folded in. It must be given whenever the state
        or the history changes; else the store may do without. `owned=False` gives the task back: no
        gateway runs it from now on. That is refused, and all else done, while a command waits for a
        task that is not over: its owner carries the command out first. Whether it was given back.
        Raises Fenced unless `epoch` is the task's.
        """
        ...

    async def events(self, task_id: str, after: int, limit: int) -> Sequence[Entry]:
        """Up to `limit` events with `seq > after`, oldest first. Empty where there is none (yet)."""
        ...

    async def list(self, query: Query) -> Page:
        """Raises ValueError for a page token that is not of this store or of another query."""
        ...

    async def prune(self, retention: Retention, limit: int) -> Pruned:
        """Removes at most `limit` tasks and `limit` events that are over their time, with all that hangs on them."""
        ...

    # Several gateways.

    async def beat(self, gateway: str, lease_s: float) -> None:
        """Says that a gateway is alive, for so long by the database's clock."""
        ...

    async def leave(self, gateway: str) -> None:
        """The gateway is no more: what it still owns is an orphan at once."""
        ...

    async def claim(self, task_id: str, gateway: str, *, own: bool = False) -> Record | None:
        """Takes a task that nobody owns, or whose owner's lease is over; its epoch is one higher.

        `own`: one that is this gateway's already, too. None where there is no such task, or somebody
        has it.
        """
        ...

    async def claim_orphans(self, gateway: str, limit: int) -> Sequence[Record]:
        """Claims tasks of other gateways that have left or let their lease run out."""
        ...

    async def owned(self, gateway: str) -> Sequence[str]:
        """Ids of all that a gateway owns."""
        ...

    async def waiting_since(self, before: datetime, limit: int) -> Sequence[str]:
        """Ids of tasks that are not over, that nobody owns, and to which nothing has happened since."""
        ...

    async def remove(self, task_id: str, epoch: int) -> None:
        """Removes a claimed task with all that hangs on it. Does nothing unless `epoch` is the task's."""
        ...

    async def tell(self, task_id: str, message: Message | None) -> bool:
        """Leaves a command for the task's owner; False where the task has none (any more)."""
        ...

    async def commands(self, gateway: str, limit: int) -> Sequence[Command]:
        """Takes the commands for what this gateway owns, oldest first: each is given once, to one gateway."""
        ...

    def watch(self, on_task: Callable[[str], None], on_command: Callable[[], None]) -> None:
        """Calls back, on the event loop, when another gateway changed a task or left a command.

        A task changes by its events and by its push notification configurations.

        Called once, before `open`. Where the database cannot tell, nothing is called and readers
        poll. After a connection was lost and made again, `on_command` and `on_task("")` (any task)
        are called.
        """
        ...

    # Push notification configurations; they go with their task.

    async def put_hook(self, task_id: str, hook: Hook) -> None:
        """Adds or replaces the one of the same `config.id`. Raises ValueError where there is no such task."""
        ...

    async def hooks(self, task_id: str) -> Sequence[Hook]:
        """In the order in which they were made."""
        ...

    async def delete_hook(self, task_id: str, hook_id: str) -> bool: ...
