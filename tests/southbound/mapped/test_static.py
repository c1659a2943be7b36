"""What `check` finds in a mapping without calling anything."""

from typing import Any

import pytest

from gateway.settings import AgentSettings
from gateway.southbound.mapped.schema import schema
from tests.southbound.mapped.protos import described

PROTO = """
syntax = "proto3"; package t.v1;
import "google/protobuf/struct.proto";
service S {
  rpc One(In) returns (Out);
  rpc Many(stream In) returns (stream Out);
}
message In { string text = 1; int32 count = 2; bool loud = 3; Inner inner = 4; repeated Inner inners = 5;
  map<string, string> labels = 6; repeated string words = 7; google.protobuf.Struct free = 8; string target_language = 9; }
message Inner { string name = 1; }
message Out { string text = 1; Inner inner = 2; repeated Inner inners = 3; map<string, Inner> by_name = 4;
  google.protobuf.Struct free = 5; bool done = 6; bytes file = 7; string finish_reason = 8; oneof o { string a = 9; int32 b = 10; } }
"""
FOUND = described(PROTO)


def problems(method: str = "One", **skill: Any) -> list[str]:
    settings = AgentSettings.model_validate(
        {"name": "s", "url": "grpc://h:1", "skills": [{"method": f"t.v1.S/{method}", **skill}]}
    )
    return [one.removeprefix("skills.0.") for one in schema(settings, FOUND).problems]


RIGHT_REQUESTS = [
    "{text: text}",
    "{targetLanguage: data.target, text: text}",
    "{inner: {name: text}, inners: [{name: text}, data.inner]}",
    "{inners: data.items[*].{name: title}}",
    "{inners: data.items[*].{name: text}, labels: data.{a: text}, inner: data.x | {name: text}, words: data.text}",
    "merge({text: text}, data)",
    "{text: files[0].name, labels: {anything: text}}",
    "{free: {any: {thing: text}}, words: [text]}",
    "data || {text: text}",
    "{count: text}",
    "message.parts[0].data",
    "{text: join(' ', map(&name, files))}",
    "{text: metadata.a.b.c, count: length(task.history)}",
]

WRONG_REQUESTS = {
    "{txt: text}": "t.v1.In has no field 'txt'; did you mean text?",
    "{text: txt}": "the caller's message has no 'txt'; did you mean text?",
    "{text: text.lower}": "a string has no member 'lower'",
    "{inner: {title: text}}": "inner: t.v1.Inner has no field 'title'; there are name",
    "{inner: text}": "inner: gives a string for what is a t.v1.Inner",
    "{words: text}": "words: gives a string for what is a list",
    "{loud: text}": "loud: gives a string for what is a boolean",
    "{text: {a: text}}": "text: makes an object of what is a string",
    "{text: [text]}": "text: makes a list of what is a string",
    "{text: files.name}": "'name' of a list: write [*].name for all of them, or [0].name",
    "{text: files[0].nam}": "a file has no 'nam'; did you mean name?",
    "{inners: [{nam: text}]}": "inners: t.v1.Inner has no field 'nam'; did you mean name?",
    "{inners: data.items[*].{title: x}}": "inners: t.v1.Inner has no field 'title'; there are name",
    "data.{txt: x}": "t.v1.In has no field 'txt'; did you mean text?",
    "data | {inner: {nam: x}}": "inner: t.v1.Inner has no field 'nam'; did you mean name?",
    "merge({txt: text}, data)": "t.v1.In has no field 'txt'; did you mean text?",
    "data || {txt: text}": "t.v1.In has no field 'txt'; did you mean text?",
    "{text: text[0]}": "[0] of a string, which is no list",
    "{text: join(' ', map(&nme, files))}": "a file has no 'nme'; did you mean name?",
    "files[?nme == 'a'] | [0]": "a file has no 'nme'; did you mean name?",
}

RIGHT_RESPONSES: list[dict[str, Any]] = [
    {"text": "text", "data": "@", "file": "file", "done": "done", "failed": "finish_reason == 'error' && text"},
    {"text": "inners[*].name", "status": "inner.name", "artifact": {"id": "finish_reason", "name": "inner.name"}},
    {"text": "by_name.anything.name", "data": "free.a.b[0].c"},
    {"text": "inners[?name == 'x'] | [0].name", "done": "length(inners) > `3`"},
    {"text": "a || to_string(b)", "data": "{x: inner, y: inners[].name}"},
    {"text": "sort_by(inners, &name)[0].name", "data": "by_name.*.name"},
    {"file": "{bytes: file, name: text}"},
    {},
]

