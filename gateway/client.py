"""The client verbs: one operation against any A2A URL, shown to a person or to a machine.

The same southbound agents that the gateway uses, so what works here works there. For a person, text
goes to stdout as it comes and everything about it to stderr; for a machine, stdout gets one JSON
text a line.
"""

import asyncio
import json
import mimetypes
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from protobuf import Message as ProtoMessage
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value
from rich.console import Console
from rich.markup import escape

from gateway.agent import Agent, CallContext
from gateway.codec import jsonrpc, protojson, status
from gateway.errors import GatewayError
from gateway.operations import Operation
from gateway.relay.contract import Contracted
from gateway.settings import AgentSettings, ConfigurationError, Limits, load
from gateway.southbound.upstream import Upstream
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    Artifact,
    ListTasksResponse,
    Message,
    Part,
    Role,
    SendMessageResponse,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatus,
    TaskStatusUpdateEvent,
)


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


async def perform(target: Target, operation: Operation, request: ProtoMessage) -> None:
    """One operation, shown as its answer comes. Raises GatewayError, ConfigurationError."""
    limits = Limits.model_validate({})
    agent: Agent = Contracted(Upstream(target.settings(), limits), lenient=True)
    show = _Machine(limits) if target.as_json else _Person()
    deadline = None if target.timeout_s is None else asyncio.get_running_loop().time() + target.timeout_s
    context = CallContext(extensions=target.extensions, deadline=deadline)
    try:
        if operation.streams:
            stream = await agent.open(operation, request, context)
            try:
                while (burst := await stream.burst()) is not None:
                    for event in burst:
                        show.answer(event.response)
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
    (_Machine(limits) if target.as_json else _Person()).answer(card)


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
        text = f"[red]{error.kind.reason}[/red] {escape(_plain(error.message))}"
        Console(stderr=True, highlight=False, emoji=False, soft_wrap=True).print(text)


class _Machine:
    """One JSON text a line."""

    def __init__(self, limits: Limits) -> None:
        self._bounds = limits.bounds()

    def answer(self, answer: ProtoMessage) -> None:
        sys.stdout.buffer.write(protojson.encode(answer, self._bounds) + b"\n")
        sys.stdout.flush()

    def end(self) -> None:
        pass


@dataclass(slots=True)
class _Person:
    """Text on stdout as it comes, the rest on stderr."""

    _notes: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, emoji=False))
    _in_line: bool = False
    _shown: set[str] = field(default_factory=set[str])
    """Artifacts that were shown piece by piece."""

    def answer(self, answer: ProtoMessage) -> None:
        match answer:
            case SendMessageResponse(payload=Oneof(value=value)) | StreamResponse(payload=Oneof(value=value)):
                self.answer(value)
            case Task():
                self._task(answer)
            case Message():
                self._parts(answer.parts)
            case TaskStatusUpdateEvent(status=TaskStatus() as status):
                self._status(answer.task_id, status)
            case TaskArtifactUpdateEvent(artifact=Artifact() as artifact):
                self._shown.add(artifact.artifact_id)
                self._parts(artifact.parts)
            case ListTasksResponse():
                for task in answer.tasks:
                    self._note(f"{task.id}  {_state(task.status)}  context {task.context_id}")
                self._note(f"{len(answer.tasks)} of {answer.total_size} tasks")
                if answer.next_page_token:
                    self._note(f"more: --page-token {answer.next_page_token}")
            case AgentCard():
                self._card(answer)
            case _:
                self._write(answer.to_json() + "\n")

    def end(self) -> None:
        if self._in_line:
            self._write("\n")

    def _task(self, task: Task) -> None:
        for artifact in task.artifacts:
            if artifact.artifact_id not in self._shown:
                self._parts(artifact.parts)
                self._shown.add(artifact.artifact_id)
        if task.status is not None:
            self._status(task.id, task.status)

    def _status(self, task_id: str, status: TaskStatus) -> None:
        self._note(f"task {task_id} {_state(status)}")
        if status.message is not None:
            self._parts(status.message.parts)

    def _parts(self, parts: Sequence[Part]) -> None:
        for part in parts:
            match part.content:
                case Oneof(field="text", value=str(text)):
                    self._write(text)
                case Oneof(field="raw", value=bytes(raw)):
                    self._note(f"file {part.filename or '(unnamed)'} {part.media_type} {len(raw)} bytes")
                case Oneof(field="url", value=str(url)):
                    self._note(f"file {part.filename or '(unnamed)'} {part.media_type} at {url}")
                case Oneof(field="data", value=Value() as value):
                    self._write(json.dumps(value.to_python(), ensure_ascii=False, indent=2) + "\n")
                case _:
                    pass

    def _card(self, card: AgentCard) -> None:
        self._write(f"{card.name} {card.version}\n{card.description}\n")
        for interface in card.supported_interfaces:
            tenant = f" tenant {interface.tenant}" if interface.tenant else ""
            self._write(f"  {interface.protocol_binding} {interface.protocol_version}  {interface.url}{tenant}\n")
        for skill in card.skills:
            self._write(f"  skill {skill.id}: {skill.description}\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        sys.stdout.write(_plain(text))
        sys.stdout.flush()
        self._in_line = not text.endswith("\n")

    def _note(self, text: str) -> None:
        if self._in_line:
            self._write("\n")
        self._notes.print(_plain(text), style="dim", markup=False, soft_wrap=True)


def _state(status: TaskStatus | None) -> str:
    return status.state.name.lower().replace("_", "-") if status else "unknown"


def _plain(text: str) -> str:
    """Text without control characters: what an agent says must not steer the terminal."""
    return "".join(char if char in "\n\t" or char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
