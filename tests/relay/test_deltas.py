"""The wrapper that speaks token deltas, as a table: who speaks them, in which version, and what the caller gets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import pytest
from protobuf import Message as AnyMessage
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.agent import Answer, Burst, CallContext, Event, Head, Stream
from gateway.codec.jsontext import JsonValue
from gateway.codec.v0_3.choices import DEFAULT
from gateway.deltas.client import Client
from gateway.deltas.dialect import from_v0_3, to_v0_3
from gateway.deltas.extension import URI, declaration, read_event
from gateway.deltas.op import Op
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.operations import GET_TASK, SEND_STREAMING_MESSAGE, SUBSCRIBE_TO_TASK, Operation
from gateway.relay.deltas import WithDeltas
from generated.a2a.v1.a2a_pb import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    Artifact,
    GetTaskRequest,
    Message,
    Part,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from tests.deltas.given import BOUNDS, View, status
from tests.deltas.test_translators import ins, message, ops_of, patch, piece, root

pytestmark = pytest.mark.anyio

OTHER = "https://example.com/ext/v1"
CURSORS = "urn:example:cursors"
FILE = Part(content=Oneof("url", "https://x.example"), filename="f")
WORKING, COMPLETED = status(TaskState.WORKING), TaskState.COMPLETED


def whole() -> Message:
    said = message("Hello")
    said.parts = [*said.parts, FILE]
    return said


def patches() -> list[StreamResponse]:
    """A message that an agent writes as it speaks the extension."""
    file: JsonValue = {"url": "https://x.example", "filename": "f"}
    return [patch(root("Hel"), seq=0), patch(ins("lo", 3), seq=1), patch(Op("add", "/parts/-", file), seq=2)]


@dataclass
class Scripted:
    """An agent that sends what it is told, in as many bursts. It speaks the extension as `says` and `speaks` have it."""

    plain: Sequence[Sequence[Event]]
    """To who did not ask for the extension, and to all where it does not speak it."""
    patched: Sequence[Sequence[Event]] = ()
    says: bool = True
    """Whether its head names the extension where it speaks it."""
    version: str = "1.0"
    failure: GatewayError | None = None
    asked: tuple[str, ...] = ()
    """The extensions that it was last asked for."""
    closed: int = 0

    async def open(self, operation: Operation, request: AnyMessage, context: CallContext) -> "_Sent":
        self.asked = context.extensions
        speaks = bool(self.patched) and URI in context.extensions
        activated = (URI,) if speaks and self.says else ()
        head = Head((*(uri for uri in context.extensions if uri == OTHER), *activated), self.version)
        return _Sent(self, head, self.patched if speaks else self.plain)

    async def call(self, operation: Operation, request: AnyMessage, context: CallContext) -> Answer:
        self.asked = context.extensions
        return Answer(Task(id="t"), Head((OTHER,)))

    async def card(self, context: CallContext) -> AgentCard:
        return AgentCard(name="scripted")

    async def close(self) -> None:
        self.closed += 1


class _Sent:
    def __init__(self, agent: Scripted, head: Head, bursts: Sequence[Sequence[Event]]) -> None:
        self.head = head
        self._agent = agent
        self._bursts = [*bursts]

    async def burst(self) -> Burst | None:
        if self._bursts:
            return self._bursts.pop(0)
        if self._agent.failure is not None:
            raise self._agent.failure
        return None

    async def close(self) -> None:
        self._agent.closed += 1


def one_by_one(*responses: StreamResponse, version: str = "1.0") -> list[list[Event]]:
    return [[event] for event in together(*responses, version=version)]


def together(*responses: StreamResponse, version: str = "1.0") -> list[Event]:
    """Events as an agent of this version sends them."""
    return [Event(to_v0_3(one) if version == "0.3" else one) for one in responses]


def asking(*extensions: str, version: str = "1.0") -> CallContext:
    return CallContext(extensions=extensions, version=version)


async def opened(
    agent: Scripted,
    context: CallContext,
    without: Literal["message", "chunks"] = "message",
    operation: Operation = SEND_STREAMING_MESSAGE,
) -> Stream:
    asked = WithDeltas(agent, BOUNDS, DEFAULT, without=without, cursors=CURSORS)
    request = SubscribeToTaskRequest(id="t") if operation is SUBSCRIBE_TO_TASK else SendMessageRequest()
    return await asked.open(operation, request, context)


async def bursts_of(stream: Stream) -> list[list[Event]]:
    bursts: list[list[Event]] = []
    while (burst := await stream.burst()) is not None:
        assert burst, "a burst holds at least one event"
        bursts.append([*burst])
    return bursts


async def events_of(stream: Stream) -> list[Event]:
    return [event for burst in await bursts_of(stream) for event in burst]


def shown(events: Iterable[Event]) -> list[str]:
    """Events in a line each."""
    return [_shown(event.response) for event in events]


def _shown(response: StreamResponse) -> str:
    read = read_event(response)
    if read is not None:
        said = ", ".join(_op(op) for op in read.ops(100))
        return f"patch of {read.message_id}: {said}"
    match response.payload:
        case Oneof(value=TaskStatusUpdateEvent(status=now)) if now is not None:
            return f"{now.state.name}{': ' + _parts(now.message.parts) if now.message else ''}"
        case Oneof(value=TaskArtifactUpdateEvent(artifact=Artifact() as artifact) as update):
            flags = f"{' more of' if update.append else ''}{' all of' if update.last_chunk else ''}"
            return f"artifact{flags} {artifact.artifact_id}: {_parts(artifact.parts)}"
        case _:
            return "something else"


def _op(op: Op) -> str:
    match op:
        case Op(op="str_ins", value=text):
            return f"+{text}"
        case Op(op="replace", path="", value={"parts": list() as parts}):
            return " | ".join(_json_part(part) for part in parts)
        case Op(op="add", value=part):
            return f"| {_json_part(part)}"
        case _:
            return str(op)


def _json_part(part: Any) -> str:
    old = "file" in part or part.get("kind") == "file"
    text = part.get("text", "a file")
    dialect = " of 0.3" if old else ""
    return f"{text}{dialect}"


def _parts(parts: Iterable[Part]) -> str:
    values = (part.content.value if part.content and part.content.field == "text" else "a file" for part in parts)
    return " | ".join(map(str, values))


# Who speaks it


GROWS = (WORKING, piece("Hel"), piece("lo", append=True), status(COMPLETED))
"""What an agent sends that does not speak it."""
SAYS = (WORKING, status(COMPLETED, whole()))
"""What one sends that does to who does not."""
AGENTS = ("says so and speaks", "speaks without saying so", "does not speak")
PATCHED = ["WORKING", "patch of m: Hel", "patch of m: +lo", "patch of m: | a file", "COMPLETED: Hello | a file"]
PLAIN = ["WORKING", "artifact a: Hel", "artifact more of a: lo", "COMPLETED"]
GROWING = ["WORKING", "patch of artifact:a: Hel", "patch of artifact:a: +lo", "artifact a: Hello", "COMPLETED"]
CHUNKS = [
    "WORKING",
    "artifact m: Hel",
    "artifact more of m: lo",
    "artifact more of m: a file",
    "artifact all of m: Hello | a file",
    "COMPLETED",
]
MESSAGE = ["WORKING", "COMPLETED: Hello | a file"]

TABLE: dict[tuple[bool, str, Literal["message", "chunks"]], list[str]] = {
    (True, "says so and speaks", "message"): PATCHED,
    (True, "says so and speaks", "chunks"): PATCHED,
    (True, "speaks without saying so", "message"): PATCHED,
    (True, "speaks without saying so", "chunks"): PATCHED,
    (True, "does not speak", "message"): GROWING,
    (True, "does not speak", "chunks"): GROWING,
    (False, "says so and speaks", "message"): MESSAGE,
    (False, "says so and speaks", "chunks"): CHUNKS,
    (False, "speaks without saying so", "message"): MESSAGE,
    (False, "speaks without saying so", "chunks"): CHUNKS,
    (False, "does not speak", "message"): PLAIN,
    (False, "does not speak", "chunks"): PLAIN,
}
"""Whether the caller speaks it, the agent, `without_deltas`; and what the caller gets."""


def agent_of(kind: str, version: str = "1.0") -> Scripted:
    if kind == "does not speak":
        return Scripted(one_by_one(*GROWS, version=version), version=version)
    patched = one_by_one(WORKING, *patches(), status(COMPLETED, whole()), version=version)
    plain = one_by_one(*SAYS, version=version)
    return Scripted(plain, patched, says=kind == "says so and speaks", version=version)


def test_the_table_has_every_row() -> None:
    assert set(TABLE) == set(product((True, False), AGENTS, ("message", "chunks")))


@pytest.mark.parametrize("agent_version", ["1.0", "0.3"])
@pytest.mark.parametrize("caller_version", ["1.0", "0.3"])
@pytest.mark.parametrize(("speaks", "kind", "without"), TABLE)
async def test_what_the_caller_gets(
    speaks: bool, kind: str, without: Literal["message", "chunks"], caller_version: str, agent_version: str
) -> None:
    agent = agent_of(kind, agent_version)
    context = asking(*([URI] if speaks else []), version=caller_version)
    stream = await opened(agent, context, without)
    got = shown(await events_of(stream))
    expected = TABLE[speaks, kind, without]
    if caller_version == "0.3":
        expected = [line.replace("| a file", "| a file of 0.3") if "patch" in line else line for line in expected]
    assert got == expected
    assert stream.head.extensions == ((URI,) if speaks else ())
    assert (URI in agent.asked) == (speaks or without == "chunks")


@pytest.mark.parametrize(("speaks", "kind", "without"), TABLE)
async def test_our_client_comes_to_the_same(speaks: bool, kind: str, without: Literal["message", "chunks"]) -> None:
    """Whoever speaks what: with patches of either version and without them."""
    is_message = kind != "does not speak" and (speaks or without == "message")
    for version in ("1.0", "0.3"):
        stream = await opened(agent_of(kind, version), asking(*([URI] if speaks else []), version=version), without)
        client, view = Client(), View()
        for event in await events_of(stream):
            response = from_v0_3(event.response, BOUNDS) if version == "0.3" else event.response
            for change in client.feed(response):
                view.show(change)
        assert view.parts == ({"m": whole().parts} if is_message else {})


async def test_other_extensions_pass_and_the_head_says_what_the_agent_said() -> None:
    agent = agent_of("says so and speaks")
    stream = await opened(agent, asking(OTHER, URI))
    assert agent.asked == (OTHER, URI)
    assert stream.head == Head((OTHER, URI))
    stream = await opened(agent, asking(OTHER), "chunks")
    assert agent.asked == (OTHER, URI)
    assert stream.head == Head((OTHER,))


async def test_each_request_is_decided_anew() -> None:
    """The one that subscribes to a task too."""
    agent = agent_of("says so and speaks")
    for context, expected in ((asking(URI), PATCHED), (asking(), MESSAGE), (asking(URI), PATCHED)):
        stream = await opened(agent, context, operation=SUBSCRIBE_TO_TASK)
        assert shown(await events_of(stream)) == expected
        assert (URI in stream.head.extensions) == (expected is PATCHED)


async def test_an_event_that_nobody_changes_is_the_same_object() -> None:
    for context, agent in (
        (asking(), agent_of("does not speak")),
        (asking(URI), agent_of("says so and speaks")),
    ):
        sent = [event for burst in (agent.patched if context.extensions else agent.plain) for event in burst]
        got = await events_of(await opened(agent, context))
        assert all(one.response is other.response for one, other in zip(sent, got, strict=True))


async def test_the_rest_is_the_agents_own() -> None:
    agent = agent_of("does not speak")
    asked = WithDeltas(agent, BOUNDS, DEFAULT)
    assert await asked.call(GET_TASK, GetTaskRequest(), asking(URI)) == Answer(Task(id="t"), Head((OTHER,)))
    assert agent.asked == (URI,)
    await (await asked.open(SEND_STREAMING_MESSAGE, SendMessageRequest(), asking())).close()
    await asked.close()
    assert agent.closed == 2


# What an agent's own patches and others' growth do to each other


async def test_an_agent_that_turns_out_to_speak_it_is_not_spoken_for() -> None:
    """What had begun to grow is delivered whole first, and from then on everything is the agent's own."""
    mixed = [WORKING, piece("a"), *patches(), piece("b", append=True), piece("c", id="d"), status(COMPLETED, whole())]
    agent = Scripted([], one_by_one(*mixed), says=False)
    assert shown(await events_of(await opened(agent, asking(URI)))) == [
        "WORKING",
        "patch of artifact:a: a",
        "artifact a: a",
        *PATCHED[1:4],
        "artifact more of a: b",
        "artifact d: c",
        PATCHED[4],
    ]


