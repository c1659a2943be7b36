"""What must hold for all input: only the losses that the table tells of, and nothing but Malformed."""

import contextlib
import copy
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from protobuf import Message

from gateway.codec import jsontext, protojson, wire
from gateway.codec.form import JSON_1_0, WIRE_1_0, Form
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.required import check_required
from gateway.codec.v0_3 import cards, jsonrpc
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.forms import JsonRpc03, Rest03, Wire03
from gateway.codec.v0_3.members import Terms
from gateway.codec.v0_3.messages import from_v0_3, to_v0_3
from gateway.codec.v0_3.methods import METHODS
from gateway.codec.v0_3.moments import to_rfc_3339
from gateway.operations import SEND_STREAMING_MESSAGE, Operation
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.given import JSON_VALUES, TEXTS, bounded, messages
from tests.codec.v0_3 import losses

BOUNDS = Bounds()
LATER = Bounds(depth=BOUNDS.depth + 1)
"""Wrapping a value that is no object takes a level of it."""

OPERATIONS = st.sampled_from(sorted(METHODS, key=str))
CHOICES = st.builds(
    Choices,
    file_bytes=st.sampled_from(["base64_text", "raw"]),
    blocking_when_absent=st.booleans(),
    final_on_interrupted=st.booleans(),
)
IDS = st.text("abc-é ", min_size=1, max_size=4)

UNSPEAKABLE = {"none speaks A2A 0.3", "holds nothing, which A2A 0.3 cannot say"}
UNNAMEABLE = {"is required", "has a slash, which an id in A2A 0.3 cannot have"}


def _set_ids(message: Message, draw: Any) -> Message:
    """Ids that a resource name can hold, on what has them."""
    for target in (message, *getattr(message, "configs", [])):
        for name in ("id", "task_id"):
            if hasattr(target, name) and not isinstance(target, a2a.Task):
                setattr(target, name, draw(IDS))
    return message


@st.composite
def requests(draw: st.DrawFn) -> tuple[Operation, Message]:
    operation = draw(OPERATIONS)
    return operation, _set_ids(draw(messages(operation.request)), draw)


@st.composite
def answers(draw: st.DrawFn) -> tuple[Operation, Message]:
    """Answers that hold something; of a stream, an event. A card has an address for 0.3."""
    operation = draw(OPERATIONS)
    answer = _set_ids(draw(messages(operation.response)), draw)
    assume(getattr(answer, "payload", True) is not None)
    if isinstance(answer, a2a.AgentCard):
        address = a2a.AgentInterface(url="https://a", protocol_binding="GRPC", protocol_version="0.3.0")
        answer.supported_interfaces.insert(0, address)
    return operation, answer


def left(message: Message, *, json: bool) -> Message:
    rest = type(message).from_binary(message.to_binary())
    losses.apply(rest, json=json)
    return rest


@bounded(200)
@given(requests(), CHOICES)
def test_a_request_comes_back_but_for_the_losses(given_request: tuple[Operation, Message], choices: Choices) -> None:
    operation, request = given_request
    params = jsontext.load(JsonRpc03(choices).write_request(operation, request, BOUNDS), LATER)
    assert JsonRpc03(choices).read_request(operation, params, LATER) == left(request, json=True)
    data = Wire03(choices).write_request(operation, request, BOUNDS)
    assert Wire03(choices).read_request(operation, data, LATER) == left(request, json=False)
    body = jsontext.load(Rest03(choices).write_request(operation, request, BOUNDS), LATER)
    assert Rest03(choices).read_request(operation, body, LATER) == left(request, json=False)


