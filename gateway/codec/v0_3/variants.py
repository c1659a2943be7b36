"""Objects that are one of several, as a rule of `members`."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.members import JsonObject, Shape, Terms, an_object


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the objects that a value may be."""

    kind: str
    new: str
    """The member of 1.0 that holds it."""
    shape: Shape
    tell: str
    """A member that tells it, for those who leave the discriminator out, as the Python SDK allows."""


class OneOf:
    """An object that is one of several, told by its discriminator; in 1.0 the one member of a wrapper."""

    def __init__(self, *variants: Variant, discriminator: str = "kind") -> None:
        self._variants = variants
        self._discriminator = discriminator

    def read(self, value: JsonValue, terms: Terms) -> JsonObject:
        given = an_object(value)
        variant = self._told(given)
        return {variant.new: variant.shape.read(given, terms)}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        given = value if isinstance(value, dict) else {}
        found = (one for one in self._variants if one.new in given)
        return next((one.shape.write(given[one.new], choices) for one in found), None)

    def empty(self, choices: Choices) -> JsonValue:
        return None

    def _told(self, given: Mapping[str, JsonValue]) -> Variant:
        kind = given.get(self._discriminator)
        for variant in self._variants:
            if kind == variant.kind or (kind is None and given.get(variant.tell) is not None):
                return variant
        kinds = ", ".join(variant.kind for variant in self._variants)
        raise Malformed(f"expected one of {kinds}", self._discriminator)
