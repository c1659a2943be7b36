"""A caller over HTTP/1.1: each lane is a connection, on a bare asyncio protocol."""

import asyncio
import re
from typing import cast

from benchmarks.load.recording import Recording
from benchmarks.load.target import Target
from benchmarks.wire.plan import now_us

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EVENT = re.compile(rb"data:[^\n]*\r?\n\r?\n")


class HttpCaller:
    """As `caller.Caller`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lanes: list[HttpLane] = []

    async def lane(self) -> "HttpLane":
        loop = asyncio.get_running_loop()
        target = self._target
        _, lane = await loop.create_connection(lambda: HttpLane(target), target.host, target.port)
        self._lanes.append(lane)
        return lane

    def close(self) -> None:
        for lane in self._lanes:
            lane.leave()


class HttpLane(asyncio.Protocol):
    """One connection. As `caller.Lane`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._recording: Recording | None = None
        self._length = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def call(self, recording: Recording, *, stream: bool) -> None:
        self._recording = recording
        self._length = -1
        request = self._target.http_request(recording.plan, stream=stream)
        recording.asked_us = now_us()
        self._transport.write(request)

    def leave(self) -> None:
        self._recording = None
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if (recording := self._recording) is None:
            return
        now = now_us()
        body = recording.body
        body += data
        recording.marks.append((len(body), now))
        if not recording.first_us:
            self._look_at_the_beginning(recording, now)
        if len(body) == self._length or (self._length < 0 and body.endswith(_LAST_CHUNK)):
            self._recording = None
            recording.end()

    def _look_at_the_beginning(self, recording: Recording, now: int) -> None:
        head = recording.body.find(b"\r\n\r\n") + 4
        if head < 4:
            return
        if match := _LENGTH.search(recording.body, 0, head):
            self._length = head + int(match[1])
            whole = len(recording.body) == self._length
        else:
            whole = _EVENT.search(recording.body, head) is not None or recording.body.endswith(_LAST_CHUNK)
        if whole:
            recording.open(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if recording := self._recording:
            self._recording = None
            recording.end("the connection was closed")