@bounded(250)
@given(answers(), CHOICES)
def test_an_answer_comes_back_but_for_the_losses(given_answer: tuple[Operation, Message], choices: Choices) -> None:
    operation, answer = given_answer
    result = jsontext.load(JsonRpc03(choices).write_answer(operation, answer, BOUNDS), LATER)
    assert JsonRpc03(choices).read_answer(operation, result, LATER) == left(answer, json=True)
    data = Wire03(choices).write_answer(operation, answer, BOUNDS)
    assert Wire03(choices).read_answer(operation, data, LATER) == left(answer, json=False)
    body = jsontext.load(Rest03(choices).write_answer(operation, answer, BOUNDS), LATER)
    as_json = isinstance(answer, a2a.AgentCard)  # cards are in JSON's own dialect there
    assert Rest03(choices).read_answer(operation, body, LATER) == left(answer, json=as_json)


@bounded(100)
@given(answers(), CHOICES)
def test_nothing_of_the_json_is_null_or_empty_handed(given_answer: tuple[Operation, Message], choices: Choices) -> None:
    """Readers of 0.3 know null only inside of data and metadata, and for what was deleted."""
    operation, answer = given_answer
    result = jsonrpc.write_result(operation, answer, choices)
    assert json.loads(jsontext.dump(result)) == result
    assert _nulls(result) is False or result is None


def _nulls(value: Any) -> bool:
    match value:
        case dict():
            return any(_nulls(one) for name, one in value.items() if name not in ("metadata", "data", "params", "header"))
        case list():
            return any(map(_nulls, value))
        case _:
            return value is None


# Damage


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    match value:
        case dict():
            return [path, *(one for name, member in value.items() for one in _places(member, (*path, name)))]
        case list():
            return [path, *(one for index, member in enumerate(value) for one in _places(member, (*path, index)))]
        case _:
            return [path]


JUNK: SearchStrategy[Any] = JSON_VALUES | st.sampled_from(
    [None, {}, [], "", 0, True, "user", "ROLE_USER", "working", "message", "task", "text", "2026-01-31", "QQ==", "a/b", 2**40]
)


@st.composite
def damaged(draw: st.DrawFn, whole: SearchStrategy[tuple[Operation, Message]], written: Any) -> tuple[Operation, Any]:
    """JSON of 0.3 with some things exchanged, taken out or put in."""
    operation, message = draw(whole)
    value = copy.deepcopy(written(operation, message))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = (None, *draw(st.sampled_from(_places(value))))
        if not path:
            value = draw(JUNK)
            continue
        target = value
        for step in path[1:]:
            target = target[step]
        if isinstance(target, dict) and draw(st.booleans()):
            del target[last]
            name = draw(st.sampled_from(["kind", "id", "text", "message_id", "status", "artifact", "metadata", "url"]))
            target[name] = draw(JUNK)
        else:
            target[last] = draw(JUNK)
    return operation, value


def speakable(write: Any, allowed: set[str]) -> None:
    """Writing may fail for what 0.3 cannot say, and for nothing else."""
    problem = None
    try:
        write()
    except Malformed as error:
        problem = error.problem
    assert problem is None or problem in allowed


def says_everywhere(operation: Operation, message: Message, choices: Choices, *, request: bool) -> None:
    """What was accepted can be written on every form."""
    forms: list[tuple[Form[Any], set[str]]] = [
        (JSON_1_0, set()),
        (WIRE_1_0, set()),
        (JsonRpc03(choices), UNSPEAKABLE),
        (Rest03(choices), UNSPEAKABLE | UNNAMEABLE),
        (Wire03(choices), UNSPEAKABLE | UNNAMEABLE),
    ]
    for form, allowed in forms:
        write = form.write_request if request else form.write_answer
        speakable(lambda write=write: write(operation, message, BOUNDS), allowed)


@bounded(400)
@given(
    damaged(requests(), lambda operation, message: jsonrpc.write_request(operation, message, Choices())), CHOICES
)
def test_any_params_are_a_request_or_malformed(nearly: tuple[Operation, Any], choices: Choices) -> None:
    operation, value = nearly
    before = copy.deepcopy(value)
    try:
        read = jsonrpc.REQUESTS[operation].read({} if value is None else value, Terms(BOUNDS, choices))
    except Malformed:
        return
    finally:
        assert repr(value) == repr(before)
    # What the rules let in is good ProtoJSON of 1.0, so no refusal ever names a place in it.
    message = protojson.from_value(operation.request, read, BOUNDS)
    assert message == jsonrpc.read_request(operation, value, BOUNDS, choices)
    try:
        check_required(message)
    except Malformed:
        return
    says_everywhere(operation, message, choices, request=True)


