"""Between an agent and a caller of which only one speaks the extension: which events are replaced, and by what."""

from typing import Any

import pytest
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.codec import protojson
from gateway.deltas.client import Client
from gateway.deltas.coalesce import coalesced
from gateway.deltas.compress import Compress
from gateway.deltas.dialect import from_v0_3, to_v0_3
from gateway.deltas.expand import Expand
from gateway.deltas.extension import URI, patch_event, read_event, without_patches
from gateway.deltas.op import Op, Patch
from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from tests.deltas.given import BOUNDS, View, status

WORKING, COMPLETED, FAILED = TaskState.WORKING, TaskState.COMPLETED, TaskState.FAILED


def text(said: str) -> Part:
    return Part(content=Oneof("text", said))


def message(*said: str, id: str = "m", metadata: dict[str, Any] | None = None) -> Message:
    described = Struct.from_python(metadata) if metadata else None
    return Message(message_id=id, role=Role.AGENT, parts=[text(one) for one in said], metadata=described)


def piece(said: str, *, append: bool = False, last: bool = False, id: str = "a", name: str = "") -> StreamResponse:
    artifact = Artifact(artifact_id=id, parts=[text(said)], name=name)
    update = TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=artifact, append=append, last_chunk=last)
    return StreamResponse(payload=Oneof("artifact_update", update))


def root(said: str) -> Op:
    return Op("replace", "", {"message_id": "m", "parts": [{"text": said}]})


def ins(said: str, pos: int) -> Op:
    return Op("str_ins", "/parts/0/text", said, pos=pos)


def patch(*ops: Op, id: str = "m", seq: int | None = None) -> StreamResponse:
    return patch_event("t", "c", id, ops, seq)


def ops_of(event: StreamResponse) -> Patch:
    read = read_event(event)
    assert read is not None
    return read.ops(1024)


def through(translator: Expand | Compress, *events: StreamResponse) -> list[StreamResponse]:
    return [out for event in events for out in translator.feed(event)] + translator.end()


# --- the agent speaks it, the caller does not ---


def test_patches_are_withheld_and_the_state_is_not() -> None:
    final = status(COMPLETED, message("Hello"))
    delivered = through(Expand(), patch(root("Hel")), patch(ins("lo", 3)), final)
    assert delivered == [status(WORKING), final]


def test_a_failure_leaves_the_partial_text() -> None:
    broke = status(FAILED, message("it broke", id="e"))
    delivered = through(Expand(), status(WORKING), patch(root("Hel")), patch(ins("lo", 3)), broke)
    partial = message("Hello")
    partial.task_id, partial.context_id = "t", "c"
    assert delivered == [status(WORKING), status(WORKING, partial), broke]


def test_a_stream_that_ends_in_the_midst_leaves_the_partial_text() -> None:
    delivered = through(Expand(), status(WORKING), patch(root("Hel")))
    assert [event.to_json() for event in delivered[1:]] == [
        '{"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING","message":{"messageId":'
        '"m","contextId":"c","taskId":"t","role":"ROLE_AGENT","parts":[{"text":"Hel"}]}}}}'
    ]


def test_a_draft_with_a_gap_is_not_delivered_as_if_it_were_whole() -> None:
    delivered = through(Expand(), status(WORKING), patch(root("a"), seq=0), patch(ins("c", 2), seq=2), status(FAILED))
    assert delivered == [status(WORKING), status(FAILED)]


def test_a_draft_that_shows_an_artifact_is_no_message() -> None:
    preview = patch_event("t", "c", "artifact:a", [root("a")], 0, artifact_id="a")
    assert through(Expand(), status(WORKING), preview, piece("a", last=True), status(COMPLETED)) == [
        status(WORKING),
        piece("a", last=True),
        status(COMPLETED),
    ]


def test_what_a_patch_event_says_beside_its_patch_is_delivered() -> None:
    other = Struct.from_python({"https://other.example": 1})
    event = patch_event("t", "c", "m", [root("a")], metadata=other)
    (delivered,) = Expand().feed(event)
    assert delivered == StreamResponse(
        payload=Oneof(
            "status_update",
            TaskStatusUpdateEvent(task_id="t", context_id="c", status=TaskStatus(state=WORKING), metadata=other),
        )
    )


