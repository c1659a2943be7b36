"""What the gateway says to a call, asked of the gateway itself: to a version, to good and bad input."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from prometheus_client import CollectorRegistry

from gateway.codec import jsonrpc, metadata, protojson, wire
from gateway.errors import GatewayError
from gateway.northbound.intake import SUPPORTED_VERSIONS, Incoming, Intake
from gateway.northbound.site import Site
from gateway.operations import SEND_MESSAGE
from gateway.relay.calls import Call, Calls
from gateway.relay.directory import Directory, NoSuchAgent
from gateway.relay.telemetry import Metrics
from gateway.settings import Limits, Settings
from generated.a2a.v1.a2a_pb import SendMessageRequest
from tools.docs.markdown import code, table


@dataclass(frozen=True, slots=True)
class Input:
    """One row: a message with this part, said in `what`; `short` is what the page shows of it."""

    what: str
    part: str = '{"text":"hi"}'
    more: str = '"role":"ROLE_USER"'
    shown: str = "parts"
    """The member of the message that shows what came of it."""
    short: str = ""


_DEEP = 24
JSON_INPUTS = (
    Input("unknown member", '{"text":"hi","mood":"good"}'),
    Input("member given twice", '{"text":"hi","text":"ho"}'),
    Input("one member under both of its names", '{"text":"hi","mediaType":"a/b","media_type":"a/b"}'),
    Input("two members of a oneof", '{"text":"hi","url":"https://example.com"}'),
    Input("two members of a oneof, one null", '{"text":"hi","url":null}'),
    Input("part without content", "{}"),
    Input("wrong type", '{"text":5}'),
    Input("enum by name", more='"role":"ROLE_AGENT"', shown="role"),
    Input("enum by number", more='"role":1', shown="role"),
    Input("unknown enum name", more='"role":"ROLE_CRITIC"', shown="role"),
    Input("unknown enum number", more='"role":99', shown="role"),
    Input("required member empty", more='"role":"ROLE_UNSPECIFIED"', shown="role"),
    Input("base64", '{"raw":"aGk="}'),
    Input("base64 without padding, or of the URL alphabet", '{"raw":"-_8"}'),
    Input("base64 of both alphabets", '{"raw":"-_+/"}'),
    Input("no base64", '{"raw":"hi!!"}'),
    Input("whole number written as a fraction", '{"data":1.0}'),
    Input("integer that a double holds exactly", '{"data":9007199254740992}'),
    Input("integer that a double cannot hold exactly", '{"data":9007199254740993}'),
    Input("fraction of more digits than a double has", '{"data":0.1234567890123456789}'),
    Input("number beyond the range of a double", '{"data":1e999}'),
    Input("number of over 64 characters", f'{{"data":{"9" * 65}}}', short='{"data":999…}'),
    Input("NaN", '{"data":NaN}'),
    Input("null as data", '{"data":null}'),
    Input(f"data {_DEEP} levels deep", f'{{"data":{"[" * _DEEP + "]" * _DEEP}}}', short='{"data":[[…]]}'),
    Input(
        f"data {_DEEP + 1} levels deep",
        f'{{"data":{"[" * (_DEEP + 1) + "]" * (_DEEP + 1)}}}',
        short='{"data":[[[…]]]}',
    ),
    Input("text deeper than any message can be", f'{{"data":{"[" * 100 + "]" * 100}}}', short='{"data":[[[[…]]]]}'),
    Input(
        "object of over 1,024 members",
        f'{{"data":{{{",".join(f"{json.dumps(str(n))}:0" for n in range(1025))}}}}}',
        short='{"data":{"0":0,…}}',
    ),
    Input("half of a surrogate pair", '{"text":"\\ud83d"}'),
    Input("NUL and other control characters, escaped", '{"text":"\\u0000"}'),
    Input("not JSON", '{"text":hi}'),
)

PROTOBUF_INPUTS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("bytes that are no protobuf message", lambda good: b"\xff\xff"),
    ("a message cut short", lambda good: good[:-1]),
    ("a field that the protocol does not know", lambda good: good + b"\xfa\x7f\x01A"),
    ("text that is not UTF-8", lambda good: good.replace(b"hi", b"\xff\xff")),
    ("an empty message", lambda good: b""),
    ("an infinite number", lambda good: _data_message(b"\x11" + b"\0\0\0\0\0\0\xf0\x7f")),
    ("a value of no kind", lambda good: _data_message(b"")),
)


def json_inputs() -> str:
    rows = ((one.what, code(one.short or _fragment(one)), _json_answer(one)) for one in JSON_INPUTS)
    return table("Input | For instance | Answer", rows)


def _fragment(one: Input) -> str:
    return one.part if one.shown == "parts" else one.more


def _params(one: Input) -> str:
    return f'{{"message":{{"messageId":"m",{one.more},"parts":[{one.part}]}}}}'


def _json_answer(one: Input) -> str:
    bounds = Limits.model_validate({}).bounds()
    taken: list[SendMessageRequest] = []
    try:
        request = jsonrpc.read_request(jsonrpc.request(1, "SendMessage", _params(one).encode()), bounds)
    except GatewayError as error:
        return _told(error.kind.row.jsonrpc, error)

    def read() -> SendMessageRequest:
        taken.append(protojson.from_value(SendMessageRequest, request.params, bounds))
        return taken[-1]

    if error := _refusal(read):
        return _told(error.kind.row.jsonrpc, error)
    let_in: Any = json.loads(protojson.encode(taken[-1], bounds))["message"][one.shown]
    shown = json.dumps(let_in[0] if one.shown == "parts" else let_in, separators=(",", ":"))
    return f"accepted as `{shown}`" if len(shown) < 50 else "accepted"


def protobuf_inputs() -> str:
    good = SendMessageRequest.from_json(_params(Input("")))
    rows = ((what, _protobuf_answer(change(good.to_binary()))) for what, change in PROTOBUF_INPUTS)
    return table("Input | Answer", rows)


def _protobuf_answer(data: bytes) -> str:
    bounds = Limits.model_validate({}).bounds()
    if error := _refusal(lambda: wire.decode(SendMessageRequest, data, bounds)):
        return _told(error.kind.grpc_status().name, error)
    kept = wire.decode(SendMessageRequest, data, bounds).to_binary() == data
    return "accepted, and kept towards a gRPC agent" if kept else "accepted"


def _told(status: object, error: GatewayError) -> str:
    return f"{status} `{error.kind.reason}`: {_shortened(error.message)}"


def _data_message(value: bytes) -> bytes:
    """A SendMessageRequest whose one part is data with this encoded Value."""
    data = b"\x22" + bytes([len(value)]) + value
    part = b"\x2a" + bytes([len(data)]) + data
    message = b"\x0a\x01m\x20\x01" + part
    return b"\x12" + bytes([len(message)]) + message


_LIBRARIES_SAY = ("not JSON", "not a protobuf message")
"""How messages begin whose rest is a library's own words, which change with its version."""


