"""One HTTP/2 connection of a caller: h2 keeps the protocol, what there is much of is handled by hand.

h2 sees HEADERS and SETTINGS: it keeps HPACK, settings, and which streams there may be. DATA, credit
either way, PING, RST_STREAM and GOAWAY stay here, a twentieth of the cost and less. What is answered
needs no HPACK table (`codec/hpack.py`).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, cast

import h2.events
import h2.exceptions
import structlog
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from h2.stream import StreamClosedBy

from gateway.codec import grpc_http2, hpack, http2
from gateway.codec.grpc_http2 import RequestHead
from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus
from gateway.http2.inbound import Inbound
from gateway.http2.inflow import Inflow
from gateway.http2.machine import FRAME_BYTES, Machine
from gateway.http2.outlet import Outlet
from gateway.http2.patience import PER_CONTENT, Abuse, Patience
from gateway.http2.probe import Probe
from gateway.northbound.transport.h2_closing import Closing
from gateway.northbound.transport.h2_outflow import Outflow, widen
from gateway.northbound.transport.h2_rpc import Fields, H2Rpc
from gateway.northbound.transport.server import BROKEN_OFF, Handler, Refused
from gateway.settings import Limits

STOPPING = "The gateway is shutting down"
_PROBE, _FAREWELL = b"a2a ping", b"farewell"
_KIB = 1024

_log = structlog.get_logger("a2a_gateway.northbound")


class Host(Protocol):
    """What a connection tells its server."""

    def opened(self, connection: "H2Connection") -> None:
        """It is there."""
        ...

    def lost(self, connection: "H2Connection") -> None:
        """It is not there any more."""
        ...


class H2Connection(asyncio.Protocol):
    """A connection and its rpcs, each served by the handler of its path."""

    def __init__(self, limits: Limits, handlers: Mapping[str, Handler], host: Host) -> None:
        self.tasks = set[asyncio.Task[None]]()
        """Of handlers; they may outlive their rpcs by what they have to give back."""
        self._limits = limits
        self._handlers = handlers
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._window_bytes = min(limits.stream_buffer_bytes, http2.MOST_WINDOW)
        header_bytes = 4 * limits.header_bytes  # above our own bound, so that the refusal is an answer
        self._h2 = Machine(
            client=False, window_bytes=self._window_bytes, header_bytes=header_bytes, streams=limits.http2_streams
        )
        self._frames = http2.FrameReader(FRAME_BYTES, header_bytes)
        self._preface: bytes | None = b""
        """What came of it; None once it is complete."""
        self._greeted = False
        """The caller's SETTINGS came."""
        self._streams: dict[int, H2Rpc] = {}
        self._inflow = Inflow()
        self._outflow = Outflow(self._put, self._window_bytes)
        self._table_told = False
        self._read_paused = False
        self._patience = Patience(limits.control_frames)
        self._probe = Probe(
            limits.ping_s,
            limits.ping_answer_s,
            needed=lambda: not self._closed,
            ask=lambda: self._put(http2.ping(_PROBE)),
            dead=self._abort,
        )
        self._draining = False
        self._last_stream: int | None = None
        """The last one that is served, once that was said."""
        self._closed = False
        """Nothing more is read or said."""
        self._closing: Closing | None = None
        self._timer: asyncio.TimerHandle | None = None
        """For the preface, then for the answer to a farewell."""

    # For the server

    def drain(self) -> None:
        """Says that no more rpcs should come; closes once the last one is over."""
        if self._draining or self._closed:
            return
        self._draining = True
        if not self._greeted:
            self._close()
            return
        # Who has sent a request meanwhile is still served: the last one is named when the PING comes back.
        self._put(http2.said_goodbye(http2.MOST_WINDOW, ErrorCodes.NO_ERROR) + http2.ping(_FAREWELL))
        self._start_timer(self._limits.ping_answer_s, self._say_goodbye)

    def stop(self) -> None:
        """Ends every rpc, tells the caller so, and closes as soon as that can be."""
        if not self._closed:
            for rpc in list(self._streams.values()):
                rpc.finish(GrpcStatus.UNAVAILABLE, STOPPING)
                rpc.cancel()
            self._say_goodbye()
        if self._closing is not None:
            self._closing.hurry()

    # For rpcs

    def write(self, rpc: H2Rpc, content: memoryview) -> int:
        if (size := self._outflow.write(rpc, content)) >= _KIB:
            self._patience.earn(size // _KIB, len(self._streams))
        return size

    def delivered(self, messages: int) -> None:
        self._patience.earn(PER_CONTENT + messages, len(self._streams))

    async def room(self, rpc: H2Rpc) -> None:
        await self._outflow.room(rpc)

    def head(self, rpc: H2Rpc, fields: Fields) -> None:
        self._put(self._headers(rpc, fields, end=False))

    def end(self, rpc: H2Rpc, fields: Fields) -> None:
        last = self._headers(rpc, fields, end=True)
        if not rpc.inbound.ended:
            # The caller need not send what nobody will read (RFC 9113 section 8.1).
            last += http2.rst_stream(rpc.stream_id, ErrorCodes.NO_ERROR)
        self._put(last)
        self._remove(rpc)

    # For the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class
        self._outlet = Outlet(self._transport)
        self._h2.initiate_connection()
        self._flush()
        self._put(self._inflow.opening())
        self._start_timer(self._limits.head_s, self._abort)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._closed:
            return
        self._probe.heard()
        if self._preface is not None:
            data = self._begun(self._preface + data)
            if self._closed:
                return
        try:
            for frame in self._frames.feed(data):
                self._take(*frame)
                if self._closed:
                    return
        except Malformed as error:
            self._refuse(ErrorCodes.FRAME_SIZE_ERROR if error.too_large else ErrorCodes.PROTOCOL_ERROR)
        except Abuse:
            self._refuse(ErrorCodes.ENHANCE_YOUR_CALM)
        except h2.exceptions.ProtocolError as error:
            self._h2.clear_outbound_data_buffer()  # its GOAWAY; ours knows which streams were looked at
            self._refuse(error.error_code)
        else:
            if credit := self._inflow.credit():
                self._put(credit)
            self._flush()
            self._hold_off()

    def eof_received(self) -> None:
        self._leave_all()

    def pause_writing(self) -> None:
        self._outflow.paused = True

    def resume_writing(self) -> None:
        self._outflow.paused = False
        self._probe.heard()
        self._read_on()
        self._outflow.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        self._stop_timer()
        self._probe.stop()
        if self._closing is not None:
            self._closing.stop()
        self._leave_all()
        self._host.lost(self)

    def _hold_off(self) -> None:
        """Reads no more of a caller that asks and does not take the answers."""
        self._outlet.flush()
        too_much = self._outflow.paused and self._transport.get_write_buffer_size() > self._window_bytes
        if too_much and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()

    def _read_on(self) -> None:
        if self._read_paused and not self._transport.is_closing():
            self._read_paused = False
            self._transport.resume_reading()

    # Frames

    def _begun(self, data: bytes) -> bytes:
        """What follows the preface, once that is complete."""
        whole = len(http2.PREFACE)
        if data[:whole] != http2.PREFACE[: len(data)]:
            self._refuse(ErrorCodes.PROTOCOL_ERROR)
            return b""
        if len(data) < whole:
            self._preface = data
            return b""
        self._preface = None
        self._h2.receive_data(http2.PREFACE)
        return data[whole:]

    def _take(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        if kind == http2.DATA:
            self._data(flags, stream_id, payload)
            return
        if not self._greeted and kind != http2.SETTINGS:
            raise Malformed("a connection that does not begin with SETTINGS")
        rpc = self._streams.get(stream_id)
        match kind:
            case http2.HEADERS:
                if rpc is not None and rpc.inbound.ended:
                    raise Malformed("HEADERS behind the end of a request")
                self._h2_takes(kind, flags, stream_id, payload)
                return
            case http2.WINDOW_UPDATE:
                self._more_room(rpc, stream_id, payload)
            case http2.RST_STREAM:
                self._was_reset(rpc, stream_id, payload)
            case http2.PING:
                self._ping(flags, stream_id, payload)
            case http2.SETTINGS | http2.CONTINUATION:
                self._h2_takes(kind, flags, stream_id, payload)
            case http2.PUSH_PROMISE:
                raise Malformed("a promise of a caller")
            case _:
                pass  # PRIORITY, a caller's GOAWAY and what nobody knows change nothing
        self._patience.spend(len(self._streams))

    def _data(self, flags: int, stream_id: int, payload: bytes) -> None:
        cost = len(payload)
        content = http2.unpadded(payload) if flags & http2.PADDED else payload
        self._inflow.receive(cost)
        if (rpc := self._streams.get(stream_id)) is None:
            was_open = stream_id % 2 == 1 and stream_id <= self._h2.highest_inbound_stream_id
            self._inflow.stray(cost, was_open=was_open)
        elif rpc.inbound.ended:
            raise Malformed("DATA behind the end of a request")
        elif not rpc.inbound.receive(content, cost):
            self._refuse(ErrorCodes.FLOW_CONTROL_ERROR)
            return
        elif flags & http2.END_STREAM:
            self._request_ended(rpc)
            return
        if not content:
            self._patience.spend(len(self._streams))

    def _more_room(self, rpc: H2Rpc | None, stream_id: int, payload: bytes) -> None:
        increment = http2.increment(payload)
        if not stream_id:
            self._outflow.window += increment
            if not increment or self._outflow.window > http2.MOST_WINDOW:
                self._refuse(ErrorCodes.FLOW_CONTROL_ERROR if increment else ErrorCodes.PROTOCOL_ERROR)
            else:
                self._outflow.resume()
        elif rpc is None:
            self._check_was_open(stream_id)
        elif not increment or rpc.window + increment > http2.MOST_WINDOW:
            self._reset(rpc, ErrorCodes.FLOW_CONTROL_ERROR if increment else ErrorCodes.PROTOCOL_ERROR)
        else:
            widen(rpc, increment)

    def _was_reset(self, rpc: H2Rpc | None, stream_id: int, payload: bytes) -> None:
        http2.number(payload)
        if rpc is None:
            self._check_was_open(stream_id)
        else:
            self._leave(rpc)

    def _ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id or len(payload) != 8:
            raise Malformed("a PING that is none", too_large=not stream_id)
        if not flags & http2.ACK:
            self._put(http2.ping(payload, ack=True))
        elif payload == _FAREWELL and self._draining:
            self._say_goodbye()

    def _h2_takes(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        for event in self._h2.receive(kind, flags, stream_id, payload):
            match event:
                case h2.events.RequestReceived(stream_id=int(number), headers=fields):
                    self._request(number, fields or (), ended=event.stream_ended is not None)
                case h2.events.TrailersReceived(stream_id=int(number)):
                    if (rpc := self._streams.get(number)) is not None:
                        self._request_ended(rpc)
                case h2.events.RemoteSettingsChanged():
                    self._settings(event)
                case _:
                    pass

    def _settings(self, event: h2.events.RemoteSettingsChanged) -> None:
        if not self._greeted:
            self._greeted = True
            self._stop_timer()
            self._probe.begin()
        if (changed := event.changed_settings.get(SettingCodes.INITIAL_WINDOW_SIZE)) is not None:
            by = changed.new_value - (changed.original_value or 0)
            for rpc in list(self._streams.values()):
                if rpc.window + by > http2.MOST_WINDOW:
                    self._refuse(ErrorCodes.FLOW_CONTROL_ERROR)
                    return
                widen(rpc, by)

    # Requests

    def _request(self, stream_id: int, fields: Iterable[tuple[bytes, bytes]], *, ended: bool) -> None:
        most = self._limits.http2_streams
        if self._last_stream is not None or len(self._streams) >= most or len(self.tasks) >= 2 * most:
            self._turn_away(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        try:
            head = grpc_http2.request_head(fields)
        except Malformed:
            self._turn_away(stream_id, ErrorCodes.PROTOCOL_ERROR)
            return
        inbound = Inbound(stream_id, self._window_bytes, self._limits.message_bytes, self._credit)
        rpc = H2Rpc(self, head, inbound, self._h2.remote_settings.initial_window_size, self._limits.body_s)
        self._streams[stream_id] = rpc
        if ended:
            self._request_ended(rpc)
        if head.method != "POST" or not _is_grpc(head.content_type):
            self.end(rpc, [(":status", "405" if head.method != "POST" else "415")])
        elif (handler := self._accepted(rpc, head)) is not None:
            rpc.task = self._loop.create_task(_handle(rpc, handler))
            self.tasks.add(rpc.task)
            rpc.task.add_done_callback(self.tasks.discard)

    def _request_ended(self, rpc: H2Rpc) -> None:
        rpc.inbound.end()
        self._h2.forget(rpc.stream_id, StreamClosedBy.RECV_END_STREAM)  # what h2 knows of it is not needed any more

    def _accepted(self, rpc: H2Rpc, head: RequestHead) -> Handler | None:
        """The handler of an rpc that may be served; any other one is answered."""
        if head.encoding and head.encoding not in grpc_http2.KNOWN_ENCODINGS:
            known = [("grpc-accept-encoding", grpc_http2.ACCEPTED_ENCODINGS)]
            rpc.finish(GrpcStatus.UNIMPLEMENTED, f"Messages compressed as {head.encoding[:32]!r} are not read", known)
            return None
        rpc.inbound.compressed_as(head.encoding or "identity")
        if head.timeout:
            try:
                timeout_s = grpc_http2.timeout_s(head.timeout)
            except Malformed as error:
                rpc.finish(GrpcStatus.INTERNAL, str(error))
                return None
            if timeout_s <= 0:
                rpc.finish(GrpcStatus.DEADLINE_EXCEEDED, "The caller has no time")
                return None
            rpc.expire_at(self._loop.time() + timeout_s)
        if (handler := self._handlers.get(head.path)) is None:
            rpc.finish(GrpcStatus.UNIMPLEMENTED, "There is no such method here")
        return handler

    def _turn_away(self, stream_id: int, code: ErrorCodes) -> None:
        """Nothing was done for this stream."""
        self._inflow.give_up(self._window_bytes)
        self._h2.forget(stream_id, StreamClosedBy.SEND_RST_STREAM)
        self._put(http2.rst_stream(stream_id, code))
        self._patience.spend(len(self._streams))

    def _credit(self, stream_id: int, increment: int) -> None:
        self._put(http2.window_update(stream_id, increment))

    def _check_was_open(self, stream_id: int) -> None:
        if stream_id > self._h2.highest_inbound_stream_id or stream_id % 2 == 0:
            raise Malformed("a frame on a stream that was never opened")

    # Streams

    def _headers(self, rpc: H2Rpc, fields: Fields, *, end: bool) -> bytes:
        block = hpack.literals(fields)
        if not self._table_told:
            self._table_told, block = True, hpack.NO_TABLE + block
        return http2.headers(rpc.stream_id, block, FRAME_BYTES, end=end)

    def _reset(self, rpc: H2Rpc, code: ErrorCodes) -> None:
        self._put(http2.rst_stream(rpc.stream_id, code))
        self._leave(rpc)

    def _leave(self, rpc: H2Rpc) -> None:
        """Nobody waits for the rest of an rpc."""
        self._remove(rpc)
        rpc.cancel()

    def _leave_all(self) -> None:
        for rpc in list(self._streams.values()):
            self._leave(rpc)

    def _remove(self, rpc: H2Rpc) -> None:
        del self._streams[rpc.stream_id]
        if not rpc.inbound.ended:
            self._inflow.give_up(rpc.inbound.window)
            self._h2.forget(rpc.stream_id, StreamClosedBy.SEND_RST_STREAM)
        rpc.over()
        self._outflow.leave(rpc)
        self._patience.earn(0, len(self._streams))
        if self._last_stream is not None and not self._streams:
            self._close()

    # The end

    def _say_goodbye(self) -> None:
        """Names the last stream that is served; closes where none is under way."""
        if self._closed or self._last_stream is not None:
            return
        self._stop_timer()
        self._last_stream = self._h2.highest_inbound_stream_id
        self._put(http2.said_goodbye(self._last_stream, ErrorCodes.NO_ERROR))
        if not self._streams:
            self._close()

    def _refuse(self, code: ErrorCodes | int) -> None:
        """The connection is over for the caller's fault."""
        if not self._closed:
            self._put(http2.said_goodbye(self._h2.highest_inbound_stream_id, code))
            self._close()
            self._leave_all()
            if self._closing is not None:
                self._closing.hurry()

    def _close(self) -> None:
        """Everything is said."""
        if self._closed:
            return
        self._closed = True
        self._stop_timer()
        self._probe.stop()
        self._read_on()
        self._outlet.flush()
        self._closing = Closing(self._transport, self._limits.send_stall_s)

    def _start_timer(self, seconds: float, act: Callable[[], None]) -> None:
        self._timer = self._loop.call_later(seconds, act)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._put(data)

    def _abort(self) -> None:
        self._transport.abort()

    def _put(self, data: bytes) -> None:
        self._outlet.put(data)


async def _handle(rpc: H2Rpc, handler: Handler) -> None:
    try:
        await handler(rpc)
    except Refused as refused:
        rpc.finish(refused.status, refused.text)
    except Exception:
        _log.exception("unexpected error in an rpc")
    finally:
        rpc.finish(GrpcStatus.INTERNAL, BROKEN_OFF)


def _is_grpc(content_type: str) -> bool:
    return content_type == "application/grpc" or content_type.startswith(("application/grpc+", "application/grpc;"))
