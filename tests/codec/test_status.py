"""Errors on both wires: every kind both ways, details of any type kept, and never more than headers can carry."""

import json

import pytest
from protobuf import Message, Oneof
from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail
from protobuf.wkt.google.protobuf.duration_pb import Duration
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.codec import jsonrpc, status
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.errors import AgentError, ErrorKind, GrpcStatus, StatusProfile
from generated.google.rpc import error_details_pb as google_rpc
from generated.google.rpc.status_pb import Status
from tests.codec.tables import named
from tests.faults.tables import STATUS_TEXTS

BOUNDS = Bounds()
TYPE = "type.googleapis.com/"
ERROR_INFO = TYPE + "google.rpc.ErrorInfo"
KINDS = list(ErrorKind)
PROFILES = list(StatusProfile)


def packed(message: Message) -> PackedDetail:
    return PackedDetail(type_url=TYPE + message.desc().type_name, value=message.to_binary())


def info(kind: ErrorKind, **metadata: str) -> PackedDetail:
    return packed(google_rpc.ErrorInfo(reason=kind.reason, domain=kind.row.domain, metadata=metadata))


def over_grpc(error: AgentError, profile: StatusProfile = StatusProfile.V1_0_1) -> AgentError:
    rich = status.to_status(error, profile)
    code = GrpcStatus(rich.code)
    assert code is error.kind.grpc_status(profile)
    return AgentError(*status.from_status("", code, rich.message, rich.to_binary()))


def over_json_rpc(error: AgentError) -> AgentError:
    answer = jsonrpc.failure(b"1", error.kind.row.jsonrpc, status.shortened(error.message), status.to_data(error))
    failure = jsonrpc.read_answer(answer, BOUNDS)
    assert isinstance(failure, jsonrpc.Failure)
    return AgentError(*status.from_failure(failure))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.value)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_survives_any_chain_of_hops(kind: ErrorKind, profile: StatusProfile) -> None:
    error = AgentError(kind, "What happened")
    for hop in (over_json_rpc, lambda error: over_grpc(error, profile), over_json_rpc):
        error = hop(error)
        assert (error.kind, error.message) == (kind, "What happened")
        assert error.details == (info(kind),)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_reason_decides_and_not_the_status_or_the_code_beside_it(kind: ErrorKind) -> None:
    rich = Status(code=2, message="m", details=[info(kind)]).to_binary()
    assert status.from_status("CancelTask", GrpcStatus.UNKNOWN, "m", rich)[0] is kind
    data: list[JsonValue] = [{"@type": ERROR_INFO, "reason": kind.reason, "domain": kind.row.domain}]
    assert status.from_failure(jsonrpc.Failure(-1, "m", data))[0] is kind


BARE_STATUSES = [
    ("CANCELLED", ErrorKind.CANCELLED),
    ("UNKNOWN", ErrorKind.UNKNOWN),
    ("INVALID_ARGUMENT", ErrorKind.INVALID_PARAMS),
    ("DEADLINE_EXCEEDED", ErrorKind.DEADLINE_EXCEEDED),
    ("NOT_FOUND", ErrorKind.TASK_NOT_FOUND),
    ("ALREADY_EXISTS", ErrorKind.ALREADY_EXISTS),
    ("PERMISSION_DENIED", ErrorKind.PERMISSION_DENIED),
    ("RESOURCE_EXHAUSTED", ErrorKind.RESOURCE_EXHAUSTED),
    ("FAILED_PRECONDITION", ErrorKind.UNSUPPORTED_OPERATION),
    ("ABORTED", ErrorKind.ABORTED),
    ("OUT_OF_RANGE", ErrorKind.OUT_OF_RANGE),
    ("UNIMPLEMENTED", ErrorKind.METHOD_NOT_FOUND),
    ("INTERNAL", ErrorKind.INTERNAL_ERROR),
    ("UNAVAILABLE", ErrorKind.UNAVAILABLE),
    ("DATA_LOSS", ErrorKind.DATA_LOSS),
    ("UNAUTHENTICATED", ErrorKind.UNAUTHENTICATED),
]


@pytest.mark.parametrize(("code", "kind"), BARE_STATUSES)
def test_a_bare_status(code: str, kind: ErrorKind) -> None:
    assert status.from_status("GetTask", GrpcStatus[code], "m", None) == (kind, "m", ())


