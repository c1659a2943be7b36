"""The a2a-sdk's own converters as a second opinion: the same, or different for a reason that is written down."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.operations import SEND_MESSAGE, SEND_STREAMING_MESSAGE
from tests.codec.v0_3.examples import EXAMPLES, Example
from tests.codec.v0_3.test_examples import new_type, old_type

ROOT = Path(__file__).resolve().parents[3]
BOUNDS = Bounds()
DIRECTIONS = ("to json", "from json", "to proto", "from proto")


def kind_of(example: Example) -> str:
    """What the SDK has converters for."""
    if example.place == "request":
        return "send" if example.operation in (SEND_MESSAGE, SEND_STREAMING_MESSAGE) else ""
    if example.place == "event":
        return "event"
    kinds = {"Task": "task", "TaskPushNotificationConfig": "webhook", "AgentCard": "card"}
    return kinds.get(example.operation.response.desc().name, "")


COMPARED = [example for example in EXAMPLES if kind_of(example)]

BACK, FORTH = ("from json", "from proto"), ("to json", "to proto")

DIFFERENCES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("to json", "to proto", "from proto"),
        "Part.text: of a part without content",
        "the SDK raises on a part that holds nothing; the gateway passes on what is around it",
    ),
    (("to json",), "Artifact: in an event", "the SDK writes append and lastChunk where they are false"),
    (FORTH, "TaskStatusUpdateEvent: final, interrupted, where that is chosen", "a choice that the SDK does not give"),
    (
        FORTH,
        "SendMessageConfiguration.returnImmediately: always said, also where there was no configuration",
        "in JSON the SDK leaves it to the agent; on gRPC it sends an empty configuration, which does not wait",
    ),
    (
        ("to json", "to proto", "from proto"),
        "SecurityScheme: none of these",
        "the SDK raises, or takes it for OpenID Connect",
    ),
    (
        ("to proto", "from proto"),
        "(SecurityScheme: oauth2|OAuthFlows: no device code)",
        "the SDK raises on flows of which there is none, or takes them for a password flow",
    ),
    (FORTH, "AgentCard.signatures: .*", "the SDK passes on signatures, which do not hold for the card that it makes"),
    (
        BACK,
        "Part.data: an object that looks wrapped but does not say so",
        "the SDK takes the flag out whether it is true or not",
    ),
    (
        BACK,
        "(Task: all its members|Artifact: in an event|TaskStatusUpdateEvent: final, since terminal)",
        "the SDK drops empty metadata",
    ),
    (
        ("to proto", "from proto"),
        "(Message.role: unknown|TaskStatus.state: of a later version|Task: what JSON always says)",
        "the SDK goes through the JSON dialect, whose losses gRPC need not have",
    ),
    (
        ("to proto", "from proto"),
        "Part.raw: as bytes, where those are chosen",
        "the SDK always puts base64 text there, and fails on bytes that are none",
    ),
    (
        ("to proto", "from proto"),
        "TaskPushNotificationConfig.taskId: of an answer that has no id",
        "the SDK makes a name with the id `None`, and raises on an answer without a name",
    ),
    (
        ("from proto",),
        "(?!.*: beside the capabilities$)(Agent|Security|OAuth|Authorization).*",
        "the SDK says false of capabilities that gRPC cannot tell from those that were not said",
    ),
)
"""In which directions ours is not the SDK's, for which examples, and why."""


def reasons(direction: str, example: Example) -> list[str]:
    return [
        why
        for directions, pattern, why in DIFFERENCES
        if direction in directions and re.fullmatch(pattern, str(example))
    ]


def outcomes() -> dict[tuple[str, str], Any]:
    """What the SDK makes of every example in every direction."""
    given = {"to json": "new", "from json": "json", "to proto": "new", "from proto": "proto"}
    cases = {
        (direction, str(example)): [direction, kind_of(example), getattr(example, given[direction])]
        for direction in DIRECTIONS
        for example in COMPARED
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.v0_3.stock", "convert"],
        input=json.dumps(list(cases.values())),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(cases, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def theirs() -> dict[tuple[str, str], Any]:
    return outcomes()


def ours(direction: str, example: Example) -> Any:
    match direction:
        case "to json":
            return example.json
        case "to proto":
            return protojson.from_value(old_type(example), example.proto, BOUNDS)
        case "from json":
            return protojson.from_value(new_type(example), example.left_of_json, BOUNDS)
        case _:
            return protojson.from_value(new_type(example), example.left_of_proto, BOUNDS)


def made(direction: str, example: Example, outcome: Any) -> Any:
    if "made" not in outcome:
        return outcome["error"]
    match direction:
        case "to json":
            return outcome["made"]
        case "to proto":
            return protojson.from_value(old_type(example), outcome["made"], BOUNDS)
        case _:
            return protojson.from_value(new_type(example), outcome["made"], BOUNDS)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("example", COMPARED, ids=str)
def test_the_sdk_agrees_or_the_difference_has_a_reason(direction: str, example: Example, theirs: Any) -> None:
    outcome = theirs[direction, str(example)]
    same = made(direction, example, outcome) == ours(direction, example)
    assert same == (not reasons(direction, example)), outcome


@pytest.mark.parametrize(("directions", "pattern", "why"), DIFFERENCES)
def test_every_difference_is_still_shown(directions: tuple[str, ...], pattern: str, why: str) -> None:
    assert why
    assert directions
    assert any(re.fullmatch(pattern, str(example)) for example in COMPARED)


def test_most_of_what_is_compared_is_the_same() -> None:
    alike = [not reasons(direction, example) for direction in DIRECTIONS for example in COMPARED]
    assert sum(alike) / len(alike) > 0.8
