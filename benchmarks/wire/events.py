"""The events of a stream as bytes of each wire, made once and cut where number and time stand.

A stream is a task, numbered updates that each replace its one artifact (so that no peer has to keep a
growing task), and its completion.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.wire import http2
from benchmarks.wire.plan import FILLER, event_text
from generated.a2a.v1 import a2a_pb as a2a

Json = dict[str, object]

ARTIFACT_ID = "answer"
AGENT_CARD: Json = {
    "name": "Benchmark",
    "description": "Says what it is asked to.",
    "version": "1.0.0",
    "capabilities": {"streaming": True},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "say", "name": "Say", "description": "Says it.", "tags": ["benchmark"]}],
}
"""Without its interfaces."""

_SEQUENCE = [b"%08d" % number for number in range(100_000)]
_NO_TIME = b"%016d" % 0


def card(binding: str, url: str) -> Json:
    interface = {"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}
    return {**AGENT_CARD, "supportedInterfaces": [interface]}


def task(task_id: str) -> Json:
    return {"task": {"id": task_id, "contextId": task_id, "status": {"state": "TASK_STATE_WORKING"}}}


def update(task_id: str, text: str) -> Json:
    artifact: Json = {"artifactId": ARTIFACT_ID, "parts": [{"text": text}]}
    return {"artifactUpdate": {"taskId": task_id, "contextId": task_id, "artifact": artifact}}


def completed(task_id: str) -> Json:
    status: Json = {"state": "TASK_STATE_COMPLETED"}
    return {"statusUpdate": {"taskId": task_id, "contextId": task_id, "status": status}}


def message(text: str) -> Json:
    return {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": text}]}}


def request(text: str, tenant: str = "", role: str = "ROLE_USER") -> Json:
    """The parameters of SendMessage and SendStreamingMessage."""
    said: Json = {"messageId": "m", "role": role, "parts": [{"text": text}]}
    return {"message": said, **({"tenant": tenant} if tenant else {})}


def to_json(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def to_protobuf(event: Json) -> bytes:
    return a2a.StreamResponse.from_json(json.dumps(event)).to_binary()


def to_protobuf_request(parameters: Json) -> bytes:
    return a2a.SendMessageRequest.from_json(json.dumps(parameters)).to_binary()


Envelope = Callable[[bytes], bytes]
"""Makes an encoded event into what goes over the wire."""


def sse_chunk(request_id: object) -> Envelope:
    """A JSON-RPC response in an SSE frame in a chunk of HTTP/1.1."""
    head = b'data: {"jsonrpc":"2.0","id":' + json.dumps(request_id).encode() + b',"result":'

    def envelope(event: bytes) -> bytes:
        data = head + event + b"}\n\n"
        return b"%x\r\n%s\r\n" % (len(data), data)

    return envelope


def grpc_frame(stream: int) -> Envelope:
    """A gRPC message in a DATA frame of its own."""

    def envelope(event: bytes) -> bytes:
        return http2.frame(http2.DATA, 0, stream, http2.grpc_head(len(event)) + event)

    return envelope


@dataclass(frozen=True, slots=True)
class Updates:
    """The numbered events of one stream."""

    head: bytes
    between: bytes
    tail: bytes
    event_bytes: int
    """How long each is on the wire."""

    @classmethod
    def of(cls, encoded: bytes, stream: int, envelope: Envelope) -> "Updates":
        """Cut out of an encoded event whose text is `event_text(stream, 0)`."""
        whole = envelope(encoded)
        text = event_text(stream, 0)
        if whole.count(text) != 1 or not text.endswith(FILLER):
            raise ValueError("an encoded event must have its text once, as it is")
        at = whole.index(text)
        number, time = at + len(b"s00000 e"), at + len(b"s00000 e00000000 t")
        return cls(whole[:number], whole[number + 8 : time], whole[time + 16 :], len(whole))

    def one(self, number: int, sent_us: int) -> bytes:
        return b"".join((self.head, _SEQUENCE[number], self.between, b"%016d" % sent_us, self.tail))

    def block(self, start: int, stop: int) -> bytes:
        """Events one after the other, without times."""
        if start >= stop:
            return b""
        tail = self.between + _NO_TIME + self.tail
        return b"".join((self.head, (tail + self.head).join(_SEQUENCE[start:stop]), tail))
