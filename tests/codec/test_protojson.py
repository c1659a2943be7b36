"""Messages as JSON text: what is spelled out, what is left out, and the bound on the way out."""

import json
from dataclasses import replace

import pytest
from protobuf import Message, Oneof

from gateway.codec import protojson, wire
from gateway.codec.malformed import Bounds
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal

BOUNDS = Bounds()

WRITTEN = [
    ("nothing is written as nothing", a2a.Task, "{}", "{}"),
    ("defaults are left out", a2a.TaskArtifactUpdateEvent, '{"taskId":"","append":false,"lastChunk":false}', "{}"),
    (
        "names are camel",
        a2a.Message,
        '{"message_id":"m","reference_task_ids":["t"]}',
        '{"messageId":"m","referenceTaskIds":["t"]}',
    ),
    ("enums are names", a2a.TaskStatus, '{"state":2}', '{"state":"TASK_STATE_WORKING"}'),
    ("bytes are standard base64 with padding", a2a.Part, '{"raw":"-_8"}', '{"raw":"+/8="}'),
    ("whole doubles are whole numbers", a2a.Part, '{"data":{"n":1.0}}', '{"data":{"n":1}}'),
    ("a text that looks like a whole double stays", a2a.Part, '{"text":"1.0"}', '{"text":"1.0"}'),
    ("a text with an exponent stays", a2a.Part, '{"text":"1e+5"}', '{"text":"1e+5"}'),
    ("minus zero keeps its sign", a2a.Part, '{"data":-0.0}', '{"data":-0.0}'),
    ("great doubles stay doubles", a2a.Part, '{"data":1e22}', '{"data":1e+22}'),
    ("characters are written as themselves", a2a.Part, r'{"text":"\u00e9\ud83d\ude00"}', '{"text":"é😀"}'),
    (
        "a list of tasks says its four members",
        a2a.ListTasksResponse,
        "{}",
        '{"tasks":[],"nextPageToken":"","pageSize":0,"totalSize":0}',
    ),
    ("a task in no list is not spelled out", a2a.SendMessageResponse, '{"task":{"id":""}}', '{"task":{}}'),
]


@pytest.mark.parametrize(("message_type", "text", "written"), named(WRITTEN))
def test_what_is_written(message_type: type[Message], text: str, written: str) -> None:
    message = protojson.decode(message_type, text.encode(), BOUNDS)
    assert protojson.encode(message, BOUNDS).decode() == written


SPELLED_OUT = [
    (
        "a card",
        a2a.AgentCard,
        {},
        {
            "name": "",
            "description": "",
            "version": "",
            "supportedInterfaces": [],
            "defaultInputModes": [],
            "defaultOutputModes": [],
            "skills": [],
        },
    ),
    (
        "a skill of a card",
        a2a.AgentCard,
        {"skills": [{}]},
        {"skills": [{"id": "", "name": "", "description": "", "tags": []}]},
    ),
    ("a provider of a card", a2a.AgentCard, {"provider": {}}, {"provider": {"url": "", "organization": ""}}),
    (
        "a security scheme of a card",
        a2a.AgentCard,
        {"securitySchemes": {"key": {"apiKeySecurityScheme": {"location": "header"}}}},
        {"securitySchemes": {"key": {"apiKeySecurityScheme": {"location": "header", "name": ""}}}},
    ),
]


@pytest.mark.parametrize(("message_type", "given", "written"), named(SPELLED_OUT))
def test_what_is_required_is_written_even_when_it_is_empty(
    message_type: type[Message], given: dict[str, object], written: dict[str, object]
) -> None:
    message = protojson.decode(message_type, json.dumps(given).encode(), BOUNDS)
    value = protojson.to_value(message, BOUNDS)
    assert isinstance(value, dict)
    assert {name: value[name] for name in written} == written
    assert protojson.decode(message_type, protojson.encode(message, BOUNDS), BOUNDS) == message


def test_artifacts_that_were_not_asked_for_are_not_written_in_a_list() -> None:
    message = protojson.decode(a2a.ListTasksResponse, b'{"tasks":[{"id":"t","status":{"state":1}}]}', BOUNDS)
    value = protojson.to_value(message, BOUNDS)
    assert isinstance(value, dict)
    assert value["tasks"] == [{"id": "t", "status": {"state": "TASK_STATE_SUBMITTED"}}]


GROWS = [
    ("bytes grow by a third", '{"raw":"%s"}' % ("AAAA" * 20)),
    ("control characters grow sixfold", json.dumps({"text": "\x01" * 14})),
]


@pytest.mark.parametrize("text", named(GROWS))
def test_the_bound_holds_on_the_way_out(text: str) -> None:
    message = protojson.decode(a2a.Part, text.encode(), BOUNDS)
    size = len(protojson.encode(message, BOUNDS))
    assert protojson.encode(message, replace(BOUNDS, json_bytes=size))
    error = refusal(lambda: protojson.encode(message, replace(BOUNDS, json_bytes=size - 1)))
    assert error.too_large
    assert len(wire.encode(message, BOUNDS)) < size


def test_the_bound_counts_bytes_and_not_characters() -> None:
    part = a2a.Part(filename="世" * 10)
    size = len('{"filename":""}') + 30
    assert len(protojson.encode(part, replace(BOUNDS, json_bytes=size))) == size
    assert refusal(lambda: protojson.encode(part, replace(BOUNDS, json_bytes=size - 1))).too_large


def test_what_fills_the_wire_fits_the_default_bound_of_json() -> None:
    part = a2a.Part(content=Oneof("raw", bytes(4 * 1024 * 1024)))
    assert len(wire.encode(part, BOUNDS)) > 4 * 1024 * 1024
    assert len(protojson.encode(part, BOUNDS)) < BOUNDS.json_bytes
