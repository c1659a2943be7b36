"""The client verbs: one operation against any A2A URL, shown to a person or to a machine.

The same southbound agents that the gateway uses, so what works here works there.
"""

import asyncio
import json
import mimetypes
import sys
import time
import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from protobuf import Message as ProtoMessage
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value
from rich.console import Console
from rich.markup import escape

from gateway.agent import Agent, CallContext, Event
from gateway.codec import jsonrpc, recording, status
from gateway.deltas.dialect import from_v0_3
from gateway.deltas.extension import URI as DELTAS
from gateway.errors import GatewayError
from gateway.operations import Operation
from gateway.relay.contract import Contracted
from gateway.settings import AgentSettings, ConfigurationError, Limits, load
from gateway.southbound.upstream import Upstream
from gateway.terminal import Machine, Person, Screen, plain
from generated.a2a.v1.a2a_pb import Message, Part, Role


@dataclass(frozen=True, slots=True)
class Target:
    """Where a verb goes, and how its answer is shown."""

    url: str
    tenant: str = ""
    headers: Sequence[str] = ()
    """`Name: value` each."""
    extensions: tuple[str, ...] = ()
    timeout_s: float | None = None
    as_json: bool = False
    deltas: bool = False
    """Whether token deltas are asked for."""

    def settings(self) -> AgentSettings:
        """Raises ConfigurationError."""
        headers: dict[str, str] = {}
        for line in self.headers:
            name, colon, value = line.partition(":")
            if not colon:
                raise ConfigurationError(f"--header {line}: expected 'Name: value'")
            headers[name.strip()] = value.strip()
        flags = {"name": "agent", "url": self.url, "headers": headers, "tenant": self.tenant or None}
        return load(None, {"agents": [flags]}).agents[-1]


async def perform(
    target: Target, operation: Operation, request: ProtoMessage, record: Path | None = None
) -> None:
    """One operation, shown as its answer comes; a stream is written to `record` as a recording.

    Raises GatewayError, ConfigurationError.
    """
    limits = Limits.model_validate({})
    with _Recorder(record, target, operation, request, limits) if record is not None else nullcontext() as recorder:
        await _perform(target, operation, request, limits, recorder)


async def _perform(
    target: Target, operation: Operation, request: ProtoMessage, limits: Limits, recorder: "_Recorder | None"
) -> None:
    agent: Agent = Contracted(Upstream(target.settings(), limits), lenient=True)
    show: Screen = Machine(limits.bounds()) if target.as_json else Person()
    deadline = None if target.timeout_s is None else asyncio.get_running_loop().time() + target.timeout_s
    wanted = (*target.extensions, *((DELTAS,) if target.deltas else ()))
    context = CallContext(extensions=tuple(dict.fromkeys(wanted)), deadline=deadline)
    try:
        if operation.streams:
            stream = await agent.open(operation, request, context)
            is_old = stream.head.version == "0.3"
            try:
                while (burst := await stream.burst()) is not None:
                    for event in burst:
                        if recorder is not None:
                            recorder.came(event)
                        show.answer(from_v0_3(event.response, limits.bounds()) if is_old else event.response)
            finally:
                await stream.close()
        else:
            show.answer((await agent.call(operation, request, context)).message)
    finally:
        show.end()
        await agent.close()


async def show_card(target: Target) -> None:
    """The public card as the agent states it."""
    limits = Limits.model_validate({})
    upstream = Upstream(target.settings(), limits)
    try:
        card = await upstream.card(CallContext())
    finally:
        await upstream.close()
    (Machine(limits.bounds()) if target.as_json else Person()).answer(card)


def message(text: str, files: Sequence[Path], data: str | None, task_id: str, context_id: str) -> Message:
    """A message of the user's. `text` of `-` is read from stdin. Raises ConfigurationError."""
    parts: list[Part] = []
    said = sys.stdin.read() if text == "-" else text
    try:
        said.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("the text is not UTF-8") from None
    if said:
        parts.append(Part(content=Oneof("text", said)))
    if data is not None:
        try:
            parts.append(Part(content=Oneof("data", Value.from_json(data))))
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"--data: {error}") from None
    for file in files:
        media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"--file {file}: {error.strerror}") from None
        parts.append(Part(content=Oneof("raw", content), filename=file.name, media_type=media_type))
    if not parts:
        raise ConfigurationError("there is nothing to send: give a text, --data or --file")
    return Message(message_id=str(uuid.uuid4()), role=Role.USER, parts=parts, task_id=task_id, context_id=context_id)


def explain(error: GatewayError, as_json: bool) -> None:
    """Tells why a call failed: to a person on stderr, to a machine as the JSON-RPC error object."""
    if as_json:
        answer = jsonrpc.failure(jsonrpc.NO_ID, error.kind.row.jsonrpc, error.message, status.to_data(error))
        print(json.dumps({"error": json.loads(answer)["error"]}, ensure_ascii=False), flush=True)
    else:
        text = f"[red]{error.kind.reason}[/red] {escape(plain(error.message))}"
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(text)


class _Recorder:
    """Writes a stream down as it comes. Raises ConfigurationError where the file cannot be written."""

    def __init__(
        self, path: Path, target: Target, operation: Operation, request: ProtoMessage, limits: Limits
    ) -> None:
        self._path = path
        self._bounds = limits.bounds()
        self._begin = [
            recording.head_line(target.tenant or "agent", operation.name),
            recording.request_line(0, request, self._bounds),
        ]

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise ConfigurationError(f"--record {self._path}: {error.strerror}") from None
        self._file.writelines(self._begin)
        self._began_s = time.perf_counter()
        return self

    def came(self, event: Event) -> None:
        self._file.write(recording.event_line(self._at_ms(), event.response, event.cursor, self._bounds))
        self._file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was stopped from here says nothing of how the stream would have ended.
        if error is None or isinstance(error, GatewayError):
            self._file.write(recording.end_line(self._at_ms(), error))
        self._file.close()

    def _at_ms(self) -> int:
        return round((time.perf_counter() - self._began_s) * 1000)