@bounded(400)
@given(damaged(answers(), lambda operation, message: jsonrpc.write_result(operation, message, Choices())), CHOICES)
def test_any_result_is_an_answer_or_malformed(nearly: tuple[Operation, Any], choices: Choices) -> None:
    operation, value = nearly
    try:
        read = jsonrpc.RESULTS[operation].read(value, Terms(BOUNDS, choices))
    except Malformed:
        return
    message = protojson.from_value(operation.response, read, BOUNDS)
    assert message == jsonrpc.read_result(operation, value, BOUNDS, choices)
    says_everywhere(operation, message, choices, request=False)


@bounded(150)
@given(OPERATIONS, JSON_VALUES, CHOICES)
def test_any_json_value_is_read_or_malformed(operation: Operation, value: Any, choices: Choices) -> None:
    for read in (
        lambda: jsonrpc.read_request(operation, value, BOUNDS, choices),
        lambda: jsonrpc.read_result(operation, value, BOUNDS, choices),
        lambda: jsonrpc.read_event(value, BOUNDS, choices),
        lambda: Rest03(choices).read_request(operation, value, BOUNDS),
        lambda: Rest03(choices).read_answer(operation, value, BOUNDS),
        lambda: cards.read_card(value, BOUNDS),
    ):
        with contextlib.suppress(Malformed):
            read()


# Protobuf of 0.3


@bounded(250)
@given(OPERATIONS, st.data(), CHOICES)
def test_any_protobuf_is_a_message_or_malformed(operation: Operation, data: st.DataObject, choices: Choices) -> None:
    method = METHODS[operation]
    request = data.draw(st.booleans())
    given_message = data.draw(messages(method.request if request else method.response))
    form = Wire03(choices)
    try:
        if request:
            message = form.read_request(operation, wire.encode(given_message, BOUNDS), BOUNDS)
        else:
            message = form.read_answer(operation, wire.encode(given_message, BOUNDS), BOUNDS)
    except Malformed:
        return
    if request:
        try:
            check_required(message)
        except Malformed:
            return
    says_everywhere(operation, message, choices, request=request)


@bounded(200)
@given(messages(old.StreamResponse), CHOICES)
def test_what_was_read_from_protobuf_is_read_the_same_again(event: old.StreamResponse, choices: Choices) -> None:
    try:
        once = from_v0_3(event, choices)
    except Malformed:
        return
    assert from_v0_3(to_v0_3(once, choices), choices) == once


@bounded(100)
@given(messages(a2a.StreamResponse), CHOICES)
def test_event_and_answer_of_a_stream_are_the_same(event: a2a.StreamResponse, choices: Choices) -> None:
    assume(event.payload is not None)
    result = jsonrpc.write_event(event, choices)
    assert result == jsonrpc.write_result(SEND_STREAMING_MESSAGE, event, choices)
    again = jsonrpc.read_event(result, LATER, choices)
    assert again == jsonrpc.read_result(SEND_STREAMING_MESSAGE, result, LATER, choices)


# Times


@bounded(300)
@given(
    TEXTS
    | st.from_regex(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[T ]?([0-9]{2}:?){0,3}([.,][0-9]{1,12})?(Z|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True)
    | st.datetimes().map(lambda moment: moment.isoformat())
)
def test_any_text_is_a_time_of_1_0_or_none(text: str) -> None:
    moment = to_rfc_3339(text)
    if moment is not None:
        status = protojson.from_value(a2a.TaskStatus, {"timestamp": moment}, BOUNDS)
        assert wire.decode(a2a.TaskStatus, wire.encode(status, BOUNDS), BOUNDS) == status
        assert to_rfc_3339(moment) == moment
