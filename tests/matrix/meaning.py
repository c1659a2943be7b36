"""What crosses the gateway, in words that belong to no binding: what an agent does, was asked, and a caller hears.

Requests, results and details are ProtoJSON of A2A 1.0 in its canonical spelling, so that equal meanings are equal
values on every edge.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from protobuf import Message
from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail

from gateway.errors import ErrorKind
from generated.google.rpc import error_details_pb as google_rpc
from tests.fakes.events import Json, from_wire, to_wire

HeaderValue = str | bytes
"""Bytes for a name that ends in `-bin`."""

PREFIX = "type.googleapis.com/"
_DETAILS: Mapping[str, type[Message]] = {
    f"{PREFIX}google.rpc.{shape.__name__}": shape
    for shape in (google_rpc.ErrorInfo, google_rpc.BadRequest, google_rpc.RetryInfo, google_rpc.Help)
}


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

    results: tuple[Json, ...] = ()
    failure: Failure | None = None
    extensions: tuple[str, ...] = ()
    """Those that it says it activated."""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What an agent was asked. `headers` are those of HTTP or the metadata of gRPC, by lower-case name."""

    operation: str
    request: Json
    headers: Mapping[str, HeaderValue]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a caller got."""

    results: tuple[Json, ...]
    failure: Failure | None = None
    extensions: tuple[str, ...] = ()


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
