"""The three callers of the rig in one place: bare HTTP/1.1 with SSE, grpc.aio in bytes, bare HTTP/2."""

from tests.fakes.grpc_caller import GrpcCaller, GrpcStream, Outcome
from tests.fakes.h2_caller import H2Answer, H2Caller, grpc_headers
from tests.fakes.http_caller import Ending, HttpCaller, Received
from tests.fakes.sse_reader import SseEvent, SseReader

__all__ = [
    "Ending",
    "GrpcCaller",
    "GrpcStream",
    "H2Answer",
    "H2Caller",
    "HttpCaller",
    "Outcome",
    "Received",
    "SseEvent",
    "SseReader",
    "grpc_headers",
]
