"""Where a direction of a peer is reached, and what a request to it looks like."""

import json
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.wire import events, http2
from benchmarks.wire.plan import Plan


class Binding(StrEnum):
    """What a caller speaks."""

    JSONRPC = "JSON-RPC"
    REST = "HTTP+JSON"
    GRPC = "gRPC"


@dataclass(frozen=True, slots=True)
class Target:
    """An address, and the names under which it has the two operations that are measured."""

    binding: Binding
    host: str
    port: int
    tenant: str = ""
    path: str = "/"
    send: str = "SendMessage"
    """The method, or for HTTP+JSON the path."""
    stream: str = "SendStreamingMessage"
    role: str = "ROLE_USER"
    """As the peer's dialect spells it."""

    def http_request(self, plan: Plan, *, stream: bool) -> bytes:
        """A whole request of HTTP/1.1."""
        operation = self.stream if stream else self.send
        parameters = events.request(plan.text, self.tenant, self.role)
        if self.binding is Binding.REST:
            path, content = operation, parameters
        else:
            path, content = self.path, {"jsonrpc": "2.0", "id": plan.stream, "method": operation, "params": parameters}
        body = json.dumps(content).encode()
        accept = "text/event-stream" if stream else "application/json"
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self.host}:{self.port}\r\ncontent-type: application/json\r\n"
            f"accept: {accept}\r\na2a-version: 1.0\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def grpc_request(self, plan: Plan) -> bytes:
        """The message of a rpc, in its gRPC frame."""
        message = events.to_protobuf_request(events.request(plan.text, self.tenant))
        return http2.grpc_head(len(message)) + message

    def grpc_headers(self, *, stream: bool) -> bytes:
        """The header block of a rpc."""
        path = f"/lf.a2a.v1.A2AService/{self.stream if stream else self.send}"
        return http2.header_block(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", path.encode()),
                (b":authority", f"{self.host}:{self.port}".encode()),
                (b"content-type", b"application/grpc"),
                (b"te", b"trailers"),
                (b"a2a-version", b"1.0"),
            ]
        )
