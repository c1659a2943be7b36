"""What goes wrong in the published implementations of the extension, and does not here. Named for what is protected."""

import tracemalloc

from protobuf import Oneof

from gateway.codec.jsontext import JsonValue
from gateway.deltas.changes import (
    ArtifactDelta,
    Change,
    Gap,
    MessageAbandoned,
    MessageCompleted,
    MetadataChanged,
    StatusChanged,
    TextDelta,
)
from gateway.deltas.client import Client
from gateway.deltas.document import Document, applied
from gateway.deltas.draft import Draft
from gateway.deltas.extension import patch_event
from gateway.deltas.op import Op, Patch, read_patch
from generated.a2a.v1.a2a_pb import Message, Part, Role, StreamResponse, TaskState
from tests.deltas.given import status
from tests.deltas.test_translators import piece


def said(*texts: str, id: str = "m") -> Message:
    return Message(message_id=id, role=Role.AGENT, parts=[Part(content=Oneof("text", one)) for one in texts])


def changes(*events: StreamResponse) -> list[Change]:
    client = Client()
    return [change for event in events for change in client.feed(event)]


def patch(ops: Patch, id: str = "m") -> StreamResponse:
    return patch_event("t", "c", id, ops)


def test_an_empty_first_chunk_leaves_one_part_and_a_stream_that_applies() -> None:
    draft, document = Draft("m"), Document()
    for chunk in ("", "Hello", " w"):
        document.apply(draft.text(chunk))
    assert document.read("parts") == [{"text": "Hello w"}]
    assert len(draft.message(task_id="t", context_id="c").parts) == 1


def test_half_a_surrogate_pair_is_not_stored_before_it_can_be_sent() -> None:
    draft, document = Draft("m"), Document()
    for chunk in ("a", "\ud83d", "\ude00"):
        ops = draft.text(chunk)
        patch(ops).to_binary()
        document.apply(ops)
    assert document.read("parts", 0, "text") == "a\N{GRINNING FACE}"


def test_a_token_costs_the_same_after_many_on_both_sides() -> None:
    draft, document = Draft("m"), Document()
    document.apply(draft.text("x" * 4_000_000))
    document.apply(draft.text("y"))  # what a reader holds is in pieces from here on
    tracemalloc.start()
    for _ in range(300):
        document.apply(draft.text("token "))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 400_000
    assert document.read("parts", 0, "text") == "x" * 4_000_000 + "y" + "token " * 300


def test_a_second_entry_of_a_list_in_the_metadata_is_read() -> None:
    key = "https://ext.example/t"
    draft = Draft("m")
    first, second = draft.metadata({key: ["one"]}), draft.metadata({key: ["two"]})
    published: list[JsonValue] = [{"op": "add", "path": "/metadata/https:~1~1ext.example~1t/1", "value": "two"}]
    for more in (second, read_patch(published, 10)):
        *_, last = changes(patch(first), patch(more))
        assert last == MetadataChanged("m", {key: ["one", "two"]})


def test_metadata_of_the_draft_and_of_the_closing_message_meet_by_one_rule() -> None:
    draft = Draft("m")
    draft.metadata({"list": [1]})
    draft.metadata({"list": [2]})
    closing = Draft("x")
    closing.metadata({"list": [3]})
    merged = draft.message(task_id="t", context_id="c", closing=closing.message(task_id="t", context_id="c"))
    assert merged.metadata is not None
    assert merged.metadata.to_python() == {"list": [1.0, 2.0, 3.0]}


def test_metadata_that_only_the_closing_message_has_is_told() -> None:
    draft = Draft("m")
    opening = patch(draft.text("a"))
    draft.metadata({"k": 1})
    told = changes(opening, status(TaskState.COMPLETED, draft.message(task_id="t", context_id="c")))
    assert MetadataChanged("m", {"k": 1}) in told


