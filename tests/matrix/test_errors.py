"""Every kind of error between every two edges: its kind, its words and its details are the same after the hop.

It may be the answer of a unary call, come before the first event of a stream, or after some. Codes of 0.3 end at
-32007; what goes beyond keeps its code and its ErrorInfo, by which it is known.
"""

import base64
from collections.abc import Mapping

import pytest

from gateway.errors import ErrorKind
from gateway.operations import CANCEL_TASK, GET_EXTENDED_AGENT_CARD, GET_TASK, SEND_STREAMING_MESSAGE, Operation
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.events import Json
from tests.matrix.conftest import Rig, as_heard
from tests.matrix.edges import EDGES, every_agent, every_caller, spelling_of
from tests.matrix.languages import GRPC_0_3, PROTO
from tests.matrix.meaning import PREFIX, Failure, Heard, Play, Spelled, error_info
from tests.matrix.words import BEGUN, HI, MORE, THE_TASK

pytestmark = pytest.mark.anyio

Place = tuple[Operation, Spelled, tuple[Spelled, ...]]
"""An operation, its request, and the results before the error."""
UNARY: Place = (GET_TASK, THE_TASK, ())
PLACES: Mapping[str, Place] = {
    "unary": UNARY,
    "before the first event": (SEND_STREAMING_MESSAGE, HI, ()),
    "after some events": (SEND_STREAMING_MESSAGE, HI, (BEGUN, MORE)),
}
SAYS = "It says “no”: Zürich, 100 %, 東京 👩‍🚀"
DETAILS: tuple[Json, ...] = (
    {
        "@type": f"{PREFIX}google.rpc.BadRequest",
        "fieldViolations": [{"field": "message.parts[0].text", "description": "Is töo long"}],
    },
    {"@type": f"{PREFIX}google.rpc.RetryInfo", "retryDelay": "1.500s"},
    {"@type": f"{PREFIX}google.rpc.Help", "links": [{"description": "Why", "url": "https://example.com/?a=ü"}]},
    {"@type": f"{PREFIX}acme.v1.Oops", "value": base64.b64encode(bytes(range(256))).decode()},
)


def failure(kind: ErrorKind, edge: str) -> Failure:
    info = error_info(kind, taskId="task-1", said="Zürich")
    return Failure(EDGES[edge].code(kind), SAYS, (info, *DETAILS))


@every_caller
@every_agent
@pytest.mark.parametrize("place", PLACES)
async def test_every_error_survives_the_hop(rig: Rig, place: str, north: str, south: str) -> None:
    operation, request, results = PLACES[place]
    heard = {
        kind: await rig.hear(north, south, operation, request, Play(results, failure(kind, south)))
        for kind in ErrorKind
    }
    events = as_heard(north, operation, results)
    assert heard == {kind: Heard(events, failure(kind, north)) for kind in ErrorKind}


# Agents that send no details