async def test_a_message_of_its_own_patches_is_not_patched_again() -> None:
    agent = Scripted([], one_by_one(WORKING, *patches(), status(TaskState.WORKING, whole()), status(COMPLETED)))
    agent.says = False
    assert shown(await events_of(await opened(agent, asking(URI)))) == [
        *PATCHED[:4],
        "WORKING: Hello | a file",
        "COMPLETED",
    ]


@pytest.mark.parametrize("name", ["", "A"])
async def test_one_thing_grows_at_a_time(name: str) -> None:
    """Published clients hold one draft: what comes beside it passes as it is."""
    sent = [
        status(TaskState.WORKING, message("so", id="n")),
        piece("a", name=name),
        piece("x", id="b"),
        piece("b", append=True, name=name),
        status(TaskState.WORKING, message("far")),
        piece("y", append=True, id="b"),
        piece("c", append=True, last=True, name=name),
        status(COMPLETED),
    ]
    assert shown(await events_of(await opened(Scripted(one_by_one(*sent)), asking(URI)))) == [
        "patch of n: so",
        "WORKING: so",
        "patch of artifact:a: a",
        "artifact b: x",
        "patch of artifact:a: +b",
        "WORKING: far",
        "artifact more of b: y",
        "patch of artifact:a: +c",
        "artifact all of a: abc",
        "COMPLETED",
    ]


