"""Messages of one version made of messages of the other, field by field, as the descriptors say.

A `Pair` names two message types and how their fields differ. A field that has no counterpart and is
not declared `lost` is an error when the table is made, so none is forgotten. What 0.3 cannot tell
from absent (an empty text, false, 0) is absent in 1.0. Free-form values and times are the same
objects on both sides; messages are not changed once they are made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescMessage,
    Message,
    Oneof,
)

from gateway.codec.freeform import within
from gateway.codec.malformed import Malformed
from gateway.codec.v0_3.choices import Choices

Convert = Callable[[Any, Choices], Any]  # Any: messages of the types that the table names, or values of their fields
Finish = Callable[[Any, Any, Choices], None]
"""Given a message and what its fields made, adds what is no matter of fields."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A message type of 1.0 and its counterpart in 0.3."""

    new: type[Message]
    old: type[Message]
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Fields of 1.0 by another name in 0.3."""
    lost: tuple[str, ...] = ()
    """Fields of 1.0 that 0.3 has no room for."""
    gone: tuple[str, ...] = ()
    """Fields of 0.3 that 1.0 has no room for."""
    to_v0_3: Finish | None = None
    from_v0_3: Finish | None = None


class Conversion:
    """One direction of a table: makes of a message its counterpart."""

    def __init__(self) -> None:
        self._by_type: dict[type[Message], Convert] = {}

    def __call__(self, message: Message, choices: Choices) -> Any:
        return self._by_type[type(message)](message, choices)

    def by_hand(self, source: type[Message], convert: Convert) -> None:
        """Takes a function for what is not a matter of fields and names."""
        self._by_type[source] = convert

    def by_fields(
        self,
        source: type[Message],
        target: type[Message],
        renamed: Mapping[str, str],
        lost: tuple[str, ...],
        finish: Finish | None,
    ) -> None:
        """Takes the fields as they are, but for their names."""
        fields = _by_fields(self, source, target, renamed, frozenset(lost))
        self._by_type[source] = _finished(fields, finish) if finish else fields


def converted(value: Any, name: str, convert: Callable[[Any, Choices], Any], choices: Choices) -> Any:
    """What becomes of the member `name`; a refusal gets its place in front."""
    try:
        return convert(value, choices)
    except Malformed as error:
        raise within(name, error) from None


def each(convert: Convert) -> Convert:
    def convert_each(values: list[Any], choices: Choices) -> list[Any]:
        made: list[Any] = []
        for index, value in enumerate(values):
            try:
                made.append(convert(value, choices))
            except Malformed as error:
                raise within(index, error) from None
        return made

    return convert_each


def _by_fields(
    conversion: Conversion,
    source: type[Message],
    target: type[Message],
    renamed: Mapping[str, str],
    lost: frozenset[str],
) -> Convert:
    wanted = {one.name: one for one in target.desc().fields}
    singles: list[tuple[str, str, str, Convert]] = []
    members: dict[str, tuple[str, str, Convert]] = {}
    for one in source.desc().fields:
        if one.name in lost:
            continue
        counterpart = wanted.get(renamed.get(one.name, one.name))
        if counterpart is None:
            raise TypeError(f"{source.desc().type_name}.{one.name} has no counterpart and is not declared lost")
        value = _value(conversion, one, counterpart)
        if getattr(one.value, "oneof", None) is None:
            singles.append((one.local_name, counterpart.local_name, one.json_name, value))
        else:
            members[one.local_name] = (counterpart.local_name, one.json_name, value)
    oneofs = tuple(
        (one.local_name, other.local_name)
        for one, other in zip(source.desc().oneofs, target.desc().oneofs, strict=True)
    )

    def convert(message: Message, choices: Choices) -> Message:
        made: dict[str, Any] = {}
        for name, target_name, json_name, value in singles:
            given = getattr(message, name)
            if given:  # a message is always true, a default never
                made[target_name] = converted(given, json_name, value, choices)
        for name, target_name in oneofs:
            chosen: Oneof[str, Any] | None = getattr(message, name)
            if chosen is not None and (member := members.get(chosen.field)):
                member_name, json_name, value = member
                made[target_name] = Oneof(member_name, converted(chosen.value, json_name, value, choices))
        return target(**made)

    return convert


def _finished(fields: Convert, finish: Finish) -> Convert:
    def convert(message: Message, choices: Choices) -> Message:
        made: Message = fields(message, choices)
        finish(message, made, choices)
        return made

    return convert


def _value(conversion: Conversion, source: DescField, target: DescField) -> Convert:
    match source.value, target.value:
        case DescFieldValueMessage(message=message), _:
            return _element(conversion, message, None)
        case DescFieldValueEnum(), DescFieldValueEnum(enum=enum):
            return _element(conversion, enum, enum)
        case DescFieldValueList(element=element), DescFieldValueList():
            return each(_element(conversion, element, None))
        case DescFieldValueMap(value=element), DescFieldValueMap():
            return _each_named(_element(conversion, element, None))
        case _:
            return _same


def _element(conversion: Conversion, element: object, enum: DescEnum | None) -> Convert:
    if enum is not None:
        return lambda value, choices: enum.type(value)
    if isinstance(element, DescMessage) and not element.type_name.startswith("google.protobuf."):
        return conversion
    return _same


def _same(value: Any, choices: Choices) -> Any:
    return value


def _each_named(convert: Convert) -> Convert:
    def convert_each(values: dict[str, Any], choices: Choices) -> dict[str, Any]:
        return {name: converted(value, name, convert, choices) for name, value in values.items()}

    return convert_each