_BY_CODE: Mapping[int | str, ErrorKind] = {
    -32700: ErrorKind.PARSE_ERROR,
    -32600: ErrorKind.INVALID_REQUEST,
    -32601: ErrorKind.METHOD_NOT_FOUND,
    -32602: ErrorKind.INVALID_PARAMS,
    -32603: ErrorKind.INTERNAL_ERROR,
    -32001: ErrorKind.TASK_NOT_FOUND,
    -32002: ErrorKind.TASK_NOT_CANCELABLE,
    -32003: ErrorKind.PUSH_NOTIFICATION_NOT_SUPPORTED,
    -32004: ErrorKind.UNSUPPORTED_OPERATION,
    -32005: ErrorKind.CONTENT_TYPE_NOT_SUPPORTED,
    -32006: ErrorKind.INVALID_AGENT_RESPONSE,
    -32007: ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED,
    -32008: ErrorKind.EXTENSION_SUPPORT_REQUIRED,
    -32009: ErrorKind.VERSION_NOT_SUPPORTED,
    -32099: ErrorKind.INTERNAL_ERROR,
    1: ErrorKind.INTERNAL_ERROR,
}
_BY_STATUS: Mapping[int | str, ErrorKind] = {
    "CANCELLED": ErrorKind.CANCELLED,
    "UNKNOWN": ErrorKind.UNKNOWN,
    "INVALID_ARGUMENT": ErrorKind.INVALID_PARAMS,
    "DEADLINE_EXCEEDED": ErrorKind.DEADLINE_EXCEEDED,
    "NOT_FOUND": ErrorKind.TASK_NOT_FOUND,
    "ALREADY_EXISTS": ErrorKind.ALREADY_EXISTS,
    "PERMISSION_DENIED": ErrorKind.PERMISSION_DENIED,
    "RESOURCE_EXHAUSTED": ErrorKind.RESOURCE_EXHAUSTED,
    "FAILED_PRECONDITION": ErrorKind.UNSUPPORTED_OPERATION,
    "ABORTED": ErrorKind.ABORTED,
    "OUT_OF_RANGE": ErrorKind.OUT_OF_RANGE,
    "UNIMPLEMENTED": ErrorKind.METHOD_NOT_FOUND,
    "INTERNAL": ErrorKind.INTERNAL_ERROR,
    "UNAVAILABLE": ErrorKind.UNAVAILABLE,
    "DATA_LOSS": ErrorKind.DATA_LOSS,
    "UNAUTHENTICATED": ErrorKind.UNAUTHENTICATED,
}
_BY_BOTH: Mapping[int | str, ErrorKind] = {
    "400 INVALID_ARGUMENT": ErrorKind.INVALID_PARAMS,
    "400 FAILED_PRECONDITION": ErrorKind.UNSUPPORTED_OPERATION,
    "400 OUT_OF_RANGE": ErrorKind.OUT_OF_RANGE,
    "401 UNAUTHENTICATED": ErrorKind.UNAUTHENTICATED,
    "403 PERMISSION_DENIED": ErrorKind.PERMISSION_DENIED,
    "404 NOT_FOUND": ErrorKind.TASK_NOT_FOUND,
    "409 ABORTED": ErrorKind.ABORTED,
    "409 ALREADY_EXISTS": ErrorKind.ALREADY_EXISTS,
    "429 RESOURCE_EXHAUSTED": ErrorKind.RESOURCE_EXHAUSTED,
    "499 CANCELLED": ErrorKind.CANCELLED,
    "500 INTERNAL": ErrorKind.INTERNAL_ERROR,
    "500 UNKNOWN": ErrorKind.UNKNOWN,
    "500 DATA_LOSS": ErrorKind.DATA_LOSS,
    "501 UNIMPLEMENTED": ErrorKind.METHOD_NOT_FOUND,
    "503 UNAVAILABLE": ErrorKind.UNAVAILABLE,
    "504 DEADLINE_EXCEEDED": ErrorKind.DEADLINE_EXCEEDED,
    # A name that nobody knows leaves the HTTP status.
    "401 ODD": ErrorKind.UNAUTHENTICATED,
    "403 ODD": ErrorKind.PERMISSION_DENIED,
    "503 ODD": ErrorKind.UNAVAILABLE,
    "418 ODD": ErrorKind.UNKNOWN,
}
BARE: Mapping[str, Mapping[int | str, ErrorKind]] = {
    "JSONRPC-1.0": _BY_CODE,
    "GRPC-1.0": _BY_STATUS,
    "REST-1.0": _BY_BOTH,
    "JSONRPC-0.3": _BY_CODE,
    "GRPC-0.3": _BY_STATUS,
    "REST-0.3": _BY_BOTH,
}
"""By the agent's edge: a code alone, and the kind that callers are told."""


def test_every_edge_has_codes_without_details() -> None:
    assert list(BARE) == list(EDGES)


@every_caller
@every_agent
async def test_error_without_details_gets_the_one_that_identifies_it(rig: Rig, north: str, south: str) -> None:
    operation, request, results = UNARY
    heard = {
        code: await rig.hear(north, south, operation, request, Play(results, Failure(code, SAYS)))
        for code in BARE[south]
    }
    assert heard == {
        code: Heard((), Failure(EDGES[north].code(kind), SAYS, (error_info(kind),)))
        for code, kind in BARE[south].items()
    }


TOLD_BY_THE_OPERATION: Mapping[str, tuple[Operation, Spelled, str, ErrorKind]] = {
    "a task that cannot be canceled": (
        CANCEL_TASK,
        THE_TASK,
        "FAILED_PRECONDITION",
        ErrorKind.TASK_NOT_CANCELABLE,
    ),
    "a card that is not there": (
        GET_EXTENDED_AGENT_CARD,
        Spelled({}, {}, {}),
        "NOT_FOUND",
        ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED,
    ),
}
"""Statuses that mean more of one operation than of others."""
HTTP = {"FAILED_PRECONDITION": "400 FAILED_PRECONDITION", "NOT_FOUND": "404 NOT_FOUND"}


@every_caller
@pytest.mark.parametrize("south", [name for name, edge in EDGES.items() if edge.binding != "JSONRPC"])
@pytest.mark.parametrize("case", TOLD_BY_THE_OPERATION)
async def test_operation_says_more_than_the_status(rig: Rig, case: str, north: str, south: str) -> None:
    operation, request, status, kind = TOLD_BY_THE_OPERATION[case]
    code = status if EDGES[south].binding == "GRPC" else HTTP[status]
    heard = await rig.hear(north, south, operation, request, Play(failure=Failure(code, SAYS)))
    assert heard == Heard((), Failure(EDGES[north].code(kind), SAYS, (error_info(kind),)))


