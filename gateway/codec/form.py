"""A form: one way to write the messages of A2A, which is a version and a serialization.

Bindings carry forms: JSON-RPC and HTTP+JSON carry JSON, gRPC carries the wire format. Everything
that a version changes about a message is in its forms, so no binding has to know of versions.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from protobuf import Message

from gateway.codec import protojson, wire
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3.choices import Choices
from gateway.operations import Operation
from generated.a2a.v1.a2a_pb import StreamResponse

Raw_contra = TypeVar("Raw_contra", contravariant=True)
"""What a form reads: a parsed JSON value, or the bytes of a protobuf message."""


class Form(Protocol[Raw_contra]):
    """Reads and writes messages; reading raises Malformed, writing raises it for what is too large."""

    @property
    def version(self) -> str:
        """Major.Minor of A2A."""
        ...

    def read_request(self, operation: Operation, raw: Raw_contra, bounds: Bounds) -> Message: ...

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes: ...

    def read_answer(self, operation: Operation, raw: Raw_contra, bounds: Bounds) -> Message: ...

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes: ...

    def read_event(self, raw: Raw_contra, bounds: Bounds) -> StreamResponse: ...

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes: ...


class Json10:
    """A2A 1.0 as ProtoJSON, on JSON-RPC and on HTTP+JSON alike."""

    version = "1.0"

    def read_request(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        return protojson.from_value(operation.request, raw, bounds)

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes:
        return protojson.encode(request, bounds)

    def read_answer(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        # Some agents answer null, or nothing, when they have deleted something.
        value = {} if raw is None and operation.answers_nothing else raw
        return protojson.from_value(operation.response, value, bounds)

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes:
        return protojson.encode(answer, bounds)

    def read_event(self, raw: JsonValue, bounds: Bounds) -> StreamResponse:
        return protojson.from_value(StreamResponse, raw, bounds)

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes:
        return protojson.encode(event, bounds)


class Wire10:
    """A2A 1.0 in the protobuf wire format."""

    version = "1.0"

    def read_request(self, operation: Operation, raw: bytes, bounds: Bounds) -> Message:
        return wire.decode(operation.request, raw, bounds)

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes:
        return wire.encode(request, bounds)

    def read_answer(self, operation: Operation, raw: bytes, bounds: Bounds) -> Message:
        return wire.decode(operation.response, raw, bounds)

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes:
        return wire.encode(answer, bounds)

    def read_event(self, raw: bytes, bounds: Bounds) -> StreamResponse:
        return wire.decode(StreamResponse, raw, bounds)

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes:
        return wire.encode(event, bounds)


JSON_1_0 = Json10()
WIRE_1_0 = Wire10()

FormOf = Callable[[Choices], Form[Raw_contra]]
"""The form for a peer that means the open points of 0.3 so; those of 1.0 leave none open."""


def json_1_0(choices: Choices) -> Json10:
    return JSON_1_0


def wire_1_0(choices: Choices) -> Wire10:
    return WIRE_1_0