def _shortened(text: str) -> str:
    for begin in _LIBRARIES_SAY:
        if text.startswith(begin):
            return f"{begin}: …"
    return text if len(text) <= 110 else f"{text[:60]}…{text[-40:]}"


def versions() -> str:
    named = ("", "1.0", "1.0.1", "1.1", "2.0", "0.3", "0.3.0", "1", "latest")
    rows = [(code(one) if one else "nothing", *(_judged(one, *column) for column in _VERSION_COLUMNS)) for one in named]
    heads = (f"operation of {spoken}, `{policy}`" for spoken, policy in _VERSION_COLUMNS)
    return table(" | ".join(["The call names", *heads]), rows)


Policy = Literal["lenient", "strict"]

_VERSION_COLUMNS: tuple[tuple[str, Policy], ...] = tuple(
    (spoken, policy) for spoken in SUPPORTED_VERSIONS for policy in get_args(Policy)
)


def _judged(named: str, spoken: str, policy: Policy) -> str:
    error = _refusal(lambda: SendMessageRequest.from_json(_params(Input(""))), named, spoken, policy)
    return code(error.kind.reason) if error else "served"


_NOBODY = "nobody"


def _refusal(
    read: Callable[[], SendMessageRequest], named: str = "1.0", spoken: str = "1.0", policy: Policy = "lenient"
) -> GatewayError | None:
    """What the gateway holds against a call; None where all that it lacks is an agent."""
    limits = Limits.model_validate({})
    settings = Settings.model_construct(version_policy=policy, limits=limits)  # unlike others, reads no environment
    intake = Intake(settings, Directory({}), Calls(limits, Metrics(CollectorRegistry())))
    incoming = Incoming(SEND_MESSAGE, read, spoken, [(metadata.VERSION, named)], Site("", ""), b"", _NOBODY)

    async def accept() -> None:
        await intake.accept(Call("", "", 0.0), incoming)

    try:
        asyncio.run(accept())
    except NoSuchAgent:
        return None
    except GatewayError as error:
        return error
    raise AssertionError("unreachable: there is no agent")