CLASS_NAMES = [
    (ErrorKind.TASK_NOT_FOUND, "TaskNotFoundError"),
    (ErrorKind.TASK_NOT_CANCELABLE, "TaskNotCancelableError"),
    (ErrorKind.PUSH_NOTIFICATION_NOT_SUPPORTED, "PushNotificationNotSupportedError"),
    (ErrorKind.UNSUPPORTED_OPERATION, "UnsupportedOperationError"),
    (ErrorKind.CONTENT_TYPE_NOT_SUPPORTED, "ContentTypeNotSupportedError"),
    (ErrorKind.INVALID_AGENT_RESPONSE, "InvalidAgentResponseError"),
    pytest.param(ErrorKind.PARSE_ERROR, "JSONParseError"),
    (ErrorKind.INVALID_REQUEST, "InvalidRequestError"),
    (ErrorKind.METHOD_NOT_FOUND, "MethodNotFoundError"),
    (ErrorKind.INVALID_PARAMS, "InvalidParamsError"),
    (ErrorKind.INTERNAL_ERROR, "InternalError"),
]
"""By the name of its class before the words, the stock Python peers of 0.3 tell an error on gRPC, without details."""


@pytest.mark.parametrize(("kind", "name"), CLASS_NAMES)
async def test_class_name_identifies_what_an_agent_of_grpc_0_3_says(rig: Rig, kind: ErrorKind, name: str) -> None:
    operation, request, _ = UNARY
    said = Failure("RESOURCE_EXHAUSTED", f"{name}: {SAYS}")
    for north in EDGES:
        heard = await rig.hear(north, "GRPC-0.3", operation, request, Play(failure=said))
        assert heard == Heard((), Failure(EDGES[north].code(kind), SAYS, (error_info(kind),)))


@pytest.mark.parametrize(("kind", "name"), CLASS_NAMES)
async def test_class_name_is_told_to_callers_of_grpc_0_3(rig: Rig, kind: ErrorKind, name: str) -> None:
    operation, request, _ = UNARY
    for south in EDGES:
        rig.agents[south].plays(operation, Play(failure=failure(kind, south)))
        async with GrpcCaller(rig.gateway.grpc) as caller:
            wire = PROTO.wire_request(operation, request.proto)
            outcome = await caller.call(GRPC_0_3[operation], wire, metadata=(("a2a-agent", south),))
        assert outcome.details == f"{name}: {SAYS}"


OLD_BODIES: Mapping[str, ErrorKind] = {
    "400": ErrorKind.INVALID_PARAMS,
    "401": ErrorKind.UNAUTHENTICATED,
    "403": ErrorKind.PERMISSION_DENIED,
    "404": ErrorKind.TASK_NOT_FOUND,
    "409": ErrorKind.TASK_NOT_CANCELABLE,
    "415": ErrorKind.CONTENT_TYPE_NOT_SUPPORTED,
    "422": ErrorKind.INVALID_PARAMS,
    "500": ErrorKind.INTERNAL_ERROR,
    "501": ErrorKind.UNSUPPORTED_OPERATION,
    "503": ErrorKind.UNAVAILABLE,
    "418": ErrorKind.UNKNOWN,
}
"""HTTP statuses beside which there is nothing but `message`, as stock agents of 0.3 have it."""


@every_caller
async def test_message_and_status_are_all_that_an_agent_of_0_3_says(rig: Rig, north: str) -> None:
    operation, request, _ = UNARY
    heard = {
        code: await rig.hear(north, "REST-0.3", operation, request, Play(failure=Failure(code, SAYS)))
        for code in OLD_BODIES
    }
    assert heard == {
        code: Heard((), Failure(EDGES[north].code(kind), SAYS, (error_info(kind),)))
        for code, kind in OLD_BODIES.items()
    }


# Where a stream that is refused is told so


@every_agent
async def test_refused_stream_of_json_rpc(rig: Rig, south: str) -> None:
    """Callers of 0.3 read a stream where they asked for one, callers of 1.0 either."""
    failed = Play(failure=failure(ErrorKind.TASK_NOT_FOUND, south))
    media_types: dict[str, str | None] = {}
    for north, method in (("JSONRPC-1.0", "SendStreamingMessage"), ("JSONRPC-0.3", "message/stream")):
        rig.agents[south].plays(SEND_STREAMING_MESSAGE, failed)
        async with HttpCaller(f"http://{rig.gateway.http}/{south}/") as caller:
            await caller.post(method, HI[spelling_of(north)], headers=())
            media_types[north] = (await caller.read_all()).header("content-type")
    assert media_types == {"JSONRPC-1.0": "application/json", "JSONRPC-0.3": "text/event-stream"}
