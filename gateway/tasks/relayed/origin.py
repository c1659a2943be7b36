"""Where a recorded task comes from: its key in the store, and what a gateway needs to read it from its agent.

Credentials are no part of it: they are kept in memory, for as long as the task is read here. A gateway
that takes a task over has the agent's configured headers, until a caller of its own comes.
"""

import json
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, replace

from gateway.agent import CallContext
from gateway.tasks.cursor import RESUME_URI
from gateway.tasks.following import CURSOR
from generated.a2a.v1.a2a_pb import Task

_SAY_NOTHING = frozenset({"traceparent", "tracestate", "baggage", CURSOR})
"""Headers that do not say who calls."""


def key_of(agent: str, task_id: str) -> str:
    """The id under which the store has an agent's task; names of agents have no slash."""
    return f"{agent}/{task_id}"


def renamed(task: Task, task_id: str) -> Task:
    """The task under another id; the given one stays as it is."""
    named = copy(task)
    named.id = task_id
    return named


def as_the_agent_has_it(task: Task) -> Task:
    """A task of the store under its agent's own id."""
    return renamed(task, task.id.partition("/")[2])


@dataclass(frozen=True, slots=True)
class Origin:
    """What the store keeps for a successor."""

    extensions: tuple[str, ...] = ()
    """URIs that the task's first caller asked the agent for."""
    guarded: bool = True
    """Whether that caller showed credentials; then the agent is asked before anyone else reads the task."""

    def to_bytes(self) -> bytes:
        return json.dumps({"extensions": self.extensions, "guarded": self.guarded}).encode()

    @classmethod
    def from_bytes(cls, request: bytes) -> "Origin":
        kept = json.loads(request)
        return cls(tuple(kept["extensions"]), bool(kept["guarded"]))


def credentials(headers: Mapping[str, str], replaced: Iterable[str]) -> Mapping[str, str]:
    """Of a caller's headers, those by which the agent may tell it from others."""
    silent = _SAY_NOTHING.union(name.lower() for name in replaced)
    return {name: value for name, value in headers.items() if name not in silent}


def upstream(context: CallContext) -> CallContext:
    """A caller's context as the gateway reads for it and for others: without its deadline, cursor and marks."""
    return replace(
        context,
        deadline=None,
        headers={name: value for name, value in context.headers.items() if name != CURSOR},
        extensions=tuple(uri for uri in context.extensions if uri != RESUME_URI),
    )
