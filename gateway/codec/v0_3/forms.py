"""A2A 0.3 in its three forms: the JSON-RPC dialect, the wire format, and ProtoJSON for HTTP+JSON.

The last two carry the messages of `a2a.v1`, which are converted to and from those of 1.0.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from protobuf import Message

from gateway.codec import wire
from gateway.codec.jsontext import JsonValue, dump
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.rest import Route, most_specific_first
from gateway.codec.v0_3 import jsonrpc, rest
from gateway.codec.v0_3.cards import read_card, write_card
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.messages import from_v0_3, request_to_v0_3, to_v0_3
from gateway.codec.v0_3.methods import METHODS, VERSION
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1.a2a_pb import AgentCard, StreamResponse

ROUTES = most_specific_first(
    *(
        Route(method, path, row.operation, row.request.desc())
        for row in METHODS.values()
        for method, path in row.routes
    )
)
"""The routes of 0.3; of two for one operation, callers are sent to the first."""


@dataclass(frozen=True, slots=True)
class JsonRpc03:
    """The dialect of JSON-RPC: `kind`, lower-case states, bare results."""

    choices: Choices
    version: str = VERSION

    def read_request(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        return jsonrpc.read_request(operation, raw, bounds, self.choices)

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes:
        return _within(dump(jsonrpc.write_request(operation, request, self.choices)), bounds)

    def read_answer(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        return jsonrpc.read_result(operation, raw, bounds, self.choices)

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes:
        return _within(dump(jsonrpc.write_result(operation, answer, self.choices)), bounds)

    def read_event(self, raw: JsonValue, bounds: Bounds) -> StreamResponse:
        return jsonrpc.read_event(raw, bounds, self.choices)

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes:
        return _within(dump(jsonrpc.write_event(event, self.choices)), bounds)


@dataclass(frozen=True, slots=True)
class Wire03:
    """The wire format of `a2a.v1`."""

    choices: Choices
    version: str = VERSION

    def read_request(self, operation: Operation, raw: bytes, bounds: Bounds) -> Message:
        return from_v0_3(wire.decode(METHODS[operation].request, raw, bounds), self.choices)

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes:
        return wire.encode(request_to_v0_3(operation, request, self.choices), bounds)

    def read_answer(self, operation: Operation, raw: bytes, bounds: Bounds) -> Message:
        return from_v0_3(wire.decode(METHODS[operation].response, raw, bounds), self.choices)

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes:
        return wire.encode(to_v0_3(answer, self.choices), bounds)

    def read_event(self, raw: bytes, bounds: Bounds) -> StreamResponse:
        event: Any = from_v0_3(wire.decode(old.StreamResponse, raw, bounds), self.choices)
        return event

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes:
        return wire.encode(to_v0_3(event, self.choices), bounds)


@dataclass(frozen=True, slots=True)
class Rest03:
    """ProtoJSON of `a2a.v1`; resource names are in the path. Cards are in JSON's own dialect, as the SDKs have them."""

    choices: Choices
    version: str = VERSION

    def read_request(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        return rest.read_request(operation, raw, bounds, self.choices)

    def write_request(self, operation: Operation, request: Message, bounds: Bounds) -> bytes:
        return _within(dump(rest.write_request(operation, request, bounds, self.choices)), bounds)

    def read_answer(self, operation: Operation, raw: JsonValue, bounds: Bounds) -> Message:
        if operation is GET_EXTENDED_AGENT_CARD:
            return read_card(raw, bounds)
        return rest.read_result(operation, raw, bounds, self.choices)

    def write_answer(self, operation: Operation, answer: Message, bounds: Bounds) -> bytes:
        if isinstance(answer, AgentCard):
            return _within(dump(write_card(answer, bounds)), bounds)
        return _within(dump(rest.write_result(answer, bounds, self.choices)), bounds)

    def read_event(self, raw: JsonValue, bounds: Bounds) -> StreamResponse:
        return rest.read_event(raw, bounds, self.choices)

    def write_event(self, event: StreamResponse, bounds: Bounds) -> bytes:
        return _within(dump(rest.write_event(event, bounds, self.choices)), bounds)


@cache
def json_rpc(choices: Choices) -> JsonRpc03:
    return JsonRpc03(choices)


@cache
def wire_format(choices: Choices) -> Wire03:
    return Wire03(choices)


@cache
def http_json(choices: Choices) -> Rest03:
    return Rest03(choices)


def _within(text: bytes, bounds: Bounds) -> bytes:
    if len(text) > bounds.json_bytes:
        raise Malformed(f"the message takes over {bounds.json_bytes} bytes as JSON", too_large=True)
    return text
