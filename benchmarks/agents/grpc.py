"""The gRPC agent: HTTP/2 with prior knowledge on a bare asyncio protocol. The plan says all: no header is read."""

import asyncio
from typing import cast

from benchmarks.agents.stage import Stage
from benchmarks.agents.stream import Stream
from benchmarks.wire import events, http2
from benchmarks.wire.plan import Kind, Plan, event_text, plan_in

_HEAD = http2.header_block([(b":status", b"200"), (b"content-type", b"application/grpc")])
_OK = http2.header_block([(b"grpc-status", b"0")])
_UNIMPLEMENTED = http2.header_block(
    [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"12")]
)


class GrpcAgent(asyncio.Protocol):
    """One connection."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._frames = http2.Frames()
        self._preface = bytearray()
        self._bodies: dict[int, bytearray] = {}
        self._windows: dict[int, int] = {}
        self._streams: dict[int, GrpcStream] = {}
        self._initial_window = http2.DEFAULT_WINDOW_BYTES
        self.waiting: dict[GrpcStream, None] = {}
        self.window = http2.DEFAULT_WINDOW_BYTES
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(http2.WIDE_OPEN)

    def connection_lost(self, exc: Exception | None) -> None:
        for stream in self._streams.values():
            self._stage.remove(stream)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._on_room()

    def data_received(self, data: bytes) -> None:
        if len(self._preface) < len(http2.PREFACE):
            missing = len(http2.PREFACE) - len(self._preface)
            self._preface += data[:missing]
            data = data[missing:]
        for kind, flags, number, payload in self._frames.feed(data):
            match kind:
                case http2.DATA:
                    self._bodies[number] += http2.unpadded(kind, flags, payload)
                    if flags & http2.END_STREAM:
                        self._answer(number)
                case http2.HEADERS:
                    self._bodies[number] = bytearray()
                    self._windows.setdefault(number, self._initial_window)
                case http2.WINDOW_UPDATE:
                    self._credit(number, int.from_bytes(payload))
                case http2.SETTINGS if not flags & http2.ACK:
                    self._settle(http2.settings_in(payload))
                case http2.PING if not flags & http2.ACK:
                    self.transport.write(http2.frame(http2.PING, http2.ACK, 0, payload))
                case http2.RST_STREAM:
                    self.forget(number)
                case _:
                    pass

    def _settle(self, settings: dict[int, int]) -> None:
        self.transport.write(http2.frame(http2.SETTINGS, http2.ACK, 0))
        window = settings.get(http2.INITIAL_WINDOW_SIZE, self._initial_window)
        for number in self._windows:
            self._windows[number] += window - self._initial_window
        self._initial_window = window
        self._on_room()

    def _credit(self, number: int, credit_bytes: int) -> None:
        if number == 0:
            self.window += credit_bytes
            self._on_room()
        elif number in self._windows:
            self._windows[number] += credit_bytes
            if (stream := self._streams.get(number)) in self.waiting:
                del self.waiting[stream]
                stream.on_room()

    def _on_room(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for stream in waiting:
            stream.on_room()

    def _answer(self, number: int) -> None:
        plan = plan_in(bytes(self._bodies.pop(number)))
        if plan is None:
            flags = http2.END_HEADERS | http2.END_STREAM
            self.transport.write(http2.frame(http2.HEADERS, flags, number, _UNIMPLEMENTED))
            return
        stream = self._streams[number] = GrpcStream(plan, number, self)
        stream.open()
        self._stage.add(stream)

    def forget(self, number: int) -> None:
        """A stream is over."""
        self._windows.pop(number, None)
        self._bodies.pop(number, None)
        if stream := self._streams.pop(number, None):
            self.waiting.pop(stream, None)
            self._stage.remove(stream)

    def window_of(self, number: int) -> int:
        return min(self.window, self._windows[number])

    def spend(self, number: int, cost_bytes: int) -> None:
        self.window -= cost_bytes
        self._windows[number] -= cost_bytes


class GrpcStream(Stream):
    """One response, within the windows of its caller."""

    def __init__(self, plan: Plan, number: int, connection: GrpcAgent) -> None:
        self._task_id = f"task-{plan.stream:05d}-{number:010d}"
        self._frame = events.grpc_frame(number)
        encoded = events.to_protobuf(events.update(self._task_id, event_text(plan.stream, 0).decode()))
        updates = events.Updates.of(encoded, plan.stream, self._frame)
        super().__init__(plan, updates)
        self._cost_bytes = updates.event_bytes - http2.FRAME_HEAD_BYTES
        self._number_on_wire = number
        self._connection = connection

    def open(self) -> None:
        self._connection.transport.write(
            http2.frame(http2.HEADERS, http2.END_HEADERS, self._number_on_wire, _HEAD)
        )
        if self.plan.kind is Kind.ANSWER:
            answer = events.message(event_text(self.plan.stream, self.plan.events).decode())
            self._write_last(self._frame(events.to_protobuf(answer)))
        else:
            self._write_frame(self._frame(events.to_protobuf(events.task(self._task_id))))

    def room(self) -> int:
        room = 0 if self._connection.paused else self._window() // self._cost_bytes
        if room < 1:
            self._connection.waiting[self] = None
        return room

    def write(self, data: bytes, events: int) -> None:
        self._connection.spend(self._number_on_wire, events * self._cost_bytes)
        self._connection.transport.write(data)

    def finish(self) -> None:
        last = self._frame(events.to_protobuf(events.completed(self._task_id)))
        if self._window() < len(last):
            self._connection.waiting[self] = None
        else:
            self._write_last(last)

    def _window(self) -> int:
        return self._connection.window_of(self._number_on_wire)

    def _write_frame(self, frame: bytes) -> None:
        self._connection.spend(self._number_on_wire, len(frame) - http2.FRAME_HEAD_BYTES)
        self._connection.transport.write(frame)

    def _write_last(self, frame: bytes) -> None:
        trailers = http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, self._number_on_wire, _OK)
        self._write_frame(frame + trailers)
        self._connection.forget(self._number_on_wire)
