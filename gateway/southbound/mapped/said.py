"""What a caller's message says to a mapped service: which skill, what content, and whether it is the last. Pure."""

import base64
from dataclasses import dataclass
from typing import cast

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value

from gateway.codec import protojson
from gateway.codec.freeform import whole_numbers
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.worker import Work
from generated.a2a.v1.a2a_pb import Message, Role, Task

SKILL, INPUT, END = "skill", "input", "end"
"""Members of `message.metadata`, and of a data part that says the same."""

_ABOUT = frozenset({SKILL, INPUT, END})


@dataclass(frozen=True, slots=True)
class Said:
    """A message, taken apart."""

    message: Message
    skill: str
    """The id of the skill that it names; empty for none."""
    text: str | None
    data: JsonValue
    files: tuple[JsonValue, ...]
    ends: bool
    """It says that no message follows."""

    @property
    def empty(self) -> bool:
        """It carries nothing for the service."""
        return not self.text and self.data is None and not self.files


@dataclass(frozen=True, slots=True)
class Viewer:
    """Shows messages to expressions; what none of them asks for is not made."""

    work: Work
    bounds: Bounds
    members: frozenset[str]

    def view(self, said: Said) -> JsonValue:
        shown: dict[str, JsonValue] = {"text": said.text, "data": said.data, "files": list(said.files)}
        if self._wanted("metadata"):
            shown["metadata"] = {**self.work.metadata, **metadata_of(said.message)}
        if self._wanted("message"):
            shown["message"] = protojson.to_value(said.message, self.bounds)
        if self._wanted("task"):
            shown["task"] = protojson.to_value(self.work.task, self.bounds)
        return shown

    def _wanted(self, member: str) -> bool:
        return member in self.members or "@" in self.members


def said(message: Message, *, many: bool = False) -> Said:
    """A message, taken apart; `many`: to a method that takes several of them, and so has a last one.

    A data part whose only members are `skill`, `input` and `end` speaks to the gateway, unless the
    metadata name a skill; its `input` is then the data. To a method that takes many, so does
    `{"end": true}` alone.
    """
    metadata = metadata_of(message)
    named = metadata.get(SKILL)
    skill = named if isinstance(named, str) else ""
    ends = metadata.get(END) is True
    texts: list[str] = []
    data: list[JsonValue] = []
    files: list[JsonValue] = []
    for part in message.parts:
        about: dict[str, JsonValue] = {"name": part.filename or None, "media_type": part.media_type or None}
        match part.content:
            case Oneof(field="text", value=str(text)):
                texts.append(text)
            case Oneof(field="raw", value=bytes(raw)):
                files.append({**about, "bytes": base64.b64encode(raw).decode(), "url": None})
            case Oneof(field="url", value=str(url)):
                files.append({**about, "bytes": None, "url": url})
            case Oneof(field="data", value=Value() as value):
                data.append(whole_numbers(cast(JsonValue, value.to_python())))
            case _:
                pass
    first = data[0] if data else None
    if not skill and isinstance(first, dict) and first.keys() <= _ABOUT and isinstance(first.get(SKILL), str):
        skill = cast(str, first[SKILL])
        ends = ends or first.get(END) is True
        first = first.get(INPUT)
    elif many and isinstance(first, dict) and first.keys() == {END} and isinstance(first[END], bool):
        ends = ends or first[END] is True
        first = None
    return Said(message, skill, "".join(texts) if texts else None, first, tuple(files), ends and many)


def skill_before(task: Task, message: Message, default: str) -> str:
    """The id of the skill that a task began with; empty where the message is its first."""
    before = [one for one in task.history if one.role == Role.USER and one.message_id != message.message_id]
    if not before:
        return ""
    return next((named for one in before if (named := said(one).skill)), default)


def metadata_of(message: Message) -> dict[str, JsonValue]:
    if message.metadata is None:
        return {}
    return cast(dict[str, JsonValue], whole_numbers(cast(JsonValue, message.metadata.to_python())))

