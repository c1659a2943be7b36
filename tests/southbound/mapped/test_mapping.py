"""Messages to requests, responses to parts: the mapping by itself, without a service."""

import base64
from typing import Any

import pytest

from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import CallerError
from gateway.settings import SkillSettings
from gateway.southbound.mapped.said import Viewer, said, skill_before
from gateway.southbound.mapped.skills import Answer, Skill, ids_of, input_modes, output_modes, skill
from gateway.southbound.mapped.values import Types
from gateway.worker import Chunk
from generated.a2a.v1.a2a_pb import Message, Task
from tests.southbound.mapped.protos import WORDS, described, message
from tests.southbound.mapped.services import said as saying
from tests.southbound.mapped.services import work

LINES = described(WORDS)
TYPES = Types(LINES.registry)
BOUNDS = Bounds()


def line_skill(method: str = "Tell", **more: Any) -> Skill:
    settings = SkillSettings.model_validate({"method": f"t.v1.Words/{method}", **more})
    return skill(settings, LINES.method(settings.method), "", method)


def requested(one: Skill, given: Message, **more: Any) -> Any:
    taken = said(given, many=one.many)
    view = Viewer(work(given, **more), BOUNDS, one.request.asks_for).view(taken)
    data = one.request_of(taken, view, TYPES)
    if data is None:
        return None
    value: Any = TYPES.from_response(message(LINES, "t.v1.Line"), data)
    return {name: member for name, member in value.items() if member}


B64 = base64.b64encode(b"123").decode()

