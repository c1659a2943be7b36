"""Where a cut stream says that it came to, and what its caller has."""

import pytest
from hyperframe.frame import DataFrame, WindowUpdateFrame

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import http_steps
from tests.fakes.callers import grpc_headers
from tests.fakes.events import Json, event_bytes, numbered, send_params, task, to_wire
from tests.fakes.h2_steps import frame
from tests.faults.gateway import STREAM, TO_JSONRPC, between
from tests.northbound.transport.raw_caller import RawCaller

pytestmark = pytest.mark.anyio

COUNT = 50
STREAM_PATH = f"/lf.a2a.v1.A2AService/{STREAM}"


def all_at_once(events: list[Json]) -> http_steps.Step:
    """Events with ids, in one piece."""
    return lambda exchange: exchange.event(
        b"".join(
            b"id: c-%d\ndata: %b\n\n" % (number, exchange.envelope("result", event))
            for number, event in enumerate(events)
        )
    )


@pytest.mark.parametrize("room", [0, 7, 20.5, 49.99])
async def test_a_cut_stream_names_the_last_event_that_went_whole(room: float) -> None:
    """One burst of fifty events, of which the caller's window takes some, and part of another."""
    events = [task(), *(numbered(number, 500) for number in range(1, COUNT))]
    sizes = [len(frame(event_bytes(event))) for event in events]
    whole = int(room)
    window = sum(sizes[:whole]) + int((room - whole) * sizes[min(whole, COUNT - 1)])
    async with between(TO_JSONRPC, {"send_stall_s": 0.3}) as it:
        it.agent.plays(STREAM, all_at_once(events), it.agent.linger())
        async with RawCaller(it.gateway.grpc, {4: window}) as caller:
            await caller.send(WindowUpdateFrame(0, window_increment=2**30).serialize())
            number = caller.new_stream()
            request = frame(to_wire(a2a.SendMessageRequest, send_params()))
            pairs = grpc_headers(STREAM_PATH, it.gateway.grpc)
            data = DataFrame(number, data=request, flags=["END_STREAM"]).serialize()
            await caller.send(caller.head(number, pairs) + data)
            answer = await caller.answer(number)
        assert answer.status == 10
        assert len(answer.data) == window
        assert len(answer.messages) == whole
        assert answer.fields.get("last-event-id") == (f"c-{whole - 1}" if whole else None)
