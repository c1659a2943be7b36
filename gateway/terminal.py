"""How the client verbs show what they get.

For a person, text goes to stdout as it comes, each piece of it once, and everything about it to
stderr; for a machine, stdout gets one JSON text a line.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, cast

from protobuf import Message as ProtoMessage
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value
from rich.console import Console

from gateway.codec import protojson
from gateway.codec.freeform import whole_numbers
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.deltas.changes import (
    ArtifactDelta,
    ArtifactReplaced,
    Change,
    Gap,
    MessageAbandoned,
    MessageReplaced,
    PartAdded,
    StatusChanged,
    TextDelta,
)
from gateway.deltas.client import Client
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    Artifact,
    ListTasksResponse,
    Message,
    Part,
    SendMessageResponse,
    StreamResponse,
    Task,
    TaskState,
)


class Screen(Protocol):
    """Where answers are shown."""

    def answer(self, answer: ProtoMessage) -> None:
        """Shows an answer, or one event of a stream."""
        ...

    def end(self) -> None:
        """There is nothing more to show."""
        ...


class Machine:
    """One JSON text a line."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def answer(self, answer: ProtoMessage) -> None:
        sys.stdout.buffer.write(protojson.encode(answer, self._bounds) + b"\n")
        sys.stdout.flush()

    def end(self) -> None:
        pass


class _Subject(NamedTuple):
    """Whose text it is: text of another one begins on a line of its own."""

    kind: str
    id: str


@dataclass(slots=True)
class Person:
    """Text on stdout as it comes, the rest on stderr."""

    _notes: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, emoji=False))
    _in_line: bool = False
    _reader: Client = field(default_factory=Client)
    _subject: _Subject | None = None
    _shown: dict[_Subject, list[str]] = field(default_factory=dict[_Subject, list[str]])
    """What was shown of artifacts, and of messages, in pieces."""

    def answer(self, answer: ProtoMessage) -> None:
        match answer:
            case StreamResponse():
                for change in self._reader.feed(answer):
                    self._change(change)
            case SendMessageResponse(payload=Oneof(value=value)):
                self.answer(value)
            case Task():
                self.answer(StreamResponse(payload=Oneof("task", answer)))
            case Message():
                self.answer(StreamResponse(payload=Oneof("message", answer)))
            case ListTasksResponse():
                for task in answer.tasks:
                    state = task.status.state if task.status else None
                    self._note(f"{task.id}  {_named(state)}  context {task.context_id}")
                self._note(f"{len(answer.tasks)} of {answer.total_size} tasks")
                if answer.next_page_token:
                    self._note(f"more: --page-token {answer.next_page_token}")
            case AgentCard():
                self._card(answer)
            case _:
                self._write(answer.to_json() + "\n")

    def end(self) -> None:
        if self._in_line:
            self._write("\n")

    def _change(self, change: Change) -> None:
        match change:
            case TextDelta(message_id=id, text=text):
                self._more(_Subject("message", id), [Part(content=Oneof("text", text))])
            case PartAdded(message_id=id, part=part):
                self._more(_Subject("message", id), [part])
            case MessageReplaced(message_id=id, parts=parts):
                self._whole(_Subject("message", id), parts)
            case Gap():
                self._note("something of this message was lost; it comes whole when it is complete")
            case MessageAbandoned():
                self._note("this message was not finished")
            case ArtifactDelta(artifact_id=id, parts=parts):
                self._more(_Subject("artifact", id), parts)
            case ArtifactReplaced(artifact=Artifact() as artifact):
                self._whole(_Subject("artifact", artifact.artifact_id), artifact.parts)
            case StatusChanged(task_id=task_id, state=state):
                self._note(f"task {task_id} {_named(state)}")
            case _:
                pass

    def _more(self, subject: _Subject, parts: Sequence[Part]) -> None:
        if subject != self._subject and self._in_line:
            self._write("\n")
        self._subject = subject
        shown = self._shown.setdefault(subject, [])
        for part in parts:
            shown.append(_spelled(part))
            self._part(part)

    def _whole(self, subject: _Subject, parts: Sequence[Part]) -> None:
        """What was not shown of it yet; all of it where it is another than was shown."""
        shown, wanted = "".join(self._shown.get(subject, ())), "".join(map(_spelled, parts))
        if wanted == shown:
            return
        if shown and not wanted.startswith(shown):
            self._note(f"this {subject.kind} was changed:")
            shown = ""
        self._shown[subject] = [shown]
        for part in parts:
            spelled = _spelled(part)
            known, shown = shown[: len(spelled)], shown[len(spelled) :]
            if known != spelled:
                self._more(subject, [_behind(part, len(known))])

    def _part(self, part: Part) -> None:
        match part.content:
            case Oneof(field="text", value=str(text)):
                self._write(text)
            case Oneof(field="raw", value=bytes(raw)):
                self._note(f"file {part.filename or '(unnamed)'} {part.media_type} {len(raw)} bytes")
            case Oneof(field="url", value=str(url)):
                self._note(f"file {part.filename or '(unnamed)'} {part.media_type} at {url}")
            case Oneof(field="data", value=Value() as value):
                shown = whole_numbers(cast(JsonValue, value.to_python()))
                self._write(json.dumps(shown, ensure_ascii=False, indent=2) + "\n")
            case _:
                pass

    def _card(self, card: AgentCard) -> None:
        self._write(f"{card.name} {card.version}\n{card.description}\n")
        for interface in card.supported_interfaces:
            tenant = f" tenant {interface.tenant}" if interface.tenant else ""
            self._write(f"  {interface.protocol_binding} {interface.protocol_version}  {interface.url}{tenant}\n")
        for skill in card.skills:
            self._write(f"  skill {skill.id}: {skill.description}\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        sys.stdout.write(plain(text))
        sys.stdout.flush()
        self._in_line = not text.endswith("\n")

    def _note(self, text: str) -> None:
        if self._in_line:
            self._write("\n")
        self._notes.print(plain(text), style="dim", markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text without control characters: what an agent says must not steer the terminal."""
    return "".join(char if char in "\n\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _named(state: TaskState | None) -> str:
    return state.name.lower().replace("_", "-") if state is not None else "unknown"


def _spelled(part: Part) -> str:
    """What tells one part from another: its text, or the whole of what is no text."""
    match part.content:
        case Oneof(field="text", value=str(text)):
            return text
        case _:
            return f"\0{part.to_json()}\0"


def _behind(part: Part, start: int) -> Part:
    """A text part without its beginning; another one whole."""
    match part.content:
        case Oneof(field="text", value=str(text)):
            return Part(content=Oneof("text", text[start:]))
        case _:
            return part