def test_the_statuses_above_are_all_that_are_errors() -> None:
    assert {code for code, _ in BARE_STATUSES} == {code.name for code in GrpcStatus} - {"OK"}


BY_OPERATION = [
    ("CancelTask", GrpcStatus.FAILED_PRECONDITION, ErrorKind.TASK_NOT_CANCELABLE),
    ("SendMessage", GrpcStatus.FAILED_PRECONDITION, ErrorKind.UNSUPPORTED_OPERATION),
    ("GetExtendedAgentCard", GrpcStatus.NOT_FOUND, ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED),
    ("GetTask", GrpcStatus.NOT_FOUND, ErrorKind.TASK_NOT_FOUND),
]


@pytest.mark.parametrize(("operation", "code", "kind"), BY_OPERATION)
def test_a_bare_status_of_an_operation_that_says_more(operation: str, code: GrpcStatus, kind: ErrorKind) -> None:
    assert status.from_status(operation, code, "m", None)[0] is kind


NAMED_IN_TEXT = [
    ("TaskNotFoundError: no task", ErrorKind.TASK_NOT_FOUND, "no task"),
    ("TaskNotCancelableError:done", ErrorKind.TASK_NOT_CANCELABLE, "done"),
    ("InternalError: a\nb", ErrorKind.INTERNAL_ERROR, "a\nb"),
    ("InvalidParamsError: ", ErrorKind.INVALID_PARAMS, ""),
    ("ExtendedAgentCardNotConfiguredError: none", ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED, "none"),
    ("KeyError: 'x'", ErrorKind.UNKNOWN, "KeyError: 'x'"),
    ("It was a TaskNotFoundError: no task", ErrorKind.UNKNOWN, "It was a TaskNotFoundError: no task"),
    ("taskNotFoundError: no task", ErrorKind.UNKNOWN, "taskNotFoundError: no task"),
]


@pytest.mark.parametrize(("text", "kind", "message"), NAMED_IN_TEXT)
def test_older_agents_name_the_error_in_the_text(text: str, kind: ErrorKind, message: str) -> None:
    assert status.from_status("GetTask", GrpcStatus.UNKNOWN, text, None) == (kind, message, ())


CODES = [
    *[(kind.row.jsonrpc, kind) for kind in KINDS if -32009 <= kind.row.jsonrpc <= -32001],
    (-32700, ErrorKind.PARSE_ERROR),
    (-32600, ErrorKind.INVALID_REQUEST),
    (-32601, ErrorKind.METHOD_NOT_FOUND),
    (-32602, ErrorKind.INVALID_PARAMS),
    (-32603, ErrorKind.INTERNAL_ERROR),
    (-31401, ErrorKind.UNAUTHENTICATED),
    (-31403, ErrorKind.PERMISSION_DENIED),
    (-32000, ErrorKind.INTERNAL_ERROR),
    (0, ErrorKind.INTERNAL_ERROR),
    (10**30, ErrorKind.INTERNAL_ERROR),
]


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_a_bare_code(code: int, kind: ErrorKind) -> None:
    assert status.from_failure(jsonrpc.Failure(code, "m", None)) == (kind, "m", ())


STRANGERS = [
    ("another domain", {"@type": ERROR_INFO, "reason": "TASK_NOT_FOUND", "domain": "example.com"}),
    ("another reason", {"@type": ERROR_INFO, "reason": "NOT_TODAY", "domain": "a2a-protocol.org"}),
    (
        "the domain of bare statuses with a reason of A2A",
        {"@type": ERROR_INFO, "reason": "TASK_NOT_FOUND", "domain": "grpc.io"},
    ),
    ("no domain", {"@type": ERROR_INFO, "reason": "TASK_NOT_FOUND"}),
    ("a reason in small letters", {"@type": ERROR_INFO, "reason": "task_not_found", "domain": "a2a-protocol.org"}),
]


@pytest.mark.parametrize("entry", named(STRANGERS))
def test_an_agent_s_own_reason_is_kept_behind_the_one_that_identifies(entry: dict[str, JsonValue]) -> None:
    error = AgentError(*status.from_failure(jsonrpc.Failure(-32002, "m", [entry])))
    assert error.kind is ErrorKind.TASK_NOT_CANCELABLE
    identity = {"@type": ERROR_INFO, "reason": "TASK_NOT_CANCELABLE", "domain": "a2a-protocol.org"}
    for hop in (over_grpc, over_json_rpc, over_grpc):
        error = hop(error)
        assert status.to_data(error) == [identity, entry]