async def test_a_piece_that_says_something_new_of_its_artifact_ends_the_translation() -> None:
    sent = [piece("a", name="A"), piece("b", append=True, name="B"), piece("c", append=True)]
    assert shown(await events_of(await opened(Scripted(one_by_one(*sent)), asking(URI)))) == [
        "patch of artifact:a: a",
        "artifact a: a",
        "artifact more of a: b",
        "artifact more of a: c",
    ]


# Failures


@pytest.mark.parametrize(
    ("speaks", "without", "left"),
    [
        (True, "message", ["patch of artifact:a: Hel", "artifact a: Hel"]),
        (False, "message", ["WORKING: Hel"]),
        (False, "chunks", ["artifact m: Hel", "artifact all of m: Hel"]),
    ],
)
async def test_what_was_withheld_comes_before_the_failure(
    speaks: bool, without: Literal["message", "chunks"], left: list[str]
) -> None:
    failure = AgentError(ErrorKind.UNAVAILABLE, "gone")
    growing = piece("Hel") if speaks else patch(root("Hel"))
    agent = Scripted(one_by_one(WORKING, growing), [], failure=failure)
    if not speaks:
        agent.patched = agent.plain
    stream = await opened(agent, asking(*([URI] if speaks else [])), without)
    for line in ("WORKING", *left):
        burst = await stream.burst()
        assert burst is not None
        assert shown(burst) == [line]
    for _ in range(2):
        with pytest.raises(AgentError) as failed:
            await stream.burst()
        assert failed.value is failure


