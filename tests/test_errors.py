"""The table of errors against the specification's, written out here once more; and the tree of blame."""

import pytest

from gateway.codec import status
from gateway.errors import (
    A2A_DOMAIN,
    BY_GRPC_STATUS,
    BY_GRPC_STATUS_OF,
    BY_HTTP_STATUS,
    BY_IDENTITY,
    BY_JSONRPC_CODE,
    GRPC_DOMAIN,
    AgentError,
    CallerError,
    ErrorKind,
    GatewayError,
    GatewayFault,
    GrpcStatus,
    StatusProfile,
)
from gateway.operations import BY_NAME

# name in the specification, JSON-RPC code, reason, gRPC and HTTP in 1.0.1, gRPC and HTTP in 1.0.0
A2A = [
    ("TaskNotFoundError", -32001, "TASK_NOT_FOUND", "NOT_FOUND", 404, "NOT_FOUND", 404),
    ("TaskNotCancelableError", -32002, "TASK_NOT_CANCELABLE", "FAILED_PRECONDITION", 400, "FAILED_PRECONDITION", 409),
    (
        "PushNotificationNotSupportedError",
        -32003,
        "PUSH_NOTIFICATION_NOT_SUPPORTED",
        "FAILED_PRECONDITION",
        400,
        "UNIMPLEMENTED",
        400,
    ),
    ("UnsupportedOperationError", -32004, "UNSUPPORTED_OPERATION", "FAILED_PRECONDITION", 400, "UNIMPLEMENTED", 400),
    (
        "ContentTypeNotSupportedError",
        -32005,
        "CONTENT_TYPE_NOT_SUPPORTED",
        "INVALID_ARGUMENT",
        400,
        "INVALID_ARGUMENT",
        415,
    ),
    ("InvalidAgentResponseError", -32006, "INVALID_AGENT_RESPONSE", "INTERNAL", 500, "INTERNAL", 502),
    (
        "ExtendedAgentCardNotConfiguredError",
        -32007,
        "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
        "FAILED_PRECONDITION",
        400,
        "FAILED_PRECONDITION",
        400,
    ),
    (
        "ExtensionSupportRequiredError",
        -32008,
        "EXTENSION_SUPPORT_REQUIRED",
        "FAILED_PRECONDITION",
        400,
        "FAILED_PRECONDITION",
        400,
    ),
    ("VersionNotSupportedError", -32009, "VERSION_NOT_SUPPORTED", "FAILED_PRECONDITION", 400, "UNIMPLEMENTED", 400),
]

JSON_RPC = [
    ("JSONParseError", -32700, "PARSE_ERROR", "INVALID_ARGUMENT", 400, "INVALID_ARGUMENT", 400),
    ("InvalidRequestError", -32600, "INVALID_REQUEST", "INVALID_ARGUMENT", 400, "INVALID_ARGUMENT", 400),
    ("MethodNotFoundError", -32601, "METHOD_NOT_FOUND", "UNIMPLEMENTED", 404, "UNIMPLEMENTED", 404),
    ("InvalidParamsError", -32602, "INVALID_PARAMS", "INVALID_ARGUMENT", 400, "INVALID_ARGUMENT", 400),
    ("InternalError", -32603, "INTERNAL_ERROR", "INTERNAL", 500, "INTERNAL", 500),
]

STANDARD_MESSAGES = {
    "PARSE_ERROR": "Invalid JSON payload",
    "INVALID_REQUEST": "Request payload validation error",
    "METHOD_NOT_FOUND": "Method not found",
    "INVALID_PARAMS": "Invalid parameters",
    "INTERNAL_ERROR": "Internal error",
}

# gRPC's own table of statuses to HTTP, the other way round; two of them have a code of their own
BARE = [
    ("UNAUTHENTICATED", -31401, 401),
    ("PERMISSION_DENIED", -31403, 403),
    ("CANCELLED", -32603, 499),
    ("UNKNOWN", -32603, 500),
    ("DEADLINE_EXCEEDED", -32603, 504),
    ("ALREADY_EXISTS", -32603, 409),
    ("RESOURCE_EXHAUSTED", -32603, 429),
    ("ABORTED", -32603, 409),
    ("OUT_OF_RANGE", -32603, 400),
    ("UNAVAILABLE", -32603, 503),
    ("DATA_LOSS", -32603, 500),
]