def test_the_last_patch_does_not_stay_in_the_metadata_of_a_stored_task() -> None:
    stale = Struct.from_python({URI: {"message_id": "m", "message_update": []}, "kept": 1})
    task = Task(id="t", status=TaskStatus(state=WORKING), metadata=stale)
    (delivered,) = Expand().feed(StreamResponse(payload=Oneof("task", task)))
    assert delivered.payload == Oneof(
        "task", Task(id="t", status=task.status, metadata=Struct.from_python({"kept": 1}))
    )
    assert without_patches(Struct.from_python({URI: 1})) is None


def test_by_setting_a_message_is_an_artifact_to_which_is_appended() -> None:
    said = message("Hello", "more", metadata={"k": 1})
    delivered = through(Expand(chunks=True), patch(root("Hel")), patch(ins("lo", 3)), status(COMPLETED, said))
    whole = Artifact(artifact_id="m", parts=said.parts, metadata=said.metadata)
    last = TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=whole, last_chunk=True)
    assert delivered == [
        piece("Hel", id="m"),
        status(WORKING),
        piece("lo", append=True, id="m"),
        StreamResponse(payload=Oneof("artifact_update", last)),
        status(COMPLETED),
    ]


def test_an_event_without_patches_passes_as_it_is() -> None:
    for event in (status(WORKING, message("a")), piece("x"), status(COMPLETED)):
        (delivered,) = Expand().feed(event)
        assert delivered is event


# --- the caller speaks it, the agent does not ---


def test_text_that_is_appended_to_an_artifact_becomes_patches_and_the_whole() -> None:
    delivered = through(
        Compress(), status(WORKING), piece("Hel", name="A"), piece("lo", append=True), status(COMPLETED)
    )
    assert [read_event(event) is not None for event in delivered] == [False, True, True, False, False]
    assert ops_of(delivered[2]) == [ins("lo", 3)]
    assert delivered[3:] == [piece("Hello", name="A"), status(COMPLETED)]


def test_the_last_piece_ends_the_artifact() -> None:
    delivered = through(Compress(), piece("Hel"), piece("lo", append=True, last=True))
    assert len(delivered) == 3
    assert delivered[2] == piece("Hello", last=True)


@pytest.mark.parametrize(
    "event",
    [
        piece("x", append=True),
        piece("x", last=True),
        status(WORKING),
        status(COMPLETED, message("a")),
        StreamResponse(payload=Oneof("message", message("a"))),
        patch(root("a")),
    ],
)
def test_what_does_not_grow_passes_as_it_is(event: StreamResponse) -> None:
    (delivered,) = through(Compress(), event)
    assert delivered is event


def test_artifacts_pass_as_they_are_by_setting() -> None:
    events = [piece("a"), piece("b", append=True)]
    assert through(Compress(artifacts=False), *events) == events


def test_a_piece_that_is_more_than_text_ends_the_translation() -> None:
    picture = Artifact(artifact_id="a", parts=[Part(content=Oneof("url", "https://x.example"))])
    more = TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=picture, append=True)
    event = StreamResponse(payload=Oneof("artifact_update", more))
    delivered = through(Compress(), piece("a"), event, piece("b", append=True))
    assert delivered[1:] == [piece("a"), event, piece("b", append=True)]


def test_a_message_that_is_said_longer_becomes_patches() -> None:
    states = [message("a"), message("ab"), message("ab", "c", metadata={"k": 1})]
    delivered = through(Compress(), *(status(WORKING, state) for state in states), status(COMPLETED))
    assert [list(ops_of(event)) for event in delivered[:3]] == [
        [root("a")],
        [ins("b", 1)],
        [Op("add", "/parts/-", {"text": "c"}), Op("add", "/metadata", {"k": 1})],
    ]
    assert delivered[3:] == [status(WORKING, states[-1]), status(COMPLETED)]


def test_a_message_that_changes_is_set_anew() -> None:
    delivered = through(Compress(), status(WORKING, message("ab")), status(WORKING, message("xb")))
    assert list(ops_of(delivered[1])) == [root("xb")]


def test_another_message_ends_the_one_before() -> None:
    delivered = through(Compress(), status(WORKING, message("a")), status(WORKING, message("b", id="n")))
    assert [read_event(event) is None for event in delivered] == [False, True, False, True]
    assert delivered[1] == status(WORKING, message("a"))
    assert delivered[3] == status(WORKING, message("b", id="n"))


