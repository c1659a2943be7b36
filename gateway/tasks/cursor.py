"""A cursor names a point in a task's log, for a caller to come back with. PURE.

It is `TAG-EPOCH-SEQ`. The tag binds it to its task and its store without naming either, so a cursor
of another task, another store or of nobody's making is merely unknown.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import Enum

from gateway.codec.malformed import Malformed
from generated.a2a.v1.a2a_pb import AgentExtension

RESUME_URI = "urn:a2a-gateway:extension:resume:v1"
"""The extension under which events and gaps say their cursors; `docs/resume.md` is its specification."""

_CURSOR = re.compile(r"([a-z2-7]{16})-(0|[1-9]\d{0,17})-(0|[1-9]\d{0,17})")
_MAX_CHARS = 64


def declaration() -> AgentExtension:
    """What an agent card says of the extension."""
    return AgentExtension(
        uri=RESUME_URI, description="Streams can be resumed from a cursor; a gap is announced, never silent."
    )


@dataclass(frozen=True, slots=True)
class Point:
    """Where in a log: after the event `seq` that was written in `epoch`; 0 is before the first."""

    epoch: int
    seq: int


class GapReason(Enum):
    """Why a stream does not go on where its caller left it."""

    UNKNOWN = "unknown"
    """The cursor is not of this task, not of this store, or names an event that was lost with its gateway."""
    EXPIRED = "expired"
    """The events after it are no longer kept."""
    UPSTREAM = "upstream"
    """The agent's own stream had broken; what is here was made up from the task as the agent gave it after that."""


class Cursors:
    """Writes and reads the cursors of one task."""

    def __init__(self, secret: bytes, task_id: str) -> None:
        digest = hmac.digest(secret, task_id.encode("utf-8", "surrogatepass"), hashlib.sha256)
        self._tag = base64.b32encode(digest[:10]).decode().lower()

    def write(self, epoch: int, seq: int) -> str:
        return f"{self._tag}-{epoch}-{seq}"

    def read(self, text: str) -> Point | None:
        """The point; None where the cursor is of another task or store. Raises Malformed for what is no cursor."""
        match = _CURSOR.fullmatch(text) if len(text) <= _MAX_CHARS else None
        if match is None:
            raise Malformed("not a cursor of this gateway")
        if not hmac.compare_digest(match[1], self._tag):
            return None
        return Point(int(match[2]), int(match[3]))
