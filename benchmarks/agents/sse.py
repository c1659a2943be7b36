"""The JSON-RPC agent: HTTP/1.1 on a bare asyncio protocol, a stream on each connection, a chunk for each event."""

import asyncio
import json
import re
from typing import Any, cast

from benchmarks.agents.stage import Stage
from benchmarks.agents.stream import BLOCK_EVENTS, Stream
from benchmarks.wire import events
from benchmarks.wire.plan import Kind, Plan, event_text, plan_in

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"


class SseAgent(asyncio.Protocol):
    """One connection, whose requests come one after the other."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._received = b""
        self._stream: SseStream | None = None
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stream:
            self._stage.remove(self._stream)

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._stream:
            self._stream.on_room()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, body = self._received[:end], self._received[end + 4 :]
            length = int(match[1]) if (match := _LENGTH.search(head)) else 0
            if len(body) < length:
                return
            self._received = body[length:]
            self._answer(head, body[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        plan = plan_in(body)
        if plan is None:
            host, port = self.transport.get_extra_info("sockname")[:2]
            self._reply(events.to_json(events.card("JSONRPC", f"http://{host}:{port}/")))
            return
        call: dict[str, Any] = json.loads(body)
        if call["method"] == "SendMessage":
            result = events.message(event_text(plan.stream, plan.events).decode())
            self._reply(events.to_json({"jsonrpc": "2.0", "id": call["id"], "result": result}))
            return
        self._stream = SseStream(plan, call["id"], self)
        self._stream.open()
        self._stage.add(self._stream)

    def _reply(self, content: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)
        self.transport.write(head + content)

    def over(self, stream: Stream) -> None:
        self._stage.remove(stream)
        self._stream = None


class SseStream(Stream):
    """One response, as fast as its socket takes it."""

    def __init__(self, plan: Plan, request_id: object, connection: SseAgent) -> None:
        self._task_id = f"task-{plan.stream:05d}-{id(connection):016d}"
        self._chunk = events.sse_chunk(request_id)
        encoded = events.to_json(events.update(self._task_id, event_text(plan.stream, 0).decode()))
        super().__init__(plan, events.Updates.of(encoded, plan.stream, self._chunk))
        self._connection = connection

    def open(self) -> None:
        if self.plan.kind is Kind.ANSWER:
            answer = events.message(event_text(self.plan.stream, self.plan.events).decode())
            self._connection.transport.write(_STREAM_HEAD + self._chunk(events.to_json(answer)) + _LAST_CHUNK)
            self._connection.over(self)
        else:
            opening = self._chunk(events.to_json(events.task(self._task_id)))
            self._connection.transport.write(_STREAM_HEAD + opening)

    def room(self) -> int:
        return 0 if self._connection.paused else BLOCK_EVENTS

    def write(self, data: bytes, events: int) -> None:
        self._connection.transport.write(data)

    def finish(self) -> None:
        last = self._chunk(events.to_json(events.completed(self._task_id)))
        self._connection.transport.write(last + _LAST_CHUNK)
        self._connection.over(self)