DETAILS: list[tuple[str, JsonValue]] = [
    (
        "a field violation",
        {"@type": TYPE + "google.rpc.BadRequest", "fieldViolations": [{"field": "a.b", "description": "c"}]},
    ),
    ("a time to retry", {"@type": TYPE + "google.rpc.RetryInfo", "retryDelay": "1.500s"}),
    ("a link", {"@type": TYPE + "google.rpc.Help", "links": [{"description": "d", "url": "https://example.com"}]}),
    ("a text for people", {"@type": TYPE + "google.rpc.LocalizedMessage", "locale": "de", "message": "Nö"}),
    ("a quota", {"@type": TYPE + "google.rpc.QuotaFailure", "violations": [{"subject": "s", "description": "d"}]}),
    ("a resource", {"@type": TYPE + "google.rpc.ResourceInfo", "resourceType": "t", "resourceName": "n"}),
    ("metadata", {"@type": ERROR_INFO, "reason": "X", "domain": "example.com", "metadata": {"k": "v"}}),
    ("a type that nobody knows, in JSON", {"@type": TYPE + "example.Trouble", "depth": {"a": [1, "x", None, True]}}),
    ("a type that nobody knows, packed", {"@type": TYPE + "example.Trouble", "value": "AQL/"}),
    ("a type of no registry", {"@type": "example", "x": "y"}),
    ("an object", {"@type": TYPE + "google.protobuf.Struct", "value": {"a": {"b": "c"}}}),
    ("whole numbers", {"@type": TYPE + "example.Trouble", "line": 7, "lines": [1, 2.5]}),
]


@pytest.mark.parametrize("entry", named(DETAILS))
def test_details_of_any_type_survive_any_chain_of_hops(entry: JsonValue) -> None:
    first = {"@type": ERROR_INFO, "reason": "TASK_NOT_FOUND", "domain": "a2a-protocol.org"}
    error = AgentError(*status.from_failure(jsonrpc.Failure(-32001, "m", [first, entry])))
    for hop in (over_grpc, over_json_rpc, over_grpc):
        error = hop(error)
        written = json.dumps(status.to_data(error), sort_keys=True)
        # As text, so that 7 is not 7.0: there are readers of whole numbers who fail on the other.
        assert written == json.dumps([first, entry], sort_keys=True)


LOOSE_DATA: list[tuple[str, JsonValue, list[JsonValue]]] = [
    ("none", None, []),
    ("an empty list", [], []),
    (
        "a text, as the Python SDK sends for bad params",
        "Field required",
        [{"@type": TYPE + "google.protobuf.Value", "value": "Field required"}],
    ),
    ("a number", 5, [{"@type": TYPE + "google.protobuf.Value", "value": 5}]),
    ("an object without a type", {"a": "b"}, [{"@type": TYPE + "google.protobuf.Value", "value": {"a": "b"}}]),
    ("an object with a type, in no list", {"@type": TYPE + "x.Y", "a": "b"}, [{"@type": TYPE + "x.Y", "a": "b"}]),
    (
        "a list of texts",
        ["a", "b"],
        [
            {"@type": TYPE + "google.protobuf.Value", "value": "a"},
            {"@type": TYPE + "google.protobuf.Value", "value": "b"},
        ],
    ),
    ("a type that is no text", [{"@type": 5}], [{"@type": TYPE + "google.protobuf.Value", "value": {"@type": 5}}]),
]


@pytest.mark.parametrize(("data", "entries"), named(LOOSE_DATA))
def test_data_that_is_no_list_of_details_is_kept_as_values(data: JsonValue, entries: list[JsonValue]) -> None:
    error = AgentError(*status.from_failure(jsonrpc.Failure(-32602, "m", data)))
    assert error.kind is ErrorKind.INVALID_PARAMS
    identity = {"@type": ERROR_INFO, "reason": "INVALID_PARAMS", "domain": "a2a-protocol.org"}
    for hop in (over_grpc, over_json_rpc):
        error = hop(error)
        assert status.to_data(error) == [identity, *entries]


