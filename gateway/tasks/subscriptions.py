"""The port to where webhooks of relayed tasks are kept, with what their agents have told of the tasks.

A subscription is a caller's webhook and stands for the gateway's own at the agent. What the agent
posts there is kept until it is delivered or given up: one gateway at a time holds a subscription and
delivers, and a lease says for how long it is believed to live.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, Protocol

from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import StreamResponse


@dataclass(frozen=True, slots=True)
class Subscription:
    """A caller's webhook for a task of a relayed agent."""

    id: str
    agent: str
    """The agent of the configuration that the task is at."""
    task_id: str
    """Empty until it is known: a configuration may come with the message that begins its task."""
    hook: Hook
    """The configuration as the caller gave it; its id is the agent's once that is known."""
    is_owed: bool = False
    """Something could not be delivered: the whole task is next."""


class Arrival(NamedTuple):
    """What an agent told of a task."""

    seq: int
    """Its place among all that came for the subscription, from 1."""
    response: StreamResponse


@dataclass(frozen=True, slots=True)
class Told:
    """What an agent tells, as it is received."""

    response: StreamResponse
    task_id: str
    digest: bytes
    """Of a notification that says nothing new if it comes again next; empty for any other."""
    is_last: bool
    """It tells of the task's end."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The gateway that would hold a subscription, and how long it is believed to live without a word."""

    gateway: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept, and how long."""

    waiting: int
    """Arrivals of one subscription."""
    silent_s: float
    """A subscription whose task has no end, after the last arrival."""
    ended_s: float
    """One whose task is over."""


class Receipt(Enum):
    """What became of a notification."""

    HELD = auto()
    """It is kept, and this gateway delivers it."""
    ELSEWHERE = auto()
    """It is kept, and the gateway that holds the subscription delivers it."""
    REPEATED = auto()
    """It says what the one before said."""
    UNKNOWN = auto()
    """There is no such subscription."""
    OTHER_TASK = auto()
    """It is about another task."""
    FULL = auto()
    """Too many wait."""


class Held(Enum):
    """What becomes of a subscription once its gateway has delivered what it saw."""

    MORE = auto()
    """More has come; it is still held."""
    RELEASED = auto()
    LOST = auto()
    """Another gateway holds it, or it is gone."""


class Subscriptions(Protocol):
    """Keeps webhooks of relayed tasks. Every method may raise StoreUnavailable; times are the database's."""

    async def add(self, subscription: Subscription, kept_s: float) -> None:
        """A new one, which is kept so long if nothing ever arrives."""
        ...

    async def get(self, id: str) -> Subscription | None: ...

    async def of_task(self, agent: str, task_id: str) -> Sequence[Subscription]:
        """Oldest first; none where the task is not known."""
        ...

    async def bind(self, id: str, task_id: str, config_id: str) -> None:
        """Says what the agent says of a subscription; an empty text says nothing, and a known task stays."""
        ...

    async def remove(self, id: str) -> None:
        """With all that has arrived."""
        ...

    async def receive(self, id: str, told: Told, holder: Holder, keeping: Keeping) -> Receipt:
        """Keeps a notification, and holds the subscription for `holder` where nobody does."""
        ...

    async def arrivals(self, id: str, after: int, limit: int) -> Sequence[Arrival]:
        """What waits, `seq > after`, oldest first."""
        ...

    async def delivered(self, id: str, gateway: str, seq: int, *, is_owed: bool) -> Held:
        """What waits up to `seq` is done with; where nothing more has come the subscription is released.

        `is_owed`: as a subscription has it from then on.
        """
        ...

    async def renew(self, holder: Holder, ids: Sequence[str]) -> None:
        """Of these, what a gateway holds it goes on holding."""
        ...

    async def release(self, gateway: str) -> None:
        """Whatever a gateway holds is free at once, for whoever claims it."""
        ...

    async def claim(self, holder: Holder, limit: int) -> Sequence[str]:
        """Takes subscriptions for which something waits and which no living gateway holds; their ids."""
        ...

    async def prune(self, limit: int) -> int:
        """Removes at most so many that are over their time and for which nothing waits; how many."""
        ...