async def test_a_failure_to_open_is_the_agents_own() -> None:
    failure = AgentError(ErrorKind.UNAVAILABLE, "gone")

    class Refusing(Scripted):
        async def open(self, operation: Operation, request: AnyMessage, context: CallContext) -> "_Sent":
            raise failure

    with pytest.raises(AgentError) as failed:
        await opened(Refusing([]), asking(URI))
    assert failed.value is failure


async def test_the_end_of_a_stream_that_withholds_everything_is_the_end() -> None:
    """No burst is empty, however much is withheld."""
    agent = Scripted(one_by_one(WORKING, *patches()[:1], *patches()[1:2]))
    assert [len(burst) for burst in await bursts_of(await opened(agent, asking()))] == [1, 1]


# Cursors


Update = TaskStatusUpdateEvent | TaskArtifactUpdateEvent


def update_in(event: Event) -> Update:
    update = event.response.payload and event.response.payload.value
    assert isinstance(update, TaskStatusUpdateEvent | TaskArtifactUpdateEvent)
    return update


def numbered(responses: Iterable[StreamResponse], *, in_metadata: bool = False) -> list[Event]:
    """Events with a cursor each, which they say in their metadata too where they are asked to."""
    events: list[Event] = []
    for number, response in enumerate(responses):
        event = Event(StreamResponse.from_binary(response.to_binary()), f"c{number}")
        if in_metadata:
            update_in(event).metadata = Struct.from_python({CURSORS: {"cursor": event.cursor}, "kept": 1})
        events.append(event)
    return events


