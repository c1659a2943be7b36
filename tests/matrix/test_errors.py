"""Every kind of error between every two edges: its kind, its words and its details are the same after the hop.

It may be the answer of a unary call, come before the first event of a stream, or after some.
"""

import base64
from collections.abc import Mapping

import pytest

from gateway.errors import ErrorKind
from gateway.operations import GET_TASK, SEND_STREAMING_MESSAGE, Operation
from tests.fakes.events import Json, artifact, send_params, task
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, every_agent, every_caller
from tests.matrix.meaning import PREFIX, Failure, Heard, Play, error_info

pytestmark = pytest.mark.anyio

Place = tuple[Operation, Json, tuple[Json, ...]]
"""An operation, its request, and the results before the error."""
UNARY: Place = (GET_TASK, {"id": "task-1"}, ())
PLACES: Mapping[str, Place] = {
    "unary": UNARY,
    "before the first event": (SEND_STREAMING_MESSAGE, send_params(), ()),
    "after some events": (SEND_STREAMING_MESSAGE, send_params(), (task(), artifact("one"))),
}
SAYS = "It says “no”: Zürich, 100 %, 東京 👩‍🚀"
MORE: tuple[Json, ...] = (
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
    return Failure(EDGES[edge].code(kind), SAYS, (info, *MORE))


@every_caller
@every_agent
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ErrorKind)
async def test_error_survives_the_hop(rig: Rig, kind: ErrorKind, place: str, north: str, south: str) -> None:
    operation, request, results = PLACES[place]
    heard = await rig.hear(north, south, operation, request, Play(results, failure(kind, south)))
    assert heard == Heard(results, failure(kind, north))


# Agents that send no details


BARE: Mapping[str, Mapping[int | str, ErrorKind]] = {
    "JSONRPC-1.0": {
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
    },
    "GRPC-1.0": {
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
    },
}
"""By the agent's edge: a code alone, and the kind that callers are told."""


def test_every_edge_has_codes_without_details() -> None:
    assert list(BARE) == list(EDGES)


@every_caller
@pytest.mark.parametrize(("south", "code"), [(south, code) for south, codes in BARE.items() for code in codes])
async def test_error_without_details_gets_the_one_that_identifies_it(
    rig: Rig, south: str, code: int | str, north: str
) -> None:
    kind = BARE[south][code]
    operation, request, results = UNARY
    heard = await rig.hear(north, south, operation, request, Play(results, Failure(code, SAYS)))
    assert heard == Heard((), Failure(EDGES[north].code(kind), SAYS, (error_info(kind),)))
