"""The id of a JSON-RPC request comes back as it was written, byte for byte, from every kind of agent."""

import json

import pytest

from gateway.errors import ErrorKind
from gateway.operations import GET_TASK, SEND_STREAMING_MESSAGE, Operation
from tests.fakes.callers import Ending, HttpCaller, Received
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, every_agent, spelling_of
from tests.matrix.languages import JSONRPC_0_3, JSONRPC_1_0
from tests.matrix.meaning import Failure, Play, Spelled, error_info
from tests.matrix.words import BEGUN, CANCELED, HI, THE_TASK

pytestmark = pytest.mark.anyio

METHODS = {"JSONRPC-1.0": JSONRPC_1_0, "JSONRPC-0.3": JSONRPC_0_3}
every_jsonrpc_caller = pytest.mark.parametrize("north", METHODS)
KIND = ErrorKind.TASK_NOT_FOUND

IDS = [
    b"1",
    b"0",
    b"-0",
    b"1.0",
    b"1e2",
    b"1.50E+1",
    b"9007199254740993",
    b"123456789012345678901234567890",
    b"null",
    b'""',
    b'"a"',
    b'"1"',
    rb'"\u0041\/\n"',
    rb'"\ud83d\udc69"',
    '"Zürich 東京 👩‍🚀"'.encode(),
    b'"\x7f {\\"id\\": 2}"',
]
"""JSON texts that a reader would take for one another, or write in another way."""


async def post(rig: Rig, north: str, south: str, operation: Operation, params: Spelled) -> dict[bytes, Received]:
    """The answers to one request after the other, by id."""
    method, text = METHODS[north][operation].encode(), json.dumps(params[spelling_of(north)]).encode()
    answers: dict[bytes, Received] = {}
    async with HttpCaller(f"http://{rig.gateway.http}/{south}/") as caller:
        for call_id in IDS:
            await caller.post_body(b'{"method":"%s","id" : %s ,"params":%s,"jsonrpc":"2.0"}' % (method, call_id, text))
            answers[call_id] = await caller.read_all()
            assert answers[call_id].ending is Ending.WHOLE
    return answers


def failure(south: str) -> Failure:
    return Failure(EDGES[south].code(KIND), "gone", (error_info(KIND),))


@every_jsonrpc_caller
@every_agent
async def test_result_has_the_id_of_its_request(rig: Rig, north: str, south: str) -> None:
    rig.agents[south].plays(GET_TASK, Play((CANCELED,)))
    for call_id, received in (await post(rig, north, south, GET_TASK, THE_TASK)).items():
        assert bytes(received.body).startswith(b'{"jsonrpc":"2.0","id":%s,"result":{' % call_id)


@every_jsonrpc_caller
@every_agent
async def test_every_event_has_the_id_of_its_request(rig: Rig, north: str, south: str) -> None:
    rig.agents[south].plays(SEND_STREAMING_MESSAGE, Play((BEGUN,), failure(south)))
    for call_id, received in (await post(rig, north, south, SEND_STREAMING_MESSAGE, HI)).items():
        event, error = (event.data.encode() for event in received.events)
        assert event.startswith(b'{"jsonrpc":"2.0","id":%s,"result":{' % call_id)
        assert error.startswith(b'{"jsonrpc":"2.0","id":%s,"error":{' % call_id)


@every_jsonrpc_caller
@every_agent
async def test_error_has_the_id_of_its_request(rig: Rig, north: str, south: str) -> None:
    rig.agents[south].plays(GET_TASK, Play(failure=failure(south)))
    for call_id, received in (await post(rig, north, south, GET_TASK, THE_TASK)).items():
        assert bytes(received.body).startswith(b'{"jsonrpc":"2.0","id":%s,"error":{' % call_id)
