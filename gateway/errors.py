"""Every way a call can fail, once: the tree that says whose fault it is, the table that says how
each binding spells it.

    GatewayError
    ├── CallerError    the request is at fault
    ├── AgentError     the agent, or the way to it, is at fault: also every error that it answered
    └── GatewayFault   the gateway is at fault, or has no room

What is wrong is an `ErrorKind`, a row of the table. It is recognised by its reason on the way in
and spelled by its row on the way out, so it survives every hop (specification sections 5.4, 9.5,
10.6 and 11.6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail

A2A_DOMAIN = "a2a-protocol.org"
"""ErrorInfo.domain of the reasons that A2A and its SDKs define."""
GRPC_DOMAIN = "grpc.io"
"""ErrorInfo.domain of a bare gRPC status, so that it survives a binding without statuses."""


class GrpcStatus(Enum):
    """The canonical status codes of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class StatusProfile(Enum):
    """Which edition of the specification decides gRPC and HTTP statuses; 1.0.1 changed some."""

    V1_0_1 = "1.0.1"
    V1_0_0 = "1.0.0"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How one kind of error is spelled. `*_1_0_0` are None where 1.0.1 changed nothing."""

    jsonrpc: int
    grpc: GrpcStatus
    http: int
    message: str
    grpc_1_0_0: GrpcStatus | None = None
    http_1_0_0: int | None = None
    domain: str = A2A_DOMAIN


_G = GrpcStatus
_PRECONDITION, _ARGUMENT, _UNIMPLEMENTED = _G.FAILED_PRECONDITION, _G.INVALID_ARGUMENT, _G.UNIMPLEMENTED


def _bare(status: GrpcStatus, http: int, message: str, jsonrpc: int = -32603) -> ErrorRow:
    return ErrorRow(jsonrpc, status, http, message, domain=GRPC_DOMAIN)


class ErrorKind(Enum):
    """What went wrong. The name of a member is its `ErrorInfo.reason`."""

    # The nine of A2A (section 3.3.2).
    TASK_NOT_FOUND = ErrorRow(-32001, _G.NOT_FOUND, 404, "Task not found")
    TASK_NOT_CANCELABLE = ErrorRow(-32002, _PRECONDITION, 400, "Task cannot be canceled", http_1_0_0=409)
    PUSH_NOTIFICATION_NOT_SUPPORTED = ErrorRow(
        -32003, _PRECONDITION, 400, "Push notifications are not supported", grpc_1_0_0=_UNIMPLEMENTED
    )
    UNSUPPORTED_OPERATION = ErrorRow(
        -32004, _PRECONDITION, 400, "This operation is not supported", grpc_1_0_0=_UNIMPLEMENTED
    )
    CONTENT_TYPE_NOT_SUPPORTED = ErrorRow(-32005, _ARGUMENT, 400, "Incompatible content types", http_1_0_0=415)
    INVALID_AGENT_RESPONSE = ErrorRow(-32006, _G.INTERNAL, 500, "Invalid agent response", http_1_0_0=502)
    EXTENDED_AGENT_CARD_NOT_CONFIGURED = ErrorRow(
        -32007, _PRECONDITION, 400, "The extended agent card is not configured"
    )
    EXTENSION_SUPPORT_REQUIRED = ErrorRow(-32008, _PRECONDITION, 400, "A required extension was not requested")
    VERSION_NOT_SUPPORTED = ErrorRow(
        -32009, _PRECONDITION, 400, "This protocol version is not supported", grpc_1_0_0=_UNIMPLEMENTED
    )
    # The five of JSON-RPC 2.0; their reasons are the SDKs'.
    PARSE_ERROR = ErrorRow(-32700, _ARGUMENT, 400, "Invalid JSON payload")
    INVALID_REQUEST = ErrorRow(-32600, _ARGUMENT, 400, "Request payload validation error")
    METHOD_NOT_FOUND = ErrorRow(-32601, _UNIMPLEMENTED, 404, "Method not found")
    INVALID_PARAMS = ErrorRow(-32602, _ARGUMENT, 400, "Invalid parameters")
    INTERNAL_ERROR = ErrorRow(-32603, _G.INTERNAL, 500, "Internal error")
    # What is known by its gRPC status alone.
    UNAUTHENTICATED = _bare(_G.UNAUTHENTICATED, 401, "Authentication is required", -31401)
    PERMISSION_DENIED = _bare(_G.PERMISSION_DENIED, 403, "Permission denied", -31403)
    CANCELLED = _bare(_G.CANCELLED, 499, "The call was cancelled")
    UNKNOWN = _bare(_G.UNKNOWN, 500, "Unknown error")
    DEADLINE_EXCEEDED = _bare(_G.DEADLINE_EXCEEDED, 504, "The deadline passed")
    ALREADY_EXISTS = _bare(_G.ALREADY_EXISTS, 409, "Already exists")
    RESOURCE_EXHAUSTED = _bare(_G.RESOURCE_EXHAUSTED, 429, "A limit was reached")
    ABORTED = _bare(_G.ABORTED, 409, "The operation was aborted")
    OUT_OF_RANGE = _bare(_G.OUT_OF_RANGE, 400, "Out of range")
    UNAVAILABLE = _bare(_G.UNAVAILABLE, 503, "Unavailable")
    DATA_LOSS = _bare(_G.DATA_LOSS, 500, "Data loss")

    @property
    def reason(self) -> str:
        return self.name

    @property
    def row(self) -> ErrorRow:
        return self.value

    def grpc_status(self, profile: StatusProfile = StatusProfile.V1_0_1) -> GrpcStatus:
        """The gRPC status of this kind in an edition of the specification."""
        old = self.row.grpc_1_0_0 if profile is StatusProfile.V1_0_0 else None
        return old or self.row.grpc

    def http_status(self, profile: StatusProfile = StatusProfile.V1_0_1) -> int:
        """The HTTP status of this kind on the HTTP+JSON binding."""
        old = self.row.http_1_0_0 if profile is StatusProfile.V1_0_0 else None
        return old or self.row.http


BY_IDENTITY: Mapping[tuple[str, str], ErrorKind] = {(kind.row.domain, kind.reason): kind for kind in ErrorKind}
"""(ErrorInfo.domain, ErrorInfo.reason) to kind."""

BY_JSONRPC_CODE: Mapping[int, ErrorKind] = {
    kind.row.jsonrpc: kind
    for kind in ErrorKind
    if kind.row.domain == A2A_DOMAIN or kind.row.jsonrpc != ErrorKind.INTERNAL_ERROR.row.jsonrpc
}
"""A JSON-RPC error code to the one kind that it identifies."""

BY_GRPC_STATUS: Mapping[GrpcStatus, ErrorKind] = {
    **{kind.row.grpc: kind for kind in ErrorKind if kind.row.domain == GRPC_DOMAIN},
    GrpcStatus.NOT_FOUND: ErrorKind.TASK_NOT_FOUND,
    GrpcStatus.FAILED_PRECONDITION: ErrorKind.UNSUPPORTED_OPERATION,
    GrpcStatus.UNIMPLEMENTED: ErrorKind.METHOD_NOT_FOUND,
    GrpcStatus.INVALID_ARGUMENT: ErrorKind.INVALID_PARAMS,
    GrpcStatus.INTERNAL: ErrorKind.INTERNAL_ERROR,
}
"""A gRPC status without details to the kind that it most likely means."""

BY_GRPC_STATUS_OF: Mapping[tuple[str, GrpcStatus], ErrorKind] = {
    ("CancelTask", GrpcStatus.FAILED_PRECONDITION): ErrorKind.TASK_NOT_CANCELABLE,
    ("GetExtendedAgentCard", GrpcStatus.NOT_FOUND): ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED,
}
"""Where the operation says more than the status."""

BY_HTTP_STATUS: Mapping[int, ErrorKind] = {
    400: ErrorKind.INTERNAL_ERROR,
    401: ErrorKind.UNAUTHENTICATED,
    403: ErrorKind.PERMISSION_DENIED,
    404: ErrorKind.METHOD_NOT_FOUND,
    413: ErrorKind.RESOURCE_EXHAUSTED,
    429: ErrorKind.UNAVAILABLE,
    502: ErrorKind.UNAVAILABLE,
    503: ErrorKind.UNAVAILABLE,
    504: ErrorKind.UNAVAILABLE,
}
"""An agent's HTTP answer without an A2A body to a kind, after gRPC's own table for HTTP; else UNKNOWN."""

BY_OLD_HTTP_STATUS: Mapping[int, ErrorKind] = {
    400: ErrorKind.INVALID_PARAMS,
    404: ErrorKind.TASK_NOT_FOUND,
    409: ErrorKind.TASK_NOT_CANCELABLE,
    415: ErrorKind.CONTENT_TYPE_NOT_SUPPORTED,
    422: ErrorKind.INVALID_PARAMS,
    500: ErrorKind.INTERNAL_ERROR,
    501: ErrorKind.UNSUPPORTED_OPERATION,
}
"""An agent of 0.3 says on HTTP+JSON a message and this status, no more."""


class GatewayError(Exception):
    """A failed call: what went wrong, in words for a person, with the details that came along.

    `details` are packed `google.rpc` messages and whatever else the far side attached, in its
    order. They may lack the ErrorInfo that identifies the kind; edges add it.
    """

    def __init__(
        self, kind: ErrorKind, message: str = "", details: tuple[PackedDetail, ...] = ()
    ) -> None:
        self.kind = kind
        self.message = message or kind.row.message
        self.details = details
        super().__init__(f"{kind.reason}: {self.message}")


class CallerError(GatewayError):
    """The caller has to change something."""


class AgentError(GatewayError):
    """The agent answered an error, answered nonsense, or could not be reached."""


class GatewayFault(GatewayError):
    """The gateway failed, is full, or is shutting down."""
