"""The published Python package of the delta extension as a peer: our patches by its functions and its client, its
patches by ours, and in what they differ.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.codec import protojson
from gateway.deltas.changes import Gap, MessageReplaced
from gateway.deltas.client import Client
from gateway.deltas.coalesce import coalesced
from gateway.deltas.compress import Compress
from gateway.deltas.extension import URI, patch_event
from gateway.deltas.op import Op
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState
from tests.deltas.given import BOUNDS, View, json_metadata, json_parts, status, told
from tests.deltas.test_translators import message, piece
from tests.deltas.vectors import event_of
from tests.interop.adk import Adk

# The first test may have to make the environment.
pytestmark = pytest.mark.timeout(300)

YIELDS: list[tuple[str, Any]] = [
    ("text", ""),
    ("text", "Hel"),
    ("text", "lo \U0001f600"),
    ("metadata", {"list/~": [1]}),
    ("text", "!"),
    ("metadata", {"list/~": [2], "deep": {"a": 1}}),
    ("data", {"n": 1}),
    ("text", "x"),
    ("text", "\ud83d"),
    ("text", "\ude00y"),
]


def seen(peer: Adk, events: Sequence[StreamResponse]) -> list[dict[str, Any]]:
    return peer("seen", [protojson.to_value(event, BOUNDS) for event in events])


def text_of(deltas: Sequence[dict[str, Any]]) -> str:
    """What somebody sees who prints every part and every delta of a text."""
    shown = [delta.get("delta", delta.get("part", {}).get("text", "")) for delta in deltas]
    return "".join(shown)


def test_its_patch_functions_make_our_message_of_our_patches(peer: Adk) -> None:
    made = told(YIELDS)
    draft = peer("applied", [[op.to_json() for op in ops] for ops in made.patches])
    assert draft["parts"] == json_parts(made.message())
    assert draft["metadata"] == json_metadata(made.message())
    assert draft["message_id"] == "m"


def test_its_client_shows_our_stream_once(peer: Adk) -> None:
    made = told(YIELDS)
    for events in (made.events(), coalesced(made.events())):
        deltas = seen(peer, [*events, made.final()])
        assert text_of(deltas) == "Hello \U0001f600!x\U0001f600y"
        assert [delta["type"] for delta in deltas].count("StateChange") == 1
        assert deltas[-1]["message"] == protojson.to_value(made.message(), BOUNDS)


def test_its_client_reads_metadata_that_changes_again(peer: Adk) -> None:
    made = told(YIELDS)
    described = [delta["metadata"] for delta in seen(peer, made.events()) if delta["type"] == "MetadataDelta"]
    assert described == [{"list/~": [1]}, {"list/~": [1, 2], "deep": {"a": 1}}]


def test_its_client_fails_at_its_own_second_entry_of_a_list(peer: Adk) -> None:
    """Why a member of the metadata is sent whole."""
    made = peer("yielded", [["text", "a"], ["metadata", {"k": [1]}], ["metadata", {"k": [2]}]])
    events = [
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}, "metadata": said}}
        for said in ({URI: {"message_id": "m", "message_update": patch}} for patch in made["patches"])
    ]
    assert peer.outcome("seen", events) == {"error": "JsonPointerException"}
    client = Client()
    changes = [change for event in events for change in client.feed(event_of(event))]
    assert not any(isinstance(change, Gap) for change in changes)


@pytest.mark.parametrize(
    "values",
    [
        [["text", "Hel"], ["text", "lo"], ["data", {"n": 1}], ["text", "x"]],
        [
            ["metadata", {"k": [1]}],
            ["text", "a"],
            ["metadata", {"k": [2], "t": "Hello"}],
            ["metadata", {"t": "Hello w"}],
        ],
        [["part", {"url": "https://x.example", "filename": "f"}], ["text", "\U0001f600"], ["text", "b"]],
        [["text", "a"], ["metadata", {"k": 1}], ["text", "b"]],
    ],
)
def test_our_client_shows_its_stream_once(peer: Adk, values: list[Any]) -> None:
    made = peer("yielded", values)
    said = made["message"]
    working = {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    events: list[dict[str, Any]] = [
        {
            "statusUpdate": {
                **working,
                "metadata": {URI: {"message_id": said["messageId"], "message_update": patch}},
            }
        }
        for patch in made["patches"]
    ]
    final = {"statusUpdate": {**working, "status": {"state": "TASK_STATE_COMPLETED", "message": said}}}
    client, view = Client(), View()
    for event in [*events, final]:
        for change in client.feed(event_of(event)):
            assert not isinstance(change, Gap | MessageReplaced)
            view.show(change)
    assert [protojson.to_value(part, BOUNDS) for part in view.parts[said["messageId"]]] == said["parts"]
    assert view.complete == [said["messageId"]]


def test_its_empty_first_chunk_is_a_gap_that_the_message_repairs(peer: Adk) -> None:
    made = peer("yielded", [["text", ""], ["text", "Hello"], ["text", " w"]])
    assert peer.outcome("applied", made["patches"]) == {"error": "JsonPatchConflict"}
    said = {**made["message"], "messageId": "m"}
    events = [
        {
            "statusUpdate": {
                "taskId": "t",
                "contextId": "c",
                "status": {"state": "TASK_STATE_WORKING"},
                "metadata": {URI: {"message_id": "m", "message_update": patch}},
            }
        }
        for patch in made["patches"]
    ]
    final = {
        "statusUpdate": {
            "taskId": "t",
            "contextId": "c",
            "status": {"state": "TASK_STATE_COMPLETED", "message": said},
        }
    }
    client, view = Client(), View()
    changes = [change for event in [*events, final] for change in client.feed(event_of(event))]
    for change in changes:
        view.show(change)
    assert Gap("m") in changes
    assert [protojson.to_value(part, BOUNDS) for part in view.parts["m"]] == said["parts"]


def test_metadata_ends_a_text_there_and_not_here(peer: Adk) -> None:
    values: list[tuple[str, Any]] = [("text", "a"), ("metadata", {"k": 1}), ("text", "b")]
    theirs = peer("yielded", [[*value] for value in values])["message"]
    assert theirs["parts"] == [{"text": "a"}, {"text": "b"}]
    assert json_parts(told(values).message()) == [{"text": "ab"}]


def test_a_message_that_grows_reaches_its_client_as_deltas(peer: Adk) -> None:
    translator = Compress()
    events = [
        status(TaskState.WORKING, message("a")),
        status(TaskState.WORKING, message("ab")),
        status(TaskState.COMPLETED),
    ]
    delivered = [out for event in events for out in translator.feed(event)]
    assert text_of(seen(peer, delivered)) == "ab"
    assert text_of(seen(peer, events)) == "aab"


def test_an_artifact_that_grows_reaches_its_client_as_deltas_and_whole(peer: Adk) -> None:
    """It takes the draft for a message: who prints both sees the text, and then the artifact."""
    translator = Compress()
    events = [status(TaskState.WORKING), piece("Hel"), piece("lo", append=True), status(TaskState.COMPLETED)]
    deltas = seen(peer, [out for event in events for out in translator.feed(event)])
    assert text_of(deltas) == "Hello"
    (whole,) = [delta["event"] for delta in deltas if delta["type"] == "ArtifactDelta"]
    assert whole["artifact"]["parts"] == [{"text": "Hello"}]


def test_its_client_holds_one_draft_and_so_one_thing_grows_at_a_time(peer: Adk) -> None:
    """Patches of two things by turns end its stream with an error."""
    by_turns = [
        patch_event("t", "c", "m", [Op("replace", "", {"message_id": "m", "parts": [{"text": "Hello"}]})]),
        patch_event("t", "c", "n", [Op("replace", "", {"message_id": "n", "parts": [{"text": ""}]})]),
        patch_event("t", "c", "m", [Op("str_ins", "/parts/0/text", "!", pos=5)]),
    ]
    assert peer.outcome("seen", [protojson.to_value(event, BOUNDS) for event in by_turns])["error"]
    translator = Compress()
    pieces = [piece("a"), piece("x", id="b"), piece("b", append=True), piece("y", append=True, id="b")]
    events = [*pieces, status(TaskState.WORKING, message("far")), piece("c", append=True), status(TaskState.COMPLETED)]
    deltas = seen(peer, [out for event in events for out in translator.feed(event)])
    assert text_of(deltas) == "abfarc"
    artifacts = [delta["event"]["artifact"] for delta in deltas if delta["type"] == "ArtifactDelta"]
    assert [(one["artifactId"], text_of_parts(one)) for one in artifacts] == [("b", "x"), ("b", "y"), ("a", "abc")]


def text_of_parts(artifact: dict[str, Any]) -> str:
    return "".join(part["text"] for part in artifact["parts"])


def test_positions_are_refused_alike(peer: Adk) -> None:
    """Where it is strict too; a position with a fraction or a boolean it takes, and this gateway does not."""
    root = Op("replace", "", {"message_id": "m", "parts": [{"text": "ab"}]})
    taken: dict[str, bool] = {}
    for name, pos in {"end": 2, "double": 2.0, "over": 3, "negative": -1, "fraction": 1.7, "boolean": True}.items():
        patches = [[root.to_json()], [{"op": "str_ins", "path": "/parts/0/text", "pos": pos, "value": "x"}]]
        theirs = "error" not in peer.outcome("applied", patches)
        client = Client()
        client.feed(patch_event("t", "c", "m", [root]))
        event = {
            "statusUpdate": {
                "taskId": "t",
                "contextId": "c",
                "status": {"state": "TASK_STATE_WORKING"},
                "metadata": {URI: {"message_id": "m", "message_update": patches[1]}},
            }
        }
        ours = not any(isinstance(change, Gap) for change in client.feed(event_of(event)))
        taken[name] = ours
        assert theirs == ours or name in ("fraction", "boolean")
    assert taken == {
        "end": True,
        "double": True,
        "over": False,
        "negative": False,
        "fraction": False,
        "boolean": False,
    }
