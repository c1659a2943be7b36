"""A caller over gRPC: HTTP/2 on a bare asyncio protocol, a hundred streams on each connection."""

import asyncio
from typing import cast

import hpack

from benchmarks.load.recording import Recording
from benchmarks.load.target import Target
from benchmarks.wire import http2
from benchmarks.wire.plan import now_us

STREAMS_PER_CONNECTION = 100
"""What servers commonly allow, and stock clients respect."""


class GrpcCaller:
    """As `caller.Caller`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lanes = 0
        self._connections: list[asyncio.Task[GrpcConnection]] = []

    async def lane(self) -> "GrpcLane":
        index = self._lanes // STREAMS_PER_CONNECTION
        self._lanes += 1
        if index == len(self._connections):
            self._connections.append(asyncio.create_task(self._connect()))
        return GrpcLane(await self._connections[index], self._target)

    async def _connect(self) -> "GrpcConnection":
        target = self._target
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(GrpcConnection, target.host, target.port)
        return connection

    def close(self) -> None:
        for connecting in self._connections:
            if connecting.done() and not connecting.exception():
                connecting.result().close()


class GrpcConnection(asyncio.Protocol):
    """One connection, and what its streams brought."""

    def __init__(self) -> None:
        self._frames = http2.Frames()
        self._next = 1
        self._recordings: dict[int, Recording] = {}
        self._blocks: list[tuple[Recording | None, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(http2.PREFACE + http2.WIDE_OPEN)

    def close(self) -> None:
        self._recordings.clear()
        self._transport.abort()
        decoder = hpack.Decoder()
        for recording, block in self._blocks:
            headers = decoder.decode(block)
            if recording:
                recording.headers.update((str(name), str(value)) for name, value in headers)

    def call(self, recording: Recording, headers: bytes, message: bytes) -> int:
        number, self._next = self._next, self._next + 2
        self._recordings[number] = recording
        head = http2.frame(http2.HEADERS, http2.END_HEADERS, number, headers)
        recording.asked_us = now_us()
        self._transport.write(head + http2.frame(http2.DATA, http2.END_STREAM, number, message))
        return number

    def leave(self, number: int) -> None:
        if self._recordings.pop(number, None):
            self._transport.write(http2.frame(http2.RST_STREAM, 0, number, http2.CANCEL.to_bytes(4)))

    def data_received(self, data: bytes) -> None:
        now = now_us()
        recordings = self._recordings
        for kind, flags, number, payload in self._frames.feed(data):
            if kind == http2.DATA:
                if recording := recordings.get(number):
                    body = recording.body
                    body += http2.unpadded(kind, flags, payload) if flags & http2.PADDED else payload
                    recording.marks.append((len(body), now))
                    if not recording.first_us and _has_message(body):
                        recording.open(now)
                    if flags & http2.END_STREAM:
                        self._recordings.pop(number).end("the stream ended without trailers")
            else:
                self._on_control(kind, flags, number, payload)

    def _on_control(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        match kind:
            case http2.HEADERS:
                block = http2.unpadded(kind, flags, payload)
                self._blocks.append((self._recordings.get(number), block))
                if flags & http2.END_STREAM and number in self._recordings:
                    self._recordings.pop(number).end()
            case http2.RST_STREAM if number in self._recordings:
                self._recordings.pop(number).end(f"the stream was reset with {int.from_bytes(payload)}")
            case http2.SETTINGS if not flags & http2.ACK:
                self._transport.write(http2.frame(http2.SETTINGS, http2.ACK, 0))
            case http2.PING if not flags & http2.ACK:
                self._transport.write(http2.frame(http2.PING, http2.ACK, 0, payload))
            case _:
                pass

    def connection_lost(self, exc: Exception | None) -> None:
        recordings, self._recordings = self._recordings, {}
        for recording in recordings.values():
            recording.end("the connection was closed")


class GrpcLane:
    """One stream at a time of a connection. As `caller.Lane`."""

    def __init__(self, connection: GrpcConnection, target: Target) -> None:
        self._connection = connection
        self._target = target
        self._headers = {stream: target.grpc_headers(stream=stream) for stream in (False, True)}
        self._number = 0

    def call(self, recording: Recording, *, stream: bool) -> None:
        message = self._target.grpc_request(recording.plan)
        self._number = self._connection.call(recording, self._headers[stream], message)

    def leave(self) -> None:
        self._connection.leave(self._number)


def _has_message(body: bytearray) -> bool:
    return len(body) >= http2.GRPC_HEAD_BYTES and len(body) >= http2.GRPC_HEAD_BYTES + int.from_bytes(body[1:5])
