"""An event-stream parser of its own, after the WHATWG rules, so that no parser is judged by itself.

Feed it bytes in any pieces. An event without a blank line after it is discarded, a comment is kept
aside, an event whose data is empty is not dispatched. It bounds nothing and decodes no JSON.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One dispatched event."""

    data: str
    name: str = "message"
    last_id: str = ""


@dataclass(slots=True)
class SseReader:
    """The interpretation of one stream."""

    comments: list[str] = field(default_factory=list[str])
    retry_ms: int | None = None
    last_id: str = ""
    _pending: bytes = b""
    _data: list[str] = field(default_factory=list[str])
    _name: str = ""
    _begun: bool = False

    def feed(self, piece: bytes) -> list[SseEvent]:
        """The events that this piece completes."""
        self._pending += piece
        if not self._begun:
            if len(self._pending) < 3 and b"\xef\xbb\xbf".startswith(self._pending):
                return []
            self._pending, self._begun = self._pending.removeprefix(b"\xef\xbb\xbf"), True
        completed: list[SseEvent] = []
        while (line := self._line()) is not None:
            if (event := self._take(line)) is not None:
                completed.append(event)
        return completed

    def _line(self) -> str | None:
        """The next line; a CR at the very end waits, as an LF may follow."""
        ends = [at for at in (self._pending.find(b"\r"), self._pending.find(b"\n")) if at >= 0]
        if not ends:
            return None
        end = min(ends)
        if self._pending[end] == 0x0D and end + 1 == len(self._pending):
            return None
        width = 2 if self._pending[end : end + 2] == b"\r\n" else 1
        line, self._pending = self._pending[:end], self._pending[end + width :]
        return line.decode("utf-8", "replace")

    def _take(self, line: str) -> SseEvent | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments.append(line[1:])
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry_ms = int(value)
            case _:
                pass
        return None

    def _dispatch(self) -> SseEvent | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        if not data:
            return None
        return SseEvent("\n".join(data), name or "message", self.last_id)
