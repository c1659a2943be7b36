"""What a request asks of the agent, as a line of text in its message: an agent finds it without parsing anything.

And what an event says: a line of fixed width with the stream, the number and the moment of sending.
"""

import re
import time
from dataclasses import dataclass
from enum import StrEnum

FILLER = b"the quick brown fox jumps"
"""About four tokens: as much as a stream of a language model carries in an event."""


class Kind(StrEnum):
    """What the agent does with a request."""

    ANSWER = "answer"
    """One message, at once; also to a unary call."""
    BRIEF = "brief"
    """Opens the stream and sends every event and the end at once."""
    BURST = "burst"
    """Opens the stream; when told to go, sends everything as fast as it is taken."""
    PACED = "paced"
    """Opens the stream; when told to go, sends one event after the other at the rate that it was told."""
    HOLD = "hold"
    """Opens the stream and stays silent."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One request. `stream` tells the requests of a run apart; for ANSWER, `events` is the number of the call."""

    kind: Kind
    events: int
    stream: int

    @property
    def text(self) -> str:
        return f"plan {self.kind} events={self.events:08d} stream={self.stream:05d}"


_PLAN = re.compile(rb"plan ([a-z]+) events=(\d{8}) stream=(\d{5})")


def plan_in(request: bytes) -> Plan | None:
    """The plan somewhere in the bytes of a request."""
    match = _PLAN.search(request)
    return match and Plan(Kind(match[1].decode()), int(match[2]), int(match[3]))


def event_text(stream: int, number: int, sent_us: int = 0) -> bytes:
    """The text of an event; events of a burst bear no time."""
    return b"s%05d e%08d t%016d %s" % (stream, number, sent_us, FILLER)


EVENT_TEXT = re.compile(rf"s(\d{{5}}) e(\d{{8}}) t(\d{{16}}) {FILLER.decode()}")


def now_us() -> int:
    """Microseconds on the one monotonic clock that all processes of a machine read."""
    return time.monotonic_ns() // 1000
