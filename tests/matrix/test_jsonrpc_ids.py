"""The id of a JSON-RPC request comes back as it was written, byte for byte, from every kind of agent."""

import json

import pytest

from gateway.errors import ErrorKind
from gateway.operations import GET_TASK, SEND_STREAMING_MESSAGE, Operation
from tests.fakes.callers import Ending, HttpCaller
from tests.fakes.events import COMPLETED, Json, bare_task, send_params, status, task
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, every_agent
from tests.matrix.meaning import Failure, Play, error_info

pytestmark = pytest.mark.anyio

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

RESULTS: tuple[Json, ...] = (task(), status(COMPLETED))
every_id = pytest.mark.parametrize("id", IDS, ids=ascii)


async def post(rig: Rig, south: str, operation: Operation, params: Json, id: bytes) -> HttpCaller:
    body = b'{"method":"%s","id" : %s ,"params":%s,"jsonrpc":"2.0"}'
    async with HttpCaller(f"http://{rig.gateway.http}/{south}/") as caller:
        await caller.post_body(body % (operation.name.encode(), id, json.dumps(params).encode()))
        received = await caller.read_all()
        assert received.ending is Ending.WHOLE
        return caller


@every_agent
@every_id
async def test_result_has_the_id_of_its_request(rig: Rig, id: bytes, south: str) -> None:
    rig.agents[south].plays(GET_TASK, Play((bare_task(),)))
    caller = await post(rig, south, GET_TASK, {"id": "task-1"}, id)
    assert bytes(caller.received.body).startswith(b'{"jsonrpc":"2.0","id":%s,"result":{' % id)


@every_agent
@every_id
async def test_every_event_has_the_id_of_its_request(rig: Rig, id: bytes, south: str) -> None:
    kind = ErrorKind.TASK_NOT_FOUND
    late = Failure(EDGES[south].code(kind), "gone", (error_info(kind),))
    rig.agents[south].plays(SEND_STREAMING_MESSAGE, Play(RESULTS[:1], late))
    caller = await post(rig, south, SEND_STREAMING_MESSAGE, send_params(), id)
    event, error = (event.data.encode() for event in caller.received.events)
    assert event.startswith(b'{"jsonrpc":"2.0","id":%s,"result":{' % id)
    assert error.startswith(b'{"jsonrpc":"2.0","id":%s,"error":{' % id)


@every_agent
@every_id
async def test_error_has_the_id_of_its_request(rig: Rig, id: bytes, south: str) -> None:
    kind = ErrorKind.TASK_NOT_FOUND
    rig.agents[south].plays(GET_TASK, Play(failure=Failure(EDGES[south].code(kind), "gone", (error_info(kind),))))
    caller = await post(rig, south, GET_TASK, {"id": "task-1"}, id)
    assert bytes(caller.received.body).startswith(b'{"jsonrpc":"2.0","id":%s,"error":{' % id)