def test_our_client_sees_an_artifact_either_way() -> None:
    events = [piece("Hel", name="A"), piece("lo", append=True, last=True), status(COMPLETED)]
    client, view = Client(), View()
    changes = [change for event in through(Compress(), *events) for change in client.feed(event)]
    assert [type(change).__name__ for change in changes] == [
        "ArtifactReplaced",
        "StatusChanged",
        "ArtifactDelta",
        "ArtifactReplaced",
        "StatusChanged",
    ]
    assert view.parts == {}


# --- many patches as few ---


def test_insertions_that_follow_each_other_are_one() -> None:
    events = [patch(root("a"), seq=0), *(patch(ins("x", pos), seq=pos) for pos in range(1, 100))]
    first, joined = coalesced(events)
    read = read_event(joined)
    assert first is events[0]
    assert read is not None
    assert (read.seq, read.covers, read.ops(1024)) == (99, 99, [ins("x" * 99, 1)])


def test_no_patch_changes_what_it_has_set() -> None:
    add, describe = Op("add", "/parts/-", {"text": "b"}), Op("add", "/metadata/k", 1)
    more = Op("str_ins", "/parts/1/text", "c", pos=1)
    events = [patch(root("a")), patch(ins("x", 1)), patch(add), patch(describe), patch(add), patch(more), patch(more)]
    assert [list(ops_of(event)) for event in coalesced(events)] == [
        [root("a")],
        [ins("x", 1), add, describe, add],
        [more, more],
    ]


def test_what_is_not_next_is_not_joined() -> None:
    events = [patch(ins("a", 0), seq=1), patch(ins("b", 1), seq=3), patch(ins("c", 2), id="n", seq=4), status(WORKING)]
    assert coalesced(events) == events


def test_joined_patches_stay_within_what_readers_take() -> None:
    add = Op("add", "/parts/-", {"data": 1})
    joined = coalesced([patch(add, seq=seq) for seq in range(1000)])
    assert sum(len(ops_of(event)) for event in joined) == 1000
    assert max(len(ops_of(event)) for event in joined) <= 256


# --- the dialect of parts ---

PARTS = [
    ({"text": "a"}, {"kind": "text", "text": "a"}),
    (
        {"raw": "AAA=", "filename": "f", "mediaType": "image/png"},
        {"kind": "file", "file": {"bytes": "AAA=", "name": "f", "mimeType": "image/png"}},
    ),
    ({"url": "https://x.example"}, {"kind": "file", "file": {"uri": "https://x.example"}}),
    ({"data": {"n": 1}, "metadata": {"k": 1}}, {"kind": "data", "data": {"n": 1}, "metadata": {"k": 1}}),
    ({"data": [1]}, {"kind": "data", "data": {"value": [1]}, "metadata": {"data_part_compat": True}}),
]


@pytest.mark.parametrize(("new", "old"), PARTS)
def test_parts_in_patches_are_in_the_dialect_of_the_version(new: dict[str, Any], old: dict[str, Any]) -> None:
    def event(part: dict[str, Any]) -> StreamResponse:
        draft: Any = {"message_id": "m", "parts": [part]}
        ops = [Op("replace", "", draft), Op("add", "/parts/-", part), Op("replace", "/parts", [part])]
        return patch_event("t", "c", "m", ops, 3)

    assert to_v0_3(event(new)) == event(old)
    assert from_v0_3(event(old), BOUNDS) == event(new)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("/parts/0/text", "/parts/0/text"),
        ("/parts/0/raw", "/parts/0/file/bytes"),
        ("/parts/0/filename", "/parts/0/file/name"),
        ("/parts/0/data/a", "/parts/0/data/a"),
        ("/metadata/raw", "/metadata/raw"),
    ],
)
def test_places_inside_parts_are_those_of_the_version(new: str, old: str) -> None:
    one, other = patch(Op("str_ins", new, "x", pos=1)), patch(Op("str_ins", old, "x", pos=1))
    assert to_v0_3(one) == other
    assert from_v0_3(other, BOUNDS) == one


def test_events_without_parts_in_patches_are_the_same_objects() -> None:
    for event in (patch(ins("a", 1)), status(WORKING, message("a")), piece("a")):
        assert to_v0_3(event) is event
        assert from_v0_3(event, BOUNDS) is event


def test_positions_are_whole_numbers_on_the_wire() -> None:
    assert b'"pos":3,' in protojson.encode(patch(ins("a", 3), seq=1), BOUNDS)
