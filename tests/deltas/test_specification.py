"""The examples of docs/delta-streaming.md are read as the text around them says."""

import json
import re
from pathlib import Path
from typing import Any

from gateway.deltas import extension
from gateway.deltas.client import Client
from gateway.deltas.document import DraftBounds
from gateway.deltas.extension import URI, read_event
from tests.deltas.given import View
from tests.deltas.vectors import event_of

PAGE = (Path(__file__).parents[2] / "docs/delta-streaming.md").read_text()
EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def events(example: str) -> list[Any]:
    """Its lines, those that stand for the value under the URI as whole events."""
    working = {"taskId": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_WORKING"}}
    lines = [json.loads(line) for line in example.splitlines()]
    return [
        line if "statusUpdate" in line else {"statusUpdate": {**working, "metadata": {URI: line}}} for line in lines
    ]


def test_the_event_is_a_patch_event() -> None:
    patch = read_event(event_of(json.loads(EXAMPLES[0])))
    assert patch is not None
    assert (patch.message_id, patch.seq, patch.bare) == ("m1", 1, True)


def test_the_message_on_the_wire_is_shown_once() -> None:
    client, view = Client(), View()
    changes = [change for event in events(EXAMPLES[1]) for change in client.feed(event_of(event))]
    for change in changes:
        view.show(change)
    assert [part.to_json() for part in view.parts["m1"]] == ['{"text":"Hello world"}']
    assert [type(change).__name__ for change in changes] == [
        "TextDelta",
        "StatusChanged",
        "TextDelta",
        "MetadataChanged",
        "MessageCompleted",
        "StatusChanged",
    ]


def test_the_late_joiner_goes_on() -> None:
    client, view = Client(), View()
    for event in events(EXAMPLES[2]):
        for change in client.feed(event_of(event)):
            view.show(change)
    assert [part.to_json() for part in view.parts["m1"]] == ['{"text":"Hello world, again"}']


def test_every_key_and_bound_is_on_the_page() -> None:
    keys = [extension.MESSAGE_UPDATE, extension.MESSAGE_ID, extension.SEQ, extension.COVERS, extension.SNAPSHOT]
    for key in [*keys, extension.ARTIFACT_ID]:
        assert f"| `{key}` |" in PAGE
    bounds = DraftBounds()
    assert f"of a list ({bounds.ops:,})" in PAGE.replace("\n", " ")
    assert f"steps of a path ({bounds.depth})" in PAGE.replace("\n", " ")
    assert f"draft ({bounds.draft_bytes // 1024**2} MiB)" in PAGE.replace("\n", " ")
    assert f"once ({bounds.drafts})" in PAGE.replace("\n", " ")
    assert f"copy ({bounds.work_bytes // 1024**2} MiB)" in PAGE.replace("\n", " ")
    assert extension.URI in PAGE
    assert extension.DESCRIPTION in PAGE
