"""What holds for every sequence of yields: on the wire, for late and early readers, joined or not."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.codec.jsontext import JsonValue
from gateway.deltas.changes import Gap, MessageReplaced, StatusChanged
from gateway.deltas.client import Client
from gateway.deltas.coalesce import coalesced
from gateway.deltas.compress import Compress
from gateway.deltas.diff import difference
from gateway.deltas.document import Document, DraftBounds, applied
from gateway.deltas.expand import Expand
from gateway.deltas.extension import patch_event, read_event
from gateway.deltas.op import PatchRefused, read_patch
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState
from tests.deltas.given import (
    View,
    json_metadata,
    json_parts,
    plain_texts,
    status,
    told,
    values,
    yields,
)

pytestmark = pytest.mark.timeout(240)  # a machine that does other things too may take its time

SEQUENCES = 2000 if os.environ.get("CI") else 300
"""For each of the five properties of sequences: 10,000 in all where CI runs them."""
many = settings(max_examples=SEQUENCES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MOST = DraftBounds().ops


def through_the_wire(event: StreamResponse) -> StreamResponse:
    return StreamResponse.from_binary(event.to_binary())


@many
@given(yields())
def test_patches_make_the_parts_and_the_metadata_of_the_message(sequence: list[tuple[str, object]]) -> None:
    made = told(sequence)
    document = Document()
    for event in map(through_the_wire, made.events()):
        patch = read_event(event)
        assert patch is not None
        document.apply(patch.ops(MOST))
    message = made.message()
    if made.draft.empty:
        assert document.value is None
        return
    assert document.read("parts") == json_parts(message)
    assert document.read("metadata") == json_metadata(message)
    assert document.read("message_id") == message.message_id


@many
@given(yields(), st.data())
def test_any_prefix_and_the_message_show_the_message_once(
    sequence: list[tuple[str, object]], data: st.DataObject
) -> None:
    made = told(sequence)
    heard = data.draw(st.integers(0, len(made.patches)))
    client, view = Client(), View()
    changes = [change for event in [*made.events()[:heard], made.final()] for change in client.feed(event)]
    for change in changes:
        view.show(change)
    assert view.is_message(made.message())
    assert view.complete == ["m"]
    assert not any(isinstance(change, MessageReplaced | Gap) for change in changes)
    assert sum(isinstance(change, StatusChanged) and change.terminal for change in changes) == 1
    assert client.feed(made.final()) == []


@many
@given(yields(), st.data())
def test_a_late_joiner_comes_to_the_same(sequence: list[tuple[str, object]], data: st.DataObject) -> None:
    missed = data.draw(st.integers(0, len(sequence)))
    early = told(sequence[:missed])
    made = told(sequence)
    client, view, heard = Client(), View(), []
    if not early.draft.empty and early.patches:
        # A half that waits is not in the patches of those that joined early either.
        joined = Document()
        for ops in made.patches[: len(early.patches)]:
            joined.apply(ops)
        whole = read_patch([{"op": "replace", "path": "", "value": joined.value}], MOST)
        heard.append(patch_event("t", "c", "m", whole, len(early.patches) - 1, snapshot=True))
    heard += [*made.events()[len(early.patches) :], made.final()]
    changes = [change for event in heard for change in client.feed(event)]
    for change in changes:
        view.show(change)
    assert view.is_message(made.message())
    assert not any(isinstance(change, Gap) for change in changes)


@many
@given(yields(), st.data())
def test_what_is_lost_or_doubled_is_repaired_by_the_message(
    sequence: list[tuple[str, object]], data: st.DataObject
) -> None:
    made = told(sequence)
    events = made.events()
    heard = data.draw(st.lists(st.sampled_from(events), max_size=12)) if events else []
    client, view = Client(), View()
    for event in [*heard, made.final()]:
        for change in client.feed(event):
            view.show(change)
    assert view.is_message(made.message())


@many
@given(yields(), st.data())
def test_joined_patches_come_to_the_same(sequence: list[tuple[str, object]], data: st.DataObject) -> None:
    made = told(sequence)
    events = [*made.events(), made.final()]
    cut = data.draw(st.integers(0, len(events)))
    joined = [*coalesced(events[:cut]), *coalesced(coalesced(events[cut:]))]
    views: list[View] = []
    for stream in (events, joined):
        client, view = Client(), View()
        for event in map(through_the_wire, stream):
            for change in client.feed(event):
                assert not isinstance(change, Gap)
                view.show(change)
        views.append(view)
    assert views[0].parts == views[1].parts
    assert views[0].metadata == views[1].metadata
    assert len(joined) <= len(events)


@settings(max_examples=300, deadline=None)
@given(yields(plain_texts))
def test_who_counts_utf16_sees_the_same_where_no_text_is_astral(sequence: list[tuple[str, object]]) -> None:
    made = told(sequence)
    shown: list[list[int]] = []
    """The text parts in UTF-16 units, as JavaScript has them."""
    for ops in made.patches:
        for op in ops:
            if op.op == "str_ins":
                assert isinstance(op.value, str)
                at = int(op.path.split("/")[2])
                units = shown[at]
                assert op.pos is not None
                units[op.pos : op.pos] = utf16(op.value)
            elif isinstance(op.value, dict) and not op.path:
                parts = op.value["parts"]
                assert isinstance(parts, list)
                shown = [utf16(text_in(part)) for part in parts]
            elif op.path == "/parts/-":
                shown.append(utf16(text_in(op.value)))
    assert shown == [utf16(text_in(part)) for part in json_parts(made.message())]


def text_in(part: JsonValue) -> str:
    text = part.get("text", "") if isinstance(part, dict) else ""
    assert isinstance(text, str)
    return text if "\U0001f600" not in text else ""


def utf16(text: str) -> list[int]:
    encoded = text.encode("utf-16-le")
    return [encoded[at] | encoded[at + 1] << 8 for at in range(0, len(encoded), 2)]


@settings(max_examples=400, deadline=None)
@given(values, values)
def test_a_difference_makes_the_new_of_the_old(old: JsonValue, new: JsonValue) -> None:
    ops = difference(old, new)
    assert applied(old, ops) == new
    assert difference(new, new) == []


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=8), st.text(max_size=4), st.text(max_size=8))
def test_one_insertion_is_one_operation(start: str, more: str, end: str) -> None:
    ops = difference(start + end, start + more + end)
    assert len(ops) == (1 if more else 0)
    assert all(op.op == "str_ins" and len(str(op.value)) == len(more) for op in ops)
    assert applied(start + end, ops) == start + more + end


hostile_ops = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "str_ins", "none"])},
        optional={
            "path": st.sampled_from(["", "/", "/a", "/l/0", "/l/-", "/l/1", "/t", "/a/b", "/l/0/x", "bad"]),
            "from": st.sampled_from(["", "/a", "/l/0", "/l", "/t", "/a/b"]),
            "value": values,
            "pos": st.one_of(st.integers(-1, 4), st.sampled_from([1.0, 1.5, True, None])),
        },
    ),
    max_size=5,
)


@settings(max_examples=400, deadline=None)
@given(hostile_ops)
def test_any_patch_is_applied_whole_or_refused_by_name(patch: list[JsonValue]) -> None:
    before: JsonValue = {"a": {"b": 1}, "l": [1, {"x": "y"}], "t": "text"}
    document = Document()
    document.apply(read_patch([{"op": "replace", "path": "", "value": before}], MOST))
    try:
        document.apply(read_patch(patch, MOST))
    except PatchRefused:
        assert document.value == before


@settings(max_examples=200, deadline=None)
@given(yields(), st.booleans())
def test_who_does_not_speak_the_extension_gets_the_message_once(
    sequence: list[tuple[str, object]], final_says_it: bool
) -> None:
    made = told(sequence)
    final = made.final() if final_says_it else status(TaskState.FAILED)
    translator = Expand()
    delivered = [out for event in [*made.events(), final] for out in translator.feed(event)] + translator.end()
    assert all(read_event(out) is None for out in delivered)
    client, view = Client(), View()
    for event in delivered:
        for change in client.feed(event):
            view.show(change)
    if final_says_it or made.patches:
        assert view.is_message(made.message())
        assert view.complete == ["m"]


@settings(max_examples=200, deadline=None)
@given(yields(), st.booleans())
def test_a_message_that_is_said_again_and_again_becomes_patches(
    sequence: list[tuple[str, object]], final_says_it: bool
) -> None:
    """Every state of the message is said whole, as an agent without the extension does it."""
    states = [told(sequence[:upto]).message() for upto in range(1, len(sequence) + 1)]
    final = status(TaskState.COMPLETED, states[-1] if states and final_says_it else None)
    translator = Compress()
    events = [*(status(TaskState.WORKING, message) for message in states), final]
    delivered = [out for event in events for out in translator.feed(event)] + translator.end()
    view, client = View(), Client()
    for event in delivered:
        for change in client.feed(event):
            assert not isinstance(change, Gap)
            view.show(change)
    if states:
        assert view.is_message(states[-1])
        assert view.complete == ["m"]
        whole = [event for event in delivered if read_event(event) is None]
        assert len(whole) == (1 if final_says_it else 2)


@pytest.mark.parametrize("said", [True, False])
def test_nothing_said_is_nothing_sent(said: bool) -> None:
    translator = Expand(chunks=said)
    assert translator.feed(status(TaskState.COMPLETED)) == [status(TaskState.COMPLETED)]
    assert translator.end() == []
