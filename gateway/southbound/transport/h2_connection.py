"""One HTTP/2 connection to a gRPC agent: h2 keeps the protocol, DATA and credit are handled by hand.

h2 keeps HPACK, SETTINGS, PING, RST_STREAM and the states of streams; it is shown every frame but two.
DATA is counted against our own windows and goes straight to its stream, a twentieth of the cost.
GOAWAY stays here because h2 takes it for the end of everything, while streams that the agent has
looked at may finish.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import cast

import h2.events
import h2.exceptions
from h2.errors import ErrorCodes

from gateway.codec import grpc_http2, http2
from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus
from gateway.http2.inflow import Inflow
from gateway.http2.machine import FRAME_BYTES, Machine
from gateway.http2.outlet import Outlet
from gateway.http2.patience import PER_CONTENT, Abuse, Patience
from gateway.http2.probe import Probe
from gateway.settings import Limits
from gateway.southbound.transport.channel import RpcFailed
from gateway.southbound.transport.h2_stream import H2Stream, non_grpc

BROKEN = "The connection to the agent broke"


class H2Connection(asyncio.Protocol):
    """A connection and its streams.

    `on_closing` is called when it takes no new streams any more, and when it is closed.
    """

    def __init__(self, limits: Limits, on_closing: Callable[["H2Connection"], None]) -> None:
        self.closing = False
        self.closed = False
        self._limits = limits
        self._on_closing = on_closing
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[bool] = self._loop.create_future()
        self._window_bytes = min(limits.stream_buffer_bytes, http2.MOST_WINDOW)
        header_bytes = 8 * limits.header_bytes  # room for a long status text, whose code would be lost otherwise
        self._h2 = Machine(client=True, window_bytes=self._window_bytes, header_bytes=header_bytes)
        self._frames = http2.FrameReader(FRAME_BYTES, header_bytes)
        self._streams: dict[int, H2Stream] = {}
        self._unsent: dict[int, H2Stream] = {}
        """Streams whose request waits for a window or for the socket."""
        self._queue: deque[asyncio.Future[None]] = deque()
        """Who waits for a place among the streams that the agent allows at once."""
        self._promised = 0
        """Places that were given to those who waited and are not taken yet."""
        self._inflow = Inflow()
        self._write_paused = False
        self._probe = Probe(
            limits.agent_ping_s,
            limits.ping_answer_s,
            needed=lambda: bool(self._streams),
            ask=self._ask,
            dead=lambda: self._end("The agent stopped answering"),
        )
        self._patience = Patience(limits.control_frames)

    async def ready(self) -> bool:
        """Waits for the agent's SETTINGS; whether it speaks HTTP/2."""
        inside = self._transport.get_extra_info("ssl_object")
        return (inside is None or inside.selected_alpn_protocol() == "h2") and await asyncio.shield(self._ready)

    async def place(self) -> bool:
        """Waits for a place among the streams at once; False where the connection takes none any more.

        Whoever gets one opens a stream before it waits for anything else.
        """
        if self.closing:
            return False
        if not self._queue and self._has_room():
            self._promised += 1
            return True
        place: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._promised -= 1
                self._hand_out_places()
            raise
        if self.closing:
            self._promised -= 1
            return False
        return True

    def open(self, fields: list[tuple[str, str]], request: bytes) -> H2Stream:
        """Sends a request, as far as the agent's windows let it. Only after `place`. Raises RpcFailed."""
        self._promised -= 1
        try:
            stream_id = self._h2.get_next_available_stream_id()
            self._h2.send_headers(stream_id, fields)
        except h2.exceptions.ProtocolError:
            self._stop_opening()  # out of numbers, or in a state that h2 does not come back from
            self._close_if_done()
            raise RpcFailed(GrpcStatus.UNAVAILABLE, "The request could not be sent to the agent") from None
        stream = H2Stream(self, stream_id, request, self._window_bytes, self._limits.message_bytes)
        self._streams[stream_id] = stream
        self._patience.earn(PER_CONTENT, len(self._streams))
        self._push(stream)
        self._flush()
        self._probe.begin()
        return stream

    def close(self) -> None:
        """Ends the connection and everything on it."""
        if not self.closed:
            self._h2.close_connection()
            self._flush()
            self._end("The call was cancelled: the way to its agent is closed", GrpcStatus.CANCELLED)

    # For streams

    def credit(self, stream_id: int, increment: int) -> None:
        if not self.closed:
            self._outlet.put(http2.window_update(stream_id, increment))

    def abandon(self, stream: H2Stream) -> None:
        self._reset(stream, ErrorCodes.CANCEL)
        self._flush()

    # For the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class
        self._outlet = Outlet(self._transport)
        self._h2.initiate_connection()
        self._flush()
        self._outlet.put(self._inflow.opening())

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        self._probe.heard()
        streams, inflow, brought = self._streams, self._inflow, False
        try:
            for kind, flags, stream_id, payload in self._frames.feed(data):
                if kind != http2.DATA:
                    self._control(kind, flags, stream_id, payload)
                    continue
                cost = len(payload)
                content = http2.unpadded(payload) if flags & http2.PADDED else payload
                inflow.receive(cost)
                brought = brought or cost > 0
                if (stream := streams.get(stream_id)) is None or stream.head is None:
                    self._stray(stream_id, cost)
                elif not stream.receive(content, cost):
                    stream.finish(RpcFailed(GrpcStatus.INTERNAL, "The agent sent more than it was allowed"))
                    self._refuse(ErrorCodes.FLOW_CONTROL_ERROR)
                    return
                elif flags & http2.END_STREAM:
                    # gRPC ends with trailers. h2 has not seen this end, so it is told of one.
                    self._reset(stream, ErrorCodes.NO_ERROR)
                    stream.finish(RpcFailed(GrpcStatus.UNKNOWN, "The agent ended without a status"))
                elif not content:
                    self._count_control()
        except Malformed as error:
            self._refuse(ErrorCodes.FRAME_SIZE_ERROR if error.too_large else ErrorCodes.PROTOCOL_ERROR)
        except Abuse:
            self._refuse(ErrorCodes.ENHANCE_YOUR_CALM)
        except h2.exceptions.ProtocolError:
            self._flush()  # h2 has written its GOAWAY
            self._end(BROKEN)
        else:
            if brought:
                self._patience.earn(PER_CONTENT, len(streams))
                if credit := inflow.credit():
                    self._outlet.put(credit)
            self._flush()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._push_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(BROKEN)

    # Frames

    def _control(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id not in self._streams or kind not in (http2.HEADERS, http2.RST_STREAM):
            self._count_control()
        if kind == http2.GOAWAY:
            self._goaway(*http2.goaway(payload))
            return
        for event in self._h2.receive(kind, flags, stream_id, payload):
            match event:
                case h2.events.ResponseReceived(stream_id=int(number), headers=fields):
                    self._head(number, fields or (), ended=event.stream_ended is not None)
                case h2.events.TrailersReceived(stream_id=int(number), headers=fields):
                    self._trailers(number, fields or ())
                case h2.events.StreamReset(stream_id=int(number)):
                    self._was_reset(number, int(event.error_code or 0))
                case h2.events.RemoteSettingsChanged():
                    if not self._ready.done():
                        self._ready.set_result(True)
                    self._hand_out_places()
                    self._push_on()
                case h2.events.WindowUpdated():
                    self._push_on()
                case h2.events.InformationalResponseReceived():
                    self._count_control()
                case _:
                    pass

    def _head(self, stream_id: int, fields: Iterable[tuple[bytes, bytes]], *, ended: bool) -> None:
        if (stream := self._streams.get(stream_id)) is None:
            return
        named = dict(fields)
        pairs = grpc_http2.metadata(fields)
        failure = non_grpc(_text(named, b":status"), _text(named, b"content-type"))
        if ended:
            stream.trailers = pairs
            self._forget(stream)
            stream.finish(_end_of(pairs, failure))
        elif failure is not None:
            self._reset(stream, ErrorCodes.CANCEL)
            stream.finish(failure)
        else:
            stream.begin(pairs)

    def _trailers(self, stream_id: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        if (stream := self._streams.get(stream_id)) is not None:
            stream.trailers = grpc_http2.metadata(fields)
            self._forget(stream)
            stream.finish(_end_of(stream.trailers, None))

    def _was_reset(self, stream_id: int, code: int) -> None:
        if (stream := self._streams.get(stream_id)) is not None:
            status = grpc_http2.RESET_STATUS.get(code, GrpcStatus.INTERNAL)
            failure = RpcFailed(status, f"The agent broke off with HTTP/2 error {code}")
            self._remove(stream)
            stream.finish(failure, refused=code == ErrorCodes.REFUSED_STREAM and stream.head is None)

    def _goaway(self, last_stream_id: int, code: int) -> None:
        """Streams after the last one were not looked at; the others may finish."""
        self._stop_opening()
        failure = RpcFailed(GrpcStatus.UNAVAILABLE, f"The agent said goodbye with HTTP/2 error {code}")
        for stream in [stream for number, stream in self._streams.items() if number > last_stream_id]:
            self._remove(stream)
            stream.finish(failure, refused=True)
        self._close_if_done()

    def _stray(self, stream_id: int, cost: int) -> None:
        """DATA where no stream is open: left over from one that was given up, or a breach."""
        was_opened = stream_id % 2 == 1 and stream_id <= self._h2.highest_outbound_stream_id
        self._inflow.stray(cost, was_open=was_opened and stream_id not in self._streams)
        if cost == 0:
            self._count_control()

    def _count_control(self) -> None:
        self._patience.spend(len(self._streams))

    # Streams

    def _has_room(self) -> bool:
        return len(self._streams) + self._promised < self._h2.remote_settings.max_concurrent_streams

    def _hand_out_places(self) -> None:
        while self._queue and (self.closing or self._has_room()):
            place = self._queue.popleft()
            if not place.done():
                self._promised += 1
                place.set_result(None)

    def _forget(self, stream: H2Stream) -> None:
        """The agent has said all; what it did not want to hear is not sent."""
        if stream.unsent:
            self._h2.reset_stream(stream.stream_id, ErrorCodes.NO_ERROR)
        self._remove(stream)

    def _reset(self, stream: H2Stream, code: ErrorCodes) -> None:
        """The stream is over on our side."""
        if stream.stream_id in self._streams:
            self._inflow.give_up(stream.window)
            self._h2.reset_stream(stream.stream_id, code)
            self._remove(stream)

    def _remove(self, stream: H2Stream) -> None:
        del self._streams[stream.stream_id]
        self._h2.forget(stream.stream_id)
        self._patience.earn(0, len(self._streams))
        self._unsent.pop(stream.stream_id, None)
        self._hand_out_places()
        self._close_if_done()

    def _push(self, stream: H2Stream) -> None:
        """Sends what the windows and the socket take of a request."""
        machine, number = self._h2, stream.stream_id
        while not self._write_paused:
            room = min(machine.local_flow_control_window(number), machine.max_outbound_frame_size)
            if room <= 0:
                break
            piece, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            machine.send_data(number, piece, end_stream=not stream.unsent)
            if not stream.unsent:
                self._unsent.pop(number, None)
                return
            self._flush()
        self._unsent[number] = stream

    def _push_on(self) -> None:
        for stream in list(self._unsent.values()):
            self._push(stream)
        self._flush()

    # The connection

    def _ask(self) -> None:
        self._h2.ping(b"a2a ping")
        self._flush()

    def _flush(self) -> None:
        if (data := self._h2.data_to_send()) and not self.closed:
            self._outlet.put(data)

    def _stop_opening(self) -> None:
        if not self.closing:
            self.closing = True
            self._on_closing(self)
            self._hand_out_places()

    def _close_if_done(self) -> None:
        if self.closing and not self._streams:
            self._flush()
            self._end(BROKEN)

    def _refuse(self, code: ErrorCodes) -> None:
        self._h2.close_connection(code)
        self._flush()
        self._end(BROKEN)

    def _end(self, text: str, status: GrpcStatus = GrpcStatus.UNAVAILABLE) -> None:
        """The connection is over, from whichever side."""
        if self.closed:
            return
        self.closed = True
        if not self._ready.done():
            self._ready.set_result(False)
        self._stop_opening()
        for stream in list(self._streams.values()):
            stream.finish(RpcFailed(status, text))
        self._streams.clear()
        self._unsent.clear()
        self._probe.stop()
        self._on_closing(self)
        self._outlet.flush()
        if self._write_paused:
            self._transport.abort()  # it would wait for the agent to read
        else:
            self._transport.close()


def _text(named: dict[bytes, bytes], name: bytes) -> str:
    return named.get(name, b"").decode("latin-1")


def _end_of(pairs: grpc_http2.Pairs, failure: RpcFailed | None) -> RpcFailed | None:
    """What the last fields of a stream say of its end; what the HTTP answer came to where they say nothing."""
    told = grpc_http2.status_of(pairs)
    if told is None:
        return failure or RpcFailed(GrpcStatus.UNKNOWN, "The agent ended without a status", pairs)
    status, text = told
    return None if status is GrpcStatus.OK else RpcFailed(status, text, pairs)