BROKEN_DETAILS: list[tuple[str, JsonValue]] = [
    ("a reason that is a number", {"@type": ERROR_INFO, "reason": 5}),
    ("metadata that is a list", {"@type": ERROR_INFO, "reason": "X", "metadata": [1]}),
    ("violations that are no list", {"@type": TYPE + "google.rpc.BadRequest", "fieldViolations": "x"}),
    ("a delay that is no duration", {"@type": TYPE + "google.rpc.RetryInfo", "retryDelay": "soon"}),
    ("a packed value that is no base64", {"@type": TYPE + "x.Y", "value": "???"}),
]


@pytest.mark.parametrize("entry", named(BROKEN_DETAILS))
def test_details_that_are_not_what_they_say_are_kept_as_they_are(entry: JsonValue) -> None:
    error = AgentError(*status.from_failure(jsonrpc.Failure(-32001, "m", [entry])))
    assert error.kind is ErrorKind.TASK_NOT_FOUND
    for hop in (over_grpc, over_json_rpc):
        error = hop(error)
        assert status.to_data(error)[1:] == [entry]


def test_metadata_that_is_not_text_as_the_sdk_sends_it_becomes_text() -> None:
    """The Python SDK puts an error's data into the metadata of its ErrorInfo as it is."""
    metadata: JsonValue = {
        "taskId": "t",
        "attempt": 3,
        "ratio": 0.5,
        "final": True,
        "cause": None,
        "states": ["a", 1],
        "where": {"line": 7, "file": "é"},
    }
    entry: JsonValue = {
        "@type": ERROR_INFO,
        "reason": "TASK_NOT_FOUND",
        "domain": "a2a-protocol.org",
        "metadata": metadata,
    }
    error = over_grpc(AgentError(*status.from_failure(jsonrpc.Failure(-32001, "m", [entry]))))
    assert error.kind is ErrorKind.TASK_NOT_FOUND
    (only,) = status.to_data(error)
    assert isinstance(only, dict)
    assert only["metadata"] == {
        "taskId": "t",
        "attempt": "3",
        "ratio": "0.5",
        "final": "true",
        "cause": "null",
        "states": '["a",1]',
        "where": '{"line":7,"file":"é"}',
    }


def test_unknown_members_of_a_known_detail_are_left_out() -> None:
    entry: JsonValue = {"@type": ERROR_INFO, "reason": "TASK_NOT_FOUND", "domain": "a2a-protocol.org", "new": {"a": 1}}
    error = AgentError(*status.from_failure(jsonrpc.Failure(-1, "m", [entry])))
    assert (error.kind, error.details) == (ErrorKind.TASK_NOT_FOUND, (info(ErrorKind.TASK_NOT_FOUND),))


NOT_A_STATUS = [
    ("nothing", b""),
    ("cut", b"\x08"),
    ("text", b"not a status"),
    ("groups", b"\x0b" * 1000),
    ("a detail cut short", b"\x1a\x05\x0a"),
]


@pytest.mark.parametrize("rich", named(NOT_A_STATUS))
def test_a_rich_status_that_is_none_leaves_the_plain_one(rich: bytes) -> None:
    assert status.from_status("GetTask", GrpcStatus.NOT_FOUND, "m", rich) == (ErrorKind.TASK_NOT_FOUND, "m", ())


ODD_PACKED = [
    ("an ErrorInfo that is none", PackedDetail(type_url=ERROR_INFO, value=b"\x0a\xff")),
    ("no type", PackedDetail(value=b"\x01")),
    ("a struct that JSON cannot say", packed(Struct(fields={"a": Value(kind=Oneof("number_value", float("nan")))}))),
    ("a struct that is none", PackedDetail(type_url=TYPE + "google.protobuf.Struct", value=b"\xff")),
    ("a duration out of range", packed(google_rpc.RetryInfo(retry_delay=Duration(seconds=2**62)))),
]


@pytest.mark.parametrize("detail", named(ODD_PACKED))
def test_a_packed_detail_that_json_cannot_say_is_carried_packed(detail: PackedDetail) -> None:
    rich = Status(code=5, message="m", details=[info(ErrorKind.TASK_NOT_FOUND), detail]).to_binary()
    error = AgentError(*status.from_status("GetTask", GrpcStatus.NOT_FOUND, "m", rich))
    again = over_json_rpc(error)
    assert again.kind is ErrorKind.TASK_NOT_FOUND
    assert again.details == (info(ErrorKind.TASK_NOT_FOUND), detail)