def cursors_of(events: Iterable[Event]) -> list[tuple[str, str]]:
    """The cursor behind each event, and the one in its metadata."""
    found: list[tuple[str, str]] = []
    for event in events:
        metadata = update_in(event).metadata
        said: Any = metadata.to_python() if metadata is not None else {}
        found.append((event.cursor, said.get(CURSORS, {}).get("cursor", "")))
    return found


LONG = [WORKING, piece("Hel"), piece("lo", append=True), piece("!", append=True, last=True), status(COMPLETED)]


@pytest.mark.parametrize("in_metadata", [False, True])
@pytest.mark.parametrize("bursts", [1, 5])
async def test_cursors_are_only_where_nothing_is_withheld(bursts: int, in_metadata: bool) -> None:
    events = numbered(LONG, in_metadata=in_metadata)
    agent = Scripted([events] if bursts == 1 else [[event] for event in events])
    got = await events_of(await opened(agent, asking(URI)))
    plain = [event for event in got if read_event(event.response) is None]
    assert shown(plain) == ["WORKING", "artifact all of a: Hello!", "COMPLETED"]
    expected = [(cursor, cursor if in_metadata else "") for cursor in ("c0", "c3", "c4")]
    assert cursors_of(plain) == expected
    patched = [event for event in got if read_event(event.response) is not None]
    assert patched
    assert cursors_of(patched) == [("", "")] * len(patched)


@pytest.mark.parametrize("at", range(5))
async def test_who_comes_back_with_a_cursor_misses_nothing(at: int) -> None:
    """Whatever of the stream was heard: with the last cursor in it, the rest comes to the same artifact."""
    events = numbered(LONG)
    heard = (await events_of(await opened(Scripted([[event] for event in events[: at + 1]]), asking(URI))))[:-1]
    cursors = [event.cursor for event in heard if event.cursor]
    again = int(cursors[-1][1:]) + 1 if cursors else 0
    rest = await events_of(await opened(Scripted([[event] for event in events[again:]]), asking(URI)))
    text = ""
    for event in [*heard, *rest]:
        update = event.response.payload and event.response.payload.value
        if isinstance(update, TaskArtifactUpdateEvent) and update.artifact:
            said = _parts(update.artifact.parts)
            text = text + said if update.append else said
    assert text == "Hello!"


