"""A message under construction: the patch of every yield, and the message that comes of them."""

import pytest
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.deltas.draft import Draft
from gateway.deltas.op import Op
from generated.a2a.v1.a2a_pb import Message, Part, Role

DEEP: JsonValue = "bottom"
for _ in range(18):
    DEEP = [DEEP]


def text(said: str) -> Part:
    return Part(content=Oneof("text", said))


def root(*parts: JsonValue, **more: JsonValue) -> Op:
    return Op("replace", "", {"message_id": "m", "parts": [*parts], **more})


def message(draft: Draft, closing: Message | None = None) -> Message:
    return draft.message(task_id="t", context_id="c", closing=closing)


def test_text_grows_one_part() -> None:
    draft = Draft("m")
    assert draft.text("Hel") == [root({"text": "Hel"})]
    assert draft.text("lo") == [Op("str_ins", "/parts/0/text", "lo", pos=3)]
    assert message(draft) == Message(
        message_id="m", task_id="t", context_id="c", role=Role.AGENT, parts=[text("Hello")]
    )


def test_positions_are_code_points() -> None:
    draft = Draft("m")
    draft.text("a\N{GRINNING FACE}")
    assert draft.text("b") == [Op("str_ins", "/parts/0/text", "b", pos=2)]


def test_a_part_ends_the_text() -> None:
    draft = Draft("m")
    draft.text("a")
    assert draft.part(text("b")) == [Op("add", "/parts/-", {"text": "b"})]
    assert draft.text("c") == [Op("add", "/parts/-", {"text": "c"})]
    assert draft.text("d") == [Op("str_ins", "/parts/2/text", "d", pos=1)]
    assert message(draft).parts == [text("a"), text("b"), text("cd")]


def test_metadata_between_tokens_leaves_the_text_in_one_part() -> None:
    draft = Draft("m")
    draft.text("a")
    assert draft.metadata({"k": 1}) == [Op("add", "/metadata", {"k": 1})]
    assert draft.text("b") == [Op("str_ins", "/parts/0/text", "b", pos=1)]


def test_metadata_merges_and_a_changed_member_is_sent_whole() -> None:
    draft = Draft("m")
    assert draft.metadata({"a": [1], "o": {"x": 1}, "same": 1}) == [root(metadata={"a": [1], "o": {"x": 1}, "same": 1})]
    assert draft.metadata({"a": [2], "o": {"y": 2}, "same": 1, "t/~": "new"}) == [
        Op("add", "/metadata/a", [1, 2]),
        Op("add", "/metadata/o", {"x": 1, "y": 2}),
        Op("add", "/metadata/t~1~0", "new"),
    ]


def test_what_brings_nothing_changes_nothing() -> None:
    draft = Draft("m")
    assert draft.text("") == []
    assert draft.metadata({}) == []
    assert draft.empty
    draft.metadata({"k": 1})
    assert draft.metadata({"k": 1}) == []


def test_an_empty_first_chunk_makes_no_second_part() -> None:
    draft = Draft("m")
    patches = [draft.text(chunk) for chunk in ("", "Hello", " w")]
    assert patches == [[], [root({"text": "Hello"})], [Op("str_ins", "/parts/0/text", " w", pos=5)]]


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        (["\ud83d", "\ude00"], "\N{GRINNING FACE}"),
        (["a\ud83d", "\ude00b"], "a\N{GRINNING FACE}b"),
        (["\ud83d", "x"], "\ufffdx"),
        (["\ude00x"], "\ufffdx"),
        (["\ud83d", "\ud83d", "\ude00"], "\ufffd\N{GRINNING FACE}"),
        (["\ud83d", "", "\ude00"], "\N{GRINNING FACE}"),
        (["a\ud83d"], "a\ufffd"),
        (["\ud83d"], "\ufffd"),
        (["a\ud83d\ud83db"], "a\ufffd\ufffdb"),
    ],
)
def test_halves_of_a_surrogate_pair_meet_or_are_replaced(chunks: list[str], whole: str) -> None:
    draft = Draft("m")
    sent = [op.value for chunk in chunks for op in draft.text(chunk)]
    assert "\ud83d" not in str(sent)
    assert not draft.empty
    assert message(draft).parts == [text(whole)]


def test_a_half_that_waits_is_replaced_where_the_text_ends() -> None:
    draft = Draft("m")
    draft.text("a")
    draft.text("\ud83d")
    assert draft.part(text("p")) == [
        Op("str_ins", "/parts/0/text", "\ufffd", pos=1),
        Op("add", "/parts/-", {"text": "p"}),
    ]


def test_late_joiners_get_the_draft_as_it_stands() -> None:
    draft = Draft("m")
    draft.text("Hel")
    draft.text("lo")
    draft.data({"n": 5})
    draft.metadata({"k": "v"})
    assert draft.root() == [
        root({"text": "Hello"}, {"data": {"n": 5}, "mediaType": "application/json"}, metadata={"k": "v"})
    ]
    draft.text("!")
    assert draft.text("?") == [Op("str_ins", "/parts/2/text", "?", pos=1)]


def test_an_explicit_message_joins_the_end_of_the_draft() -> None:
    draft = Draft("m")
    draft.text("Hello")
    draft.metadata({"list": [1], "deep": {"a": 1}})
    closing = Message(
        message_id="own",
        parts=[text("world")],
        metadata=Struct.from_python({"list": [2], "deep": {"b": 2}}),
        extensions=["urn:x"],
        reference_task_ids=["other"],
    )
    assert message(draft, closing) == Message(
        message_id="m",
        task_id="t",
        context_id="c",
        role=Role.AGENT,
        parts=[text("Hello"), text("world")],
        metadata=Struct.from_python({"list": [1, 2], "deep": {"a": 1, "b": 2}}),
        extensions=["urn:x"],
        reference_task_ids=["other"],
    )


def test_an_explicit_message_alone_keeps_its_id() -> None:
    assert message(Draft("m"), Message(message_id="own", parts=[text("x")])).message_id == "own"
    assert message(Draft("m"), Message(parts=[text("x")])).message_id == "m"


def test_what_a_worker_keeps_is_not_what_the_draft_holds() -> None:
    draft = Draft("m")
    values: dict[str, JsonValue] = {"list": [1]}
    (op,) = draft.metadata(values)
    items = values["list"]
    assert isinstance(items, list)
    items.append(2)
    assert op == root(metadata={"list": [1]})
    assert draft.root() == [op]


@pytest.mark.parametrize(
    "value",
    [float("nan"), {1: "x"}, object(), b"bytes", {"deep": [{1, 2}]}, "\ud83d", 2**53 + 1, DEEP],
    ids=["no number", "no name", "no value", "bytes", "a set", "half a character", "no double", "too deep"],
)
def test_what_no_binding_carries_is_refused_and_changes_nothing(value: JsonValue) -> None:
    draft = Draft("m")
    with pytest.raises(Malformed):
        draft.data(value)
    with pytest.raises(Malformed):
        draft.metadata({"k": value})
    assert draft.empty


@pytest.mark.parametrize("part", [Part(), text("\ud83d")], ids=["nothing", "half"])
def test_a_part_that_cannot_be_sent_is_refused(part: Part) -> None:
    draft = Draft("m")
    draft.text("a")
    before = draft.root()
    with pytest.raises(Malformed):
        draft.part(part)
    assert draft.root() == before