REQUESTS: dict[str, tuple[str, Message, dict[str, Any]]] = {
    "text": ("{text: text}", saying("a", "b"), {"text": "ab"}),
    "data": ("data", saying({"number": 3}), {"number": 3}),
    "the first of two data parts": ("data", saying({"number": 3}, {"number": 4}), {"number": 3}),
    "a file": ("{file: files[0].bytes, text: files[0].name}", saying(b"123"), {"file": B64, "text": "a.png"}),
    "its media type": ("{text: files[0].media_type}", saying(b"123"), {"text": "image/png"}),
    "metadata": ("{text: metadata.who}", saying("", metadata={"who": "me"}), {"text": "me"}),
    "the message": ("{text: message.parts[1].text}", saying("a", "b"), {"text": "b"}),
    "the task": ("{text: task.contextId}", saying("a"), {"text": "context-1"}),
    "its history": ("{number: length(task.history)}", saying("a"), {"number": 1}),
    "null is absent": ("{text: text, number: data.number}", saying("a"), {"text": "a"}),
    "a data part that names the skill": ("data", saying({"skill": "Tell", "input": {"number": 3}}), {"number": 3}),
    "one beside text": ("{text: text}", saying("a", {"skill": "Tell"}), {"text": "a"}),
    "metadata name it, so data are data": ("{text: data.skill}", saying({"skill": "x"}, metadata={"skill": "Tell"}), {"text": "x"}),
    "other members make it data": ("{text: data.skill}", saying({"skill": "x", "more": 1}), {"text": "x"}),
    "one message has no last": ("{text: to_string(data.end)}", saying({"end": True}), {"text": "true"}),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_message_makes_a_request(case: str) -> None:
    request, given, made = REQUESTS[case]
    assert requested(line_skill(request=request), given) == made


def test_metadata_of_the_message_come_before_those_of_the_request() -> None:
    one = line_skill(request="{text: join('', [metadata.a, metadata.b])}")
    given = saying("", metadata={"a": "1"})
    assert requested(one, given, metadata={"a": "x", "b": "2"}) == {"text": "12"}


def test_the_last_message_may_be_empty() -> None:
    one = line_skill("Chat")
    assert requested(one, saying({"end": True})) is None
    assert requested(one, saying("", metadata={"end": True})) is None
    assert requested(one, saying("a", metadata={"end": True})) == {"text": "a"}
    assert said(saying({"end": False}), many=True).ends is False
    assert said(saying({"end": True}), many=False).ends is False


NO_REQUEST = {
    "the wrong content": ("data", saying("a"), "takes a data part, and the message has none"),
    "a list for an object": ("merge({text: text}, data)", saying([1]), "The message does not fit the skill 'Tell'"),
    "a wrong member": ("data", saying({"number": "x"}), "Line.number: expected an integer"),
}


@pytest.mark.parametrize("case", NO_REQUEST)
def test_a_message_that_makes_none_is_the_callers_fault(case: str) -> None:
    request, given, words = NO_REQUEST[case]
    with pytest.raises(CallerError) as refused:
        requested(line_skill(request=request), given)
    assert words in refused.value.message


def test_the_skill_of_a_task_is_its_first() -> None:
    first, later, now = saying("a", metadata={"skill": "Chat"}), saying("b"), saying("c")
    assert skill_before(Task(history=[first, later, now]), now, "Tell") == "Chat"
    assert skill_before(Task(history=[later, now]), now, "Tell") == "Tell"
    assert skill_before(Task(history=[now]), now, "Tell") == ""


def answered(response: dict[str, Any], value: Any) -> Answer:
    return line_skill(response=response).answer_of(value, BOUNDS)


def parts(answer: Answer) -> list[object]:
    assert isinstance(answer.chunk, Chunk)
    return [part.content and (part.content.field, part.content.value, part.filename, part.media_type) for part in answer.chunk.parts]


TEXTS: dict[str, tuple[Any, str]] = {
    "text": ("a", "a"),
    "a number": (1.5, "1.5"),
    "true": (True, "true"),
    "a list": (["a", None, "b"], "ab"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_what_is_text(case: str) -> None:
    value, text = TEXTS[case]
    assert parts(answered({"text": "x"}, {"x": value})) == [("text", text, "", "")]


@pytest.mark.parametrize("value", [None, "", []])
def test_what_gives_nothing(value: Any) -> None:
    assert answered({"text": "x"}, {"x": value}) == Answer()


FILES: dict[str, tuple[Any, list[object]]] = {
    "base64": (B64, [("raw", b"123", "", "application/octet-stream")]),
    "with a name": ({"bytes": B64, "name": "a.png", "media_type": "image/png"}, [("raw", b"123", "a.png", "image/png")]),
    "elsewhere": ({"url": "https://x/y", "name": "y"}, [("url", "https://x/y", "y", "")]),
    "two": ([B64, {"bytes": B64, "name": "b"}], [("raw", b"123", "", "application/octet-stream"), ("raw", b"123", "b", "application/octet-stream")]),
}


@pytest.mark.parametrize("case", FILES)
def test_what_is_a_file(case: str) -> None:
    value, wanted = FILES[case]
    assert parts(answered({"file": "x"}, {"x": value})) == wanted


def test_an_empty_file_gives_nothing() -> None:
    assert answered({"file": "{bytes: x, name: 'n'}"}, {"x": ""}) == Answer()


UNFIT = {
    "text": ({"text": "x"}, {"a": 1}, "response.text: expected text, got an object"),
    "status": ({"status": "x"}, {}, "response.status: expected text, got an object"),
    "artifact": ({"text": "'a'", "artifact": {"id": "x"}}, {"a": 1}, "response.artifact.id: expected text"),
    "file": ({"file": "x"}, 1, "response.file: expected base64 text or an object, got a number"),
    "base64": ({"file": "x"}, "%", "response.file: not base64"),
    "depth": ({"data": "x"}, [[[[]]]] * 1, ""),
}


@pytest.mark.parametrize("case", [one for one in UNFIT if one != "depth"])
def test_what_does_not_fit_is_said_with_its_place(case: str) -> None:
    response, value, words = UNFIT[case]
    with pytest.raises(Malformed) as refused:
        answered(response, {"x": value})
    assert str(refused.value).startswith(words)


def test_data_deeper_than_callers_can_read_do_not_fit() -> None:
    value: Any = 1
    for _ in range(30):
        value = [value]
    with pytest.raises(Malformed, match=r"response\.data"):
        answered({"data": "x"}, {"x": value})


def test_artifacts_have_ids_and_names() -> None:
    answer = answered({"text": "x", "artifact": {"id": "id", "name": "name"}}, {"x": "a", "id": 7, "name": "b"})
    assert answer.chunk is not None
    assert (answer.chunk.artifact_id, answer.chunk.name) == ("7", "b")


@pytest.mark.parametrize(("value", "true"), [(None, False), (False, False), (0, False), ("", False), ([], False), (True, True), ("x", True), (1, True)])
def test_what_is_done(value: Any, true: bool) -> None:
    assert answered({"done": "x"}, {"x": value}).done is true
    assert (answered({"failed": "x"}, {"x": value}).failed is not None) is true


def test_modes() -> None:
    tell, everything = line_skill(), line_skill(request="message", response={"text": "text", "data": "@", "file": "file"})
    assert input_modes(tell) == ["text/plain", "application/json", "application/octet-stream"]
    assert output_modes(tell) == ["text/plain", "application/octet-stream"]
    assert output_modes(everything) == ["text/plain", "application/json", "application/octet-stream"]
    assert input_modes(line_skill(request="{text: text}", response={})) == ["text/plain"]


def test_ids_are_as_short_as_they_can_be() -> None:
    text = 'syntax = "proto3"; package p; message M {} service A { rpc X(M) returns (M); rpc Y(M) returns (M); } service B { rpc X(M) returns (M); }'
    other = text.replace("package p", "package q").replace("service B", "service C")
    methods = [*described(text).methods(), *described(other).methods()]
    assert ids_of(methods) == ["p.A/X", "p.A/Y", "B.X", "q.A/X", "q.A/Y", "C.X"]
    assert ids_of(methods[:3]) == ["A.X", "Y", "B.X"]
