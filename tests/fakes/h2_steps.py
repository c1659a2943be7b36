"""Steps of a gRPC agent's script at the level of HTTP/2 frames.

Each step writes its frames and flushes, so the bytes of a script are the same in every run: the
golden stream that a `Cut` may end at any offset. The connection's own SETTINGS, PING and
WINDOW_UPDATE are not counted. Nothing here checks what it is told to send.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import h2.connection
import h2.errors
import h2.exceptions
from hyperframe.frame import GoAwayFrame

from tests.fakes import steps
from tests.fakes.loopback import Connection, Cut

HeaderList = list[tuple[str, str]]
GRPC_HEAD: HeaderList = [(":status", "200"), ("content-type", "application/grpc")]
GRPC_OK: HeaderList = [("grpc-status", "0")]


def frame(message: bytes, *, compressed: bool = False, claimed_bytes: int | None = None) -> bytes:
    """A length-prefixed gRPC message; it may claim another length than it has."""
    length = len(message) if claimed_bytes is None else claimed_bytes
    return bytes([compressed]) + length.to_bytes(4, "big") + message


@dataclass(slots=True)
class H2Call:
    """One request stream as it came, and what became of it."""

    stream_id: int
    headers: HeaderList
    connection: Connection
    received_at: float
    body: bytes = b""
    meter: steps.Meter = field(default_factory=steps.Meter)
    reset_code: int | None = None
    """The client's RST_STREAM: how a gRPC call is cancelled."""
    cancelled_at: float | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    completed: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def method(self) -> str:
        return (self.header(":path") or "").rpartition("/")[2]

    @property
    def message(self) -> bytes:
        """The request message without its prefix."""
        return self.body[5:]


class Ended(Exception):
    """The stream or the connection is over; the script cannot go on."""


@dataclass(slots=True)
class Session:
    """One HTTP/2 connection: the state machine, and who waits for its windows."""

    connection: Connection
    h2: h2.connection.H2Connection
    window_moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    calls: dict[int, H2Call] = field(default_factory=dict[int, H2Call])

    async def flush(self) -> None:
        """Send what the state machine has to say for itself, until it has nothing."""
        while data := self.h2.data_to_send():
            await self.connection.write(data)


class H2Exchange:
    """What the steps of a script act on: one stream of one connection."""

    def __init__(self, call: H2Call, session: Session, cut: Cut | None, piece_bytes: int | None = None) -> None:
        self.call = call
        self.session = session
        self._cut = cut
        self._piece_bytes = piece_bytes

    async def headers(self, headers: HeaderList, *, end: bool) -> None:
        """HEADERS: the response's the first time, trailers after that."""
        await self._write(lambda: self.session.h2.send_headers(self.call.stream_id, headers, end_stream=end))

    async def data(self, data: bytes, *, end: bool = False) -> None:
        """DATA, in as many frames as the peer's windows ask for."""
        machine, stream_id = self.session.h2, self.call.stream_id
        while True:
            room = min(machine.local_flow_control_window(stream_id), machine.max_outbound_frame_size)
            if room <= 0 and data:
                async with self.session.window_moved:
                    await self.session.window_moved.wait()
                if self.call.cancelled.is_set():
                    raise Ended
                continue
            piece, data = data[:room], data[room:]
            await self._write(partial(machine.send_data, stream_id, piece, end_stream=end and not data))
            if not data:
                return

    async def padded(self, content: bytes, pad_bytes: int) -> None:
        """DATA in one frame, with padding, once the peer's windows let it."""
        machine, stream_id = self.session.h2, self.call.stream_id
        while machine.local_flow_control_window(stream_id) <= len(content) + pad_bytes:
            async with self.session.window_moved:
                await self.session.window_moved.wait()
        await self._write(lambda: machine.send_data(stream_id, content, pad_length=pad_bytes))

    async def reset(self, code: int) -> None:
        await self._write(lambda: self.session.h2.reset_stream(self.call.stream_id, code))

    async def raw(self, data: bytes) -> None:
        """Bytes between the frames, unknown to the state machine."""
        await self.session.flush()
        await self._send(data)

    def end(self, *, reset: bool) -> None:
        """End the connection by FIN or RST."""
        if reset:
            self.call.connection.reset()
        else:
            self.call.connection.finish()
        raise Ended

    async def _write(self, act: Callable[[], None]) -> None:
        await self.session.flush()
        try:
            act()
        except h2.exceptions.ProtocolError as over:
            raise Ended from over
        await self._send(self.session.h2.data_to_send())

    async def _send(self, data: bytes) -> None:
        meter, cut = self.call.meter, self._cut
        room = len(data) if cut is None else max(0, cut.after_bytes - meter.bytes)
        step = self._piece_bytes or room or 1
        for start in range(0, min(room, len(data)), step):
            piece = data[start : min(start + step, room)]
            await self.call.connection.write(piece)
            meter.bytes += len(piece)
            if self._piece_bytes:
                await asyncio.sleep(0)
        if cut is not None and meter.bytes >= cut.after_bytes:
            self.end(reset=cut.reset)


Step = steps.Step[H2Exchange]
Script = steps.Script[H2Exchange]
Scripts = Mapping[str, Script] | Callable[[H2Call], Script]
"""By the rpc's name, "*" for any other; or chosen by looking at the call."""


def headers(pairs: HeaderList = GRPC_HEAD, *, end: bool = False) -> Step:
    """Response headers; with `end`, a Trailers-Only answer."""
    return lambda exchange: exchange.headers(pairs, end=end)


def trailers(pairs: HeaderList = GRPC_OK) -> Step:
    """Headers that end the stream."""
    return lambda exchange: exchange.headers(pairs, end=True)


def data(payload: bytes, *, end: bool = False) -> Step:
    """DATA as it stands."""
    return lambda exchange: exchange.data(payload, end=end)


def message(content: bytes, *, compressed: bool = False, claimed_bytes: int | None = None, end: bool = False) -> Step:
    """One length-prefixed message."""

    async def step(exchange: H2Exchange) -> None:
        await exchange.data(frame(content, compressed=compressed, claimed_bytes=claimed_bytes), end=end)
        exchange.call.meter.note_event()

    return step


def rst_stream(code: int = h2.errors.ErrorCodes.INTERNAL_ERROR) -> Step:
    """End this stream with an error code."""
    return lambda exchange: exchange.reset(code)


def goaway(code: int = h2.errors.ErrorCodes.NO_ERROR, last_stream_id: int = 2**31 - 1) -> Step:
    """GOAWAY; open streams go on, as after a graceful one."""
    return lambda exchange: exchange.raw(GoAwayFrame(0, last_stream_id=last_stream_id, error_code=code).serialize())


def raw(payload: bytes) -> Step:
    """Bytes that need not be frames."""
    return lambda exchange: exchange.raw(payload)


def frames(make: Callable[[int], bytes]) -> Step:
    """Bytes made for the stream's number, past the state machine and its windows."""
    return lambda exchange: exchange.raw(make(exchange.call.stream_id))


def padded(content: bytes, pad_bytes: int) -> Step:
    """One DATA frame with padding."""

    async def step(exchange: H2Exchange) -> None:
        await exchange.padded(content, pad_bytes)

    return step


def fin() -> Step:
    """End the connection by FIN."""

    async def step(exchange: H2Exchange) -> None:
        exchange.end(reset=False)

    return step


def rst() -> Step:
    """End the connection by RST."""

    async def step(exchange: H2Exchange) -> None:
        exchange.end(reset=True)

    return step