def test_joining_late_raises_nothing() -> None:
    told = changes(patch([Op("str_ins", "/parts/0/text", "lo", pos=3)]), status(TaskState.COMPLETED, said("Hello")))
    assert [change for change in told if isinstance(change, Gap | TextDelta)] == [Gap("m"), TextDelta("m", 0, "Hello")]


def test_an_event_with_a_patch_and_a_message_loses_neither() -> None:
    both = patch([Op("replace", "", {"message_id": "m", "parts": [{"text": "a"}]})])
    assert both.payload is not None
    whole = status(TaskState.COMPLETED, said("a"))
    assert whole.payload is not None
    whole.payload.value.metadata = both.payload.value.metadata  # pyright: ignore[reportAttributeAccessIssue]
    told = changes(whole)
    assert told == [
        TextDelta("m", 0, "a"),
        MessageCompleted(said("a")),
        StatusChanged("t", TaskState.COMPLETED, {}),
    ]


def test_a_failure_closes_what_was_open_and_is_not_taken_for_it() -> None:
    broke = status(TaskState.FAILED, said("it broke", id="e"))
    told = changes(patch(Draft("m").text("partial")), broke)
    assert [change for change in told if isinstance(change, TextDelta)] == [
        TextDelta("m", 0, "partial"),
        TextDelta("e", 0, "it broke"),
    ]
    assert MessageAbandoned("m") in told


def test_every_change_of_a_message_says_of_which() -> None:
    told = changes(patch(Draft("m").text("a"), "m"), patch(Draft("n").text("b"), "n"))
    assert [change.message_id for change in told if isinstance(change, TextDelta)] == ["m", "n"]


def test_an_earlier_message_stays_when_the_next_begins() -> None:
    first, second = Draft("m"), Draft("n")
    events = [
        patch(first.text("one"), "m"),
        status(TaskState.WORKING, said("one")),
        patch(second.text("two"), "n"),
        status(TaskState.COMPLETED, said("two", id="n")),
    ]
    told = changes(*events)
    assert [change.message for change in told if isinstance(change, MessageCompleted)] == [
        said("one"),
        said("two", id="n"),
    ]
    assert not any(isinstance(change, MessageAbandoned | Gap) for change in told)


def test_a_status_without_a_message_leaves_the_text_as_it_is() -> None:
    draft = Draft("m")
    events = [patch(draft.text("a")), status(TaskState.WORKING), patch(draft.text("b"))]
    told = changes(*events, status(TaskState.COMPLETED, said("ab")))
    assert [change.text for change in told if isinstance(change, TextDelta)] == ["a", "b"]


def test_a_file_in_the_draft_is_told_once() -> None:
    draft = Draft("m")
    file = Part(content=Oneof("url", "https://x.example/f"))
    events = [patch(draft.part(file)), patch(draft.text("a")), patch(draft.text("b"))]
    told = changes(*events, status(TaskState.COMPLETED, draft.message(task_id="t", context_id="c")))
    assert [type(change).__name__ for change in told].count("PartAdded") == 1


def test_a_pointer_with_escapes_reaches_its_member() -> None:
    ops = [Op("add", "/metadata/ext:~1~1t/1", 2)]
    assert applied({"metadata": {"ext://t": [1]}}, ops) == {"metadata": {"ext://t": [1, 2]}}


def test_move_keeps_where_it_comes_from() -> None:
    ops = read_patch([{"op": "move", "from": "/a", "path": "/b"}], 10)
    assert [op.to_json() for op in ops] == [{"op": "move", "from": "/a", "path": "/b"}]


def test_an_artifact_between_tokens_is_a_change_of_its_own() -> None:
    draft = Draft("m")
    told = changes(patch(draft.text("a")), piece("x", append=True), patch(draft.text("b")))
    assert ArtifactDelta("t", "a", [Part(content=Oneof("text", "x"))]) in told
    assert [change.text for change in told if isinstance(change, TextDelta)] == ["a", "b"]