async def test_metadata_beside_a_cursor_stays() -> None:
    events = numbered([WORKING, status(COMPLETED)], in_metadata=True)
    for event in await events_of(await opened(Scripted([events]), asking(URI))):
        metadata = update_in(event).metadata
        assert metadata is not None
        said: Any = metadata.to_python()
        assert said["kept"] == 1
    assert all(CURSORS in (update_in(event).metadata or Struct()).fields for event in events), "a copy was changed"


# Many at once


async def test_patches_that_waited_together_are_one() -> None:
    tokens = [patch(root("x"), seq=0), *(patch(ins("x", at), seq=at) for at in range(1, 100))]
    agent = Scripted([], [together(WORKING, *tokens[:50]), together(*tokens[50:])])
    bursts = await bursts_of(await opened(agent, asking(URI)))
    assert [shown(burst) for burst in bursts] == [
        ["WORKING", "patch of m: x", f"patch of m: +{'x' * 49}"],
        [f"patch of m: +{'x' * 50}"],
    ]
    read = read_event(bursts[1][0].response)
    assert read is not None
    assert (read.seq, read.covers) == (99, 50)


async def test_what_grew_while_the_caller_was_slow_is_one_patch() -> None:
    pieces = [piece("x"), *(piece("x", append=True) for _ in range(99))]
    agent = Scripted([together(*pieces[:1]), together(*pieces[1:])])
    bursts = await bursts_of(await opened(agent, asking(URI)))
    assert [len(burst) for burst in bursts] == [1, 1, 1]
    assert ops_of(bursts[1][0].response) == [ins("x" * 99, 1)]


async def test_joining_crosses_no_cursor() -> None:
    tokens = [patch(root("x"), seq=0), *(patch(ins("x", at), seq=at) for at in range(1, 6))]
    events = [Event(one, "here" if number == 3 else "") for number, one in enumerate(tokens)]
    got = await events_of(await opened(Scripted([], [events]), asking(URI)))
    assert [(shown([event])[0], event.cursor) for event in got] == [
        ("patch of m: x", ""),
        ("patch of m: +xxx", "here"),
        ("patch of m: +xx", ""),
    ]


# Cards


STREAMS = AgentCapabilities(streaming=True)
CARDS: dict[str, tuple[AgentCapabilities | None, list[str]]] = {
    "says nothing of itself": (None, []),
    "does not stream": (AgentCapabilities(streaming=False), []),
    "streams": (STREAMS, [URI]),
    "streams and has others": (AgentCapabilities(streaming=True, extensions=[AgentExtension(uri=OTHER)]), [OTHER, URI]),
    "offers it already": (AgentCapabilities(streaming=True, extensions=[AgentExtension(uri=URI)]), [URI]),
}


@pytest.mark.parametrize("card", CARDS)
async def test_a_card_offers_it_to_who_can_stream(card: str) -> None:
    capabilities, expected = CARDS[card]
    own = AgentCard(name="scripted", capabilities=capabilities)
    before = own.to_binary()

    class Carded(Scripted):
        async def card(self, context: CallContext) -> AgentCard:
            return own

    got = await WithDeltas(Carded([]), BOUNDS, DEFAULT).card(CallContext())
    assert [one.uri for one in (got.capabilities or AgentCapabilities()).extensions] == expected
    assert own.to_binary() == before, "the agent's own card was changed"
    if card == "streams":
        assert got.capabilities is not None
        assert got.capabilities.extensions == [declaration()]