def test_a_field_violation_names_the_field() -> None:
    error = AgentError(ErrorKind.INVALID_PARAMS, "m", (status.field_violation("message.parts[0]", "is required"),))
    assert status.to_data(error)[1] == {
        "@type": TYPE + "google.rpc.BadRequest",
        "fieldViolations": [{"field": "message.parts[0]", "description": "is required"}],
    }


# Sizes


@pytest.mark.parametrize("text", [text for _, text in STATUS_TEXTS], ids=[name for name, _ in STATUS_TEXTS])
def test_texts_of_errors_arrive_as_text_shortened_at_most(text: str) -> None:
    for hop in (over_grpc, over_json_rpc):
        message = hop(AgentError(ErrorKind.TASK_NOT_FOUND, text)).message
        assert message == text or (len(text) > 1000 and message == text[: len(message) - 1] + "…")


@pytest.mark.parametrize("chars", [0, 1, 1000, 1025, 100_000])
def test_long_texts_are_cut_with_a_mark(chars: int) -> None:
    short = status.shortened("x" * chars)
    if chars <= 1000:
        assert short == "x" * chars
    else:
        assert 900 < len(short) <= status.MESSAGE_CHARS
        assert short == "x" * (len(short) - 1) + "…"


def filler(size: int) -> PackedDetail:
    return PackedDetail(type_url=TYPE + "example.Filler", value=b"x" * size)


TOO_MUCH = [
    ("one large detail behind the identity", (info(ErrorKind.TASK_NOT_FOUND), filler(7000))),
    ("one large detail before the identity", (filler(7000), info(ErrorKind.TASK_NOT_FOUND))),
    ("many details before the identity", (*[filler(500)] * 20, info(ErrorKind.TASK_NOT_FOUND))),
    ("no identity", (filler(7000),)),
    ("an identity with more metadata than fits", (info(ErrorKind.TASK_NOT_FOUND, reason="x" * 7000),)),
    ("an identity in many small pieces", (info(ErrorKind.TASK_NOT_FOUND, **{f"k{n}": "v" * 90 for n in range(100)}),)),
]


@pytest.mark.parametrize("details", named(TOO_MUCH))
def test_an_error_of_any_size_fits_and_keeps_its_identity(details: tuple[PackedDetail, ...]) -> None:
    rich = status.to_status(AgentError(ErrorKind.TASK_NOT_FOUND, "m", details), StatusProfile.V1_0_1)
    assert len(rich.to_binary()) <= status.STATUS_BYTES
    kind, message, _ = status.from_status("", GrpcStatus.UNKNOWN, "", rich.to_binary())
    assert (kind, message) == (ErrorKind.TASK_NOT_FOUND, "m")


def test_details_that_fit_are_all_kept() -> None:
    details = (info(ErrorKind.TASK_NOT_FOUND), *[filler(500)] * 8)
    rich = status.to_status(AgentError(ErrorKind.TASK_NOT_FOUND, "m", details), StatusProfile.V1_0_1)
    assert tuple(rich.details) == details


STOCK_METADATA_BYTES = 8 * 1024
"""What every gRPC peer takes with its defaults; from there to 16 KiB they refuse at random."""
_FIELD_BYTES = 32
"""What HTTP/2 adds to each field when it counts (RFC 9113, section 10.5.1)."""


def trailers_bytes(rich: Status) -> int:
    """The size of the trailers that carry an error; grpc-message is percent-encoded."""
    encoded = sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in rich.message.encode())
    fields = {
        "grpc-status": len(str(rich.code)),
        "grpc-message": encoded,
        "grpc-status-details-bin": len(rich.to_binary()),
    }
    return sum(len(name) + size + _FIELD_BYTES for name, size in fields.items())


LONG_TEXTS = [
    ("letters", "x"),
    ("percent signs", "%"),
    ("accents", "é"),
    ("ideographs", "名"),
    ("emoji", "😀"),
    ("line feeds", "\n"),
]


@pytest.mark.parametrize("character", named(LONG_TEXTS))
@pytest.mark.parametrize(
    "details",
    [(), (filler(4000),), (filler(20_000),)],
    ids=["bare", "with a detail", "with a detail that does not fit"],
)
def test_an_error_fits_the_trailers_that_stock_peers_take(character: str, details: tuple[PackedDetail, ...]) -> None:
    error = AgentError(ErrorKind.TASK_NOT_FOUND, character * 5000, details)
    assert trailers_bytes(status.to_status(error, StatusProfile.V1_0_1)) <= STOCK_METADATA_BYTES