@pytest.mark.parametrize(("name", "code", "reason", "grpc", "http", "old_grpc", "old_http"), [*A2A, *JSON_RPC])
def test_an_error_of_the_specification(
    name: str, code: int, reason: str, grpc: str, http: int, old_grpc: str, old_http: int
) -> None:
    kind = ErrorKind[reason]
    assert (kind.reason, kind.row.jsonrpc, kind.row.domain) == (reason, code, "a2a-protocol.org")
    new, old = StatusProfile("1.0.1"), StatusProfile("1.0.0")
    assert (kind.grpc_status(new).name, kind.http_status(new)) == (grpc, http)
    assert (kind.grpc_status(old).name, kind.http_status(old)) == (old_grpc, old_http)
    assert kind.grpc_status() is kind.grpc_status(new)
    assert kind.http_status() == kind.http_status(new)
    assert status.from_status("", GrpcStatus.UNKNOWN, f"{name}: x", None)[0] is kind


@pytest.mark.parametrize(("reason", "code", "http"), BARE)
def test_an_error_that_is_known_by_its_grpc_status(reason: str, code: int, http: int) -> None:
    kind = ErrorKind[reason]
    assert (kind.reason, kind.row.jsonrpc, kind.row.domain) == (reason, code, "grpc.io")
    for profile in StatusProfile:
        assert (kind.grpc_status(profile).name, kind.http_status(profile)) == (reason, http)


def test_the_tables_above_are_all_there_is() -> None:
    named = [row[2] for row in (*A2A, *JSON_RPC)] + [row[0] for row in BARE]
    assert sorted(named) == sorted(kind.name for kind in ErrorKind)
    assert {
        kind.reason: kind.row.message for kind in ErrorKind if kind.reason in STANDARD_MESSAGES
    } == STANDARD_MESSAGES


def test_no_two_errors_have_one_identity() -> None:
    assert len(BY_IDENTITY) == len(ErrorKind)
    for kind in ErrorKind:
        assert BY_IDENTITY[kind.row.domain, kind.reason] is kind
    assert {domain for domain, _ in BY_IDENTITY} == {A2A_DOMAIN, GRPC_DOMAIN}


def test_reasons_are_written_as_google_asks() -> None:
    assert all(kind.reason == kind.reason.upper() and kind.reason.replace("_", "").isalpha() for kind in ErrorKind)


def test_every_code_identifies_one_error() -> None:
    own = [kind for kind in ErrorKind if kind.row.domain == A2A_DOMAIN]
    assert len({kind.row.jsonrpc for kind in own}) == len(own)
    for kind in (*own, ErrorKind.UNAUTHENTICATED, ErrorKind.PERMISSION_DENIED):
        assert BY_JSONRPC_CODE[kind.row.jsonrpc] is kind
    assert len(BY_JSONRPC_CODE) == len(own) + 2


def test_every_grpc_status_but_ok_is_an_error_and_comes_back_as_itself() -> None:
    assert set(BY_GRPC_STATUS) == set(GrpcStatus) - {GrpcStatus.OK}
    for code, kind in BY_GRPC_STATUS.items():
        assert kind.grpc_status() is code
    for (operation, code), kind in BY_GRPC_STATUS_OF.items():
        assert operation in BY_NAME
        # A bare NOT_FOUND for the extended card is the one that 1.0.1 spells with another status.
        assert kind.grpc_status() is code or kind is ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED


def test_grpc_statuses_have_the_numbers_of_grpc() -> None:
    import grpc

    assert {code.name: code.value for code in GrpcStatus} == {code.name: code.value[0] for code in grpc.StatusCode}


# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
HTTP_OF_GRPC = [
    (400, "INTERNAL"),
    (401, "UNAUTHENTICATED"),
    (403, "PERMISSION_DENIED"),
    (404, "UNIMPLEMENTED"),
    (429, "UNAVAILABLE"),
    (502, "UNAVAILABLE"),
    (503, "UNAVAILABLE"),
    (504, "UNAVAILABLE"),
]


@pytest.mark.parametrize(("http", "grpc"), HTTP_OF_GRPC)
def test_an_agent_s_http_answer_without_a_body_follows_grpc_s_own_table(http: int, grpc: str) -> None:
    assert BY_HTTP_STATUS[http].grpc_status().name == grpc


BLAME = [(CallerError, "the caller"), (AgentError, "the agent"), (GatewayFault, "the gateway")]


@pytest.mark.parametrize(("blame", "whose"), BLAME)
def test_blame_is_a_type(blame: type[GatewayError], whose: str) -> None:
    assert issubclass(blame, GatewayError)
    assert not any(issubclass(blame, other) for other, _ in BLAME if other is not blame), whose


def test_an_error_says_its_standard_message_where_nothing_better_is_known() -> None:
    assert GatewayError(ErrorKind.TASK_NOT_FOUND).message == "Task not found"
    assert GatewayError(ErrorKind.TASK_NOT_FOUND, "There is no task 7").message == "There is no task 7"
    assert str(GatewayError(ErrorKind.TASK_NOT_FOUND, "There is no task 7")) == "TASK_NOT_FOUND: There is no task 7"
