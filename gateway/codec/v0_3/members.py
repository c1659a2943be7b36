"""How the JSON of 0.3 and the ProtoJSON of 1.0 are made of one another, as data.

A `Rule` says how one kind of value is read and written; a `Shape` is the rule for an object: its
members, by both their names. Reading holds the input to what `shape.check_message` asks of 1.0
(names given once, types, bounds, members that nobody knows ignored) and refuses with the path in
the 0.3 value, so that what comes out is always good ProtoJSON. Nothing of the input is changed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from protobuf import ScalarType

from gateway.codec.freeform import within
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.shape import SCALARS, WELL_KNOWN, Check
from gateway.codec.v0_3.choices import Choices

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reader needs beside the value."""

    bounds: Bounds
    choices: Choices


class Rule(Protocol):
    """How one kind of value is read (0.3 to 1.0) and written (1.0 to 0.3)."""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        """None stands for absent. Raises Malformed."""
        ...

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        """None stands for absent."""
        ...

    def empty(self, choices: Choices) -> JsonValue:
        """What is written where 0.3 demands a value and 1.0 has none."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is the same in both."""

    check: Check
    nothing: JsonValue = ""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        self.check(value, terms.bounds)
        return value

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return value

    def empty(self, choices: Choices) -> JsonValue:
        return self.nothing


TEXT = Leaf(SCALARS[ScalarType.STRING])
FLAG = Leaf(SCALARS[ScalarType.BOOL], False)
NUMBER = Leaf(SCALARS[ScalarType.INT32], 0)
BASE64 = Leaf(SCALARS[ScalarType.BYTES])
STRUCT = Leaf(WELL_KNOWN["google.protobuf.Struct"])


@dataclass(frozen=True, slots=True)
class Names:
    """An enum, by its 0.3 name; `others` is what 0.3 calls everything that it does not know."""

    by_old: Mapping[str, str]
    others: str

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        if not isinstance(value, str) or value not in self.by_old:
            raise Malformed(f"expected one of {', '.join(self.by_old)}")
        return self.by_old[value]

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return next((old for old, new in self.by_old.items() if new == value), self.others)

    def empty(self, choices: Choices) -> JsonValue:
        return self.others


@dataclass(frozen=True, slots=True)
class Each:
    """A list."""

    rule: Rule

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        if not isinstance(value, list):
            raise Malformed("expected a list")
        made: list[JsonValue] = []
        for index, item in enumerate(value):
            try:
                made.append(self.rule.read(item, terms))
            except Malformed as error:
                raise within(index, error) from None
        return made

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return [self.rule.write(item, choices) for item in value] if isinstance(value, list) else []

    def empty(self, choices: Choices) -> JsonValue:
        return []


@dataclass(frozen=True, slots=True)
class EachNamed:
    """An object whose names are data; what 0.3 has no form for is left out."""

    rule: Rule

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        given = an_object(value)
        return {name: read_member(self.rule, name, member, terms) for name, member in given.items()}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        members = value.items() if isinstance(value, dict) else ()
        written = {name: self.rule.write(member, choices) for name, member in members}
        return {name: member for name, member in written.items() if member is not None}

    def empty(self, choices: Choices) -> JsonValue:
        return {}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object."""

    old: str
    rule: Rule
    new: str = ""
    """Its name in 1.0, where it is another."""
    demanded: bool = False
    """Whether 0.3 demands it: it is always written."""
    needed: bool = False
    """Whether the object means nothing without it: reading refuses its absence."""


Reshape = Callable[[JsonObject, Choices], None]
"""Moves members about, in place, where an object has another make in the other version."""


class Shape:
    """An object with these members.

    `kind` is the value of its discriminator: written always, and held against what is read if that
    names one. `reading` reshapes what was read; `writing` the ProtoJSON that is to be written.
    """

    def __init__(
        self,
        *members: Member,
        kind: str | None = None,
        discriminator: str = "kind",
        reading: Reshape | None = None,
        writing: Reshape | None = None,
    ) -> None:
        self.members = members
        self._kind = kind
        self._discriminator = discriminator
        self._reading = reading
        self._writing = writing
        self._by_name = {name: member for member in members for name in (member.old, _snake(member.old))}

    def read(self, value: JsonValue, terms: Terms) -> JsonObject:
        given = an_object(value)
        self._check_kind(given.get(self._discriminator))
        seen: dict[str, str] = {}
        made: JsonObject = {}
        for name, content in given.items():
            member = self._by_name.get(name)
            if member is None or content is None:
                continue
            if (other := seen.get(member.old)) is not None:
                raise Malformed(f"{other!r} and {name!r} exclude each other")
            seen[member.old] = name
            read = read_member(member.rule, name, content, terms)
            if read is not None:
                made[member.new or member.old] = read
        for member in self.members:
            if member.needed and member.old not in seen:
                raise Malformed("is required", member.old)
        if self._reading:
            self._reading(made, terms.choices)
        return made

    def write(self, value: JsonValue, choices: Choices) -> JsonObject:
        given = dict(value) if isinstance(value, dict) else {}
        if self._writing:
            self._writing(given, choices)
        made: JsonObject = {} if self._kind is None else {self._discriminator: self._kind}
        for member in self.members:
            content = given.get(member.new or member.old)
            written = None if content is None else member.rule.write(content, choices)
            if written is None and member.demanded:
                written = member.rule.empty(choices)
            if written is not None:
                made[member.old] = written
        return made

    def empty(self, choices: Choices) -> JsonValue:
        return self.write({}, choices)

    def _check_kind(self, kind: JsonValue) -> None:
        if self._kind is not None and kind is not None and kind != self._kind:
            raise Malformed(f"expected {self._kind!r}", self._discriminator)


def an_object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise Malformed("expected an object")
    return value


def read_member(rule: Rule, name: str, value: JsonValue, terms: Terms) -> JsonValue:
    try:
        return rule.read(value, terms)
    except Malformed as error:
        raise within(name, error) from None


def plain(rule: Rule, *names: str) -> Iterable[Member]:
    """Members of one kind that are called alike."""
    return (Member(name, rule) for name in names)


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
