"""What crosses the gateway, in words that belong to no binding: what an agent does, was asked, and a caller hears.

What is said stands in tables once for each of the three spellings of A2A, literally. Messages are compared in the
canonical JSON of their spelling, so that equal meanings are equal values on every edge of it.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import cast

from protobuf import Message
from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail

from gateway.errors import ErrorKind
from gateway.operations import Operation
from generated.google.rpc import error_details_pb as google_rpc
from tests.fakes.events import Json, JsonValue, from_wire, to_wire

HeaderValue = str | bytes
"""Bytes for a name that ends in `-bin`."""

PREFIX = "type.googleapis.com/"
_DETAILS: Mapping[str, type[Message]] = {
    f"{PREFIX}google.rpc.{shape.__name__}": shape
    for shape in (google_rpc.ErrorInfo, google_rpc.BadRequest, google_rpc.RetryInfo, google_rpc.Help)
}


class Spelling(Enum):
    """How messages are written, whatever carries them."""

    NEW = "1.0"
    """ProtoJSON of `lf.a2a.v1`."""
    DIALECT = "0.3 on JSON-RPC"
    """JSON with a `kind` in everything."""
    PROTO = "0.3 elsewhere"
    """ProtoJSON of `a2a.v1`."""


@dataclass(frozen=True, slots=True)
class Spelled:
    """One thing as each spelling writes it."""

    new: JsonValue
    dialect: JsonValue
    proto: JsonValue

    def __getitem__(self, spelling: Spelling) -> JsonValue:
        return getattr(self, spelling.name.lower())


@dataclass(frozen=True, slots=True)
class Language:
    """A spelling with what its version calls things beside messages."""

    spelling: Spelling
    version: str
    """As `A2A-Version` gives it."""
    extensions: str
    """The header that lists extensions."""
    shapes: Mapping[Operation, tuple[type[Message], type[Message]]] | None
    """Request and result of its operations; None where they are plain JSON."""
    plain: frozenset[Operation] = frozenset()
    """Operations whose results are in the dialect all the same."""

    def spelling_of(self, operation: Operation) -> Spelling:
        """How it writes results."""
        return Spelling.DIALECT if operation in self.plain else self.spelling

    def wire_request(self, operation: Operation, value: JsonValue) -> bytes:
        return to_wire(self._shapes(operation)[0], cast(Json, value))

    def wire_result(self, operation: Operation, value: JsonValue) -> bytes:
        return to_wire(self._shapes(operation)[1], cast(Json, value))

    def request_of(self, operation: Operation, wire: bytes) -> JsonValue:
        return from_wire(self._shapes(operation)[0], wire)

    def result_of(self, operation: Operation, wire: bytes) -> JsonValue:
        return from_wire(self._shapes(operation)[1], wire)

    def request(self, operation: Operation, value: JsonValue) -> JsonValue:
        """The one JSON of a request. ValueError for what is none."""
        return value if self.shapes is None else canonical(self.shapes[operation][0], cast(Json, value))

    def result(self, operation: Operation, value: JsonValue) -> JsonValue:
        """The one JSON of a result. ValueError for what is none."""
        plain = self.shapes is None or operation in self.plain
        return value if plain else canonical(self._shapes(operation)[1], cast(Json, value))

    def _shapes(self, operation: Operation) -> tuple[type[Message], type[Message]]:
        assert self.shapes is not None, "it has no wire format"
        return self.shapes[operation]


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it stands on one binding, whose own `code` it has."""

    code: int | str
    message: str
    details: tuple[Json, ...] = ()

    @property
    def reason(self) -> str | None:
        """What identifies it."""
        return next((str(detail["reason"]) for detail in self.details if "reason" in detail), None)


@dataclass(frozen=True, slots=True)
class Play:
    """What an agent does when it is asked: it gives results, and then ends well or fails.

    `silent` leaves the caller without an answer until it goes away.
    """

    results: tuple[Spelled, ...] = ()
    failure: Failure | None = None
    extensions: tuple[str, ...] = ()
    """Those that it says it activated."""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What an agent was asked, in its spelling. `headers` are HTTP's or gRPC's metadata, by lower-case name."""

    operation: Operation
    request: JsonValue
    headers: Mapping[str, HeaderValue]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a caller got, in its spelling."""

    results: tuple[JsonValue, ...]
    failure: Failure | None = None
    extensions: tuple[str, ...] = ()
    version: str | None = field(default=None, compare=False)
    """What the answer says it is written in."""


def canonical(shape: type[Message], value: Json) -> Json:
    """The one spelling of a message. ValueError for what is none."""
    return from_wire(shape, to_wire(shape, value))


def error_info(kind: ErrorKind, **metadata: str) -> Json:
    """The detail that identifies an error."""
    about: Json = {"metadata": dict(metadata)} if metadata else {}
    return {"@type": f"{PREFIX}google.rpc.ErrorInfo", "reason": kind.reason, "domain": kind.row.domain, **about}


def pack(detail: Json) -> PackedDetail:
    """A detail as gRPC carries it."""
    type_url = str(detail["@type"])
    body = {name: value for name, value in detail.items() if name != "@type"}
    if shape := _DETAILS.get(type_url):
        return PackedDetail(type_url=type_url, value=to_wire(shape, body))
    return PackedDetail(type_url=type_url, value=base64.b64decode(str(body["value"])))


def unpack(packed: PackedDetail) -> Json:
    """The detail in its JSON form; of an unknown type, its bytes in base64."""
    if shape := _DETAILS.get(packed.type_url):
        return {"@type": packed.type_url, **from_wire(shape, packed.value)}
    return {"@type": packed.type_url, "value": base64.b64encode(packed.value).decode()}