WRONG_RESPONSES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"text": "txt"}, "response.text: t.v1.Out has no 'txt'; did you mean text?"),
    "lowerCamel": ({"done": "finishReason"}, "response.done: t.v1.Out has no 'finishReason'; the proto writes it finish_reason"),
    "inside": ({"data": "inner.nam"}, "response.data: t.v1.Inner has no 'nam'; did you mean name?"),
    "of a list": ({"text": "inners.name"}, "response.text: 'name' of a list: write [*].name for all of them, or [0].name"),
    "of the list's elements": ({"text": "inners[*].nam"}, "response.text: t.v1.Inner has no 'nam'; did you mean name?"),
    "of a map's values": ({"text": "by_name.x.nam"}, "response.text: t.v1.Inner has no 'nam'; did you mean name?"),
    "in a filter": ({"data": "inners[?nam]"}, "response.data: t.v1.Inner has no 'nam'; did you mean name?"),
    "in a function": ({"done": "length(inner.nam)"}, "response.done: t.v1.Inner has no 'nam'; did you mean name?"),
    "in an object": ({"data": "{a: inner.nam}"}, "response.data: t.v1.Inner has no 'nam'; did you mean name?"),
    "a message for a text": ({"text": "inner"}, "response.text: inner is a t.v1.Inner"),
    "an object for a text": ({"status": "{a: text}"}, "response.status: {a: text} is an object"),
    "a message for a file": ({"file": "inner"}, "response.file: inner is a t.v1.Inner"),
    "of the artifact": ({"text": "text", "artifact": {"id": "idd"}}, "response.artifact.id: t.v1.Out has no 'idd'; there are text"),
    "asking nobody": ({"ask": "done"}, "response.ask: a task of this skill takes one message"),
}


@pytest.mark.parametrize("request_", RIGHT_REQUESTS)
def test_nothing_is_said_of_a_right_request(request_: str) -> None:
    assert problems(request=request_) == []


@pytest.mark.parametrize("request_", WRONG_REQUESTS)
def test_a_wrong_request_is_found(request_: str) -> None:
    assert problems(request=request_) == [f"request: {WRONG_REQUESTS[request_]}"]


@pytest.mark.parametrize("response", RIGHT_RESPONSES, ids=str)
def test_nothing_is_said_of_a_right_response(response: dict[str, Any]) -> None:
    assert problems(response=response) == []


@pytest.mark.parametrize("case", WRONG_RESPONSES)
def test_a_wrong_response_is_found(case: str) -> None:
    response, words = WRONG_RESPONSES[case]
    (problem,) = problems(response=response)
    assert problem.startswith(words)


def test_methods_that_are_not_there_have_near_ones() -> None:
    assert problems("Oen") == ["method: there is no t.v1.S/Oen; did you mean t.v1.S/One?"]
    (problem,) = problems("Zzzzzzzzz")
    assert problem == "method: there is no t.v1.S/Zzzzzzzzz; did you mean t.v1.S/Many?" or "there are" in problem


def test_one_request_cannot_take_many_messages() -> None:
    assert problems("One", messages="many") == ["messages: t.v1.S/One takes one request; expected one, or nothing"]
    assert problems("Many", messages="one", response={"text": "text", "ask": "done"}) == [
        "response.ask: a task of this skill takes one message, so there is nothing to ask for"
    ]


def test_two_skills_of_one_id() -> None:
    settings = AgentSettings.model_validate(
        {"name": "s", "url": "grpc://h:1", "skills": [{"method": "t.v1.S/One"}, {"method": "t.v1.S/One"}]}
    )
    assert schema(settings, FOUND).problems == ("skills.1.id: another skill is 'One' too",)


def test_a_wrong_skill_leaves_the_others_alone_and_stays_the_default() -> None:
    settings = AgentSettings.model_validate(
        {"name": "s", "url": "grpc://h:1", "skills": [{"method": "t.v1.S/Oen"}, {"method": "t.v1.S/Many"}]}
    )
    found = schema(settings, FOUND)
    assert list(found.skills) == ["Many"]
    assert found.default == "Oen"
    assert list(found.broken) == ["Oen"]
