"""Writes the generated regions of `docs/` from the code's own tables.

A region is what stands between `<!-- generated: NAME -->` and `<!-- end -->`; all else on a page is
written by hand. `TABLES` says what each region holds. Where the code decides by more than a table,
the code itself is asked: the answers to bad input and to version headers are what it answers.
"""

import asyncio
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

from annotated_types import Le
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.codec import jsonrpc, metadata, protojson, wire
from gateway.errors import (
    A2A_DOMAIN,
    BY_GRPC_STATUS,
    BY_GRPC_STATUS_OF,
    BY_HTTP_STATUS,
    BY_JSONRPC_CODE,
    GRPC_DOMAIN,
    AgentError,
    CallerError,
    ErrorKind,
    GatewayError,
    GatewayFault,
    GrpcStatus,
    StatusProfile,
)
from gateway.northbound.exchange import BodyTooSlow
from gateway.northbound.intake import Incoming, Intake
from gateway.northbound.jsonrpc import HTTP_STATUS
from gateway.northbound.site import Site
from gateway.operations import OPERATIONS, SEND_MESSAGE
from gateway.relay.calls import Call, Calls
from gateway.relay.directory import Directory, NoSuchAgent
from gateway.relay.telemetry import Metrics
from gateway.settings import Address, AgentSettings, Bytes, Count, HeaderName, HttpUrl, Limits, Seconds, Settings, Tls
from generated.a2a.v1.a2a_pb import SendMessageRequest

DOCS = Path(__file__).resolve().parent.parent / "docs"
_REGION = re.compile(r"(?<=<!-- generated: )(?P<name>[a-z-]+)(?P<open> -->\n).*?(?P<close>\n?<!-- end -->)", re.DOTALL)

Rows = Iterable[Sequence[object]]


def regenerated(page: str) -> str:
    """A page with its generated regions written anew. Raises KeyError for a region that no table fills."""
    return _REGION.sub(lambda match: f"{match['name']} -->\n{TABLES[match['name']]()}\n<!-- end -->", page)


def regions(page: str) -> list[str]:
    """The names of a page's generated regions."""
    return [match["name"] for match in _REGION.finditer(page)]


def write(folder: Path = DOCS) -> None:
    """Rewrites every page under `folder` that has generated regions."""
    for path in sorted(folder.rglob("*.md")):
        path.write_text(regenerated(path.read_text()))


def _table(head: str, rows: Rows) -> str:
    """A Markdown table; `head` has its titles between bars."""
    titles = [title.strip() for title in head.split("|")]
    lines = [titles, ["---"] * len(titles), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _code(value: object) -> str:
    return f"`{value}`"


# Errors


def _errors(domain: str) -> str:
    old, new = StatusProfile.V1_0_0, StatusProfile.V1_0_1

    def both(status: Callable[[StatusProfile], object]) -> str:
        return f"{status(new)}" if status(new) == status(old) else f"{status(new)}, in 1.0.0 {status(old)}"

    rows = (
        (
            _code(kind.reason),
            kind.row.jsonrpc,
            both(lambda profile, kind=kind: kind.grpc_status(profile).name),
            both(kind.http_status),
            kind.row.message,
        )
        for kind in ErrorKind
        if kind.row.domain == domain
    )
    return _table("Reason | JSON-RPC code | gRPC status | HTTP status | Meaning", rows)


def _jsonrpc_codes() -> str:
    rows = [(code, _code(kind.reason)) for code, kind in sorted(BY_JSONRPC_CODE.items())]
    return _table("Code | Taken for", [*rows, ("any other", _code(ErrorKind.INTERNAL_ERROR.reason))])


def _grpc_statuses() -> str:
    rows: list[Sequence[object]] = []
    for status in GrpcStatus:
        if status is not GrpcStatus.OK:
            kind = BY_GRPC_STATUS.get(status, ErrorKind.UNKNOWN)
            special = [f"{_code(k.reason)} from {name}" for (name, of), k in BY_GRPC_STATUS_OF.items() if of is status]
            rows.append((status.value, status.name, ", but ".join([_code(kind.reason), *special])))
    return _table("Number | Status | Taken for", rows)


def _http_statuses() -> str:
    rows = [(status, _code(kind.reason)) for status, kind in sorted(BY_HTTP_STATUS.items())]
    return _table("HTTP status | Taken for", [*rows, ("any other but 200", _code(ErrorKind.UNKNOWN.reason))])


def _jsonrpc_http() -> str:
    blame: Mapping[type[GatewayError], str] = {
        AgentError: "the agent",
        BodyTooSlow: "the caller, whose body came too slowly",
        CallerError: "the caller",
        GatewayFault: "the gateway",
        NoSuchAgent: "the caller, who named an agent that is not there",
    }
    rows = [(status, _code(kind.reason), blame[error]) for error, kind, status in HTTP_STATUS]
    return _table("HTTP status | Reason | At fault", [*rows, (200, "any other", "anyone")])


# Operations


def _operations() -> str:
    rows = (
        (
            _code(one.name),
            _code(one.grpc_path),
            _code(one.request.desc().name),
            ("stream of " if one.streams else "") + _code(one.response.desc().name),
        )
        for one in OPERATIONS
    )
    return _table("JSON-RPC method | gRPC path | Request | Answer", rows)


# Settings

_UNITS = {"_s": "s", "_ms": "ms", "_bytes": "bytes"}
_TYPES: Mapping[object, str] = {
    str: "text",
    Address: "`HOST:PORT`",
    HttpUrl: "URL",
    Seconds: "number above 0",
    Bytes: "integer above 0",
    Count: "integer above 0",
    HeaderName: "header name",
    Path: "file",
    Tls: "see TLS",
    AgentSettings: "agent",
    Limits: "see Limits",
    IPv4Network: "network",
    dict[HeaderName, str]: "map of header names to text",
    dict[str, Any]: "card",
}


def _settings_of(model: type[BaseModel], variable: str = "") -> str:
    hints = typing.get_type_hints(model, include_extras=True)
    rows: list[Sequence[object]] = []
    for name, field in model.model_fields.items():
        named = (_code(variable + name.upper()),) if variable else ()
        rows.append((_code(name), *named, _type(hints[name], field), _default(name, field), field.description))
    environment = " Environment |" if variable else ""
    return _table(f"Setting |{environment} Type | Default | What for", rows)


def _type(hint: object, field: FieldInfo) -> str:
    most = next((f", at most {rule.le}" for rule in field.metadata if isinstance(rule, Le)), "")
    return f"{_type_name(hint)}{most}"


def _type_name(hint: object) -> str:
    known = next((name for one, name in _TYPES.items() if one == hint), None)
    if known is not None:
        return known
    arguments = [one for one in typing.get_args(hint) if one not in (types.NoneType, Ellipsis, IPv6Network)]
    match typing.get_origin(hint):
        case typing.Annotated:
            return _type_name(arguments[0])
        case origin if origin is Literal:
            return " or ".join(_code(one) for one in arguments)
        case origin if origin is tuple:
            return f"list of {_type_name(arguments[0])}s"
        case origin if origin in (types.UnionType, typing.Union):
            return " or ".join(_type_name(one) for one in arguments)
        case _ if isinstance(hint, type) and issubclass(hint, Enum):
            return " or ".join(_code(one.value) for one in hint)
        case _:
            raise TypeError(f"the documentation has no name for the type {hint}")


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: object = field.get_default(call_default_factory=True, validated_data={})
    unit = next((f" {unit}" for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    match value:
        case BaseModel():
            return "see below"
        case None | () | {}:
            return "none"
        case Enum():
            return _code(value.value)
        case bool():
            return _code(str(value).lower())
        case int() | float():
            return f"{value:,g}{unit}" if isinstance(value, float) else f"{value:,}{unit}"
        case _:
            return _code(value)


# Headers and versions


def _always_forwarded() -> str:
    return "\n".join(f"* `{name}`" for name in metadata.ALWAYS_FORWARDED)


def _versions() -> str:
    rows = [
        (_code(named) if named else "nothing", _judged(named, "lenient"), _judged(named, "strict"))
        for named in ("", "1.0", "1.0.1", "1.1", "2.0", "0.3", "1", "latest")
    ]
    return _table("The call names | `version_policy: lenient` | `version_policy: strict`", rows)


def _judged(version: str, policy: Literal["lenient", "strict"]) -> str:
    error = _refusal(lambda: SendMessageRequest.from_json(_params(Input(""))), version, policy)
    return _code(error.kind.reason) if error else "served as 1.0"


def _refusal(
    read: Callable[[], SendMessageRequest], version: str = "1.0", policy: Literal["lenient", "strict"] = "lenient"
) -> GatewayError | None:
    """What the gateway holds against a call; None where all that it lacks is an agent."""
    limits = Limits.model_validate({})
    settings = Settings.model_construct(version_policy=policy, limits=limits)  # unlike others, reads no environment
    intake = Intake(settings, Directory({}), Calls(limits, Metrics(CollectorRegistry())))
    incoming = Incoming(SEND_MESSAGE, read, [(metadata.VERSION, version)], Site("", ""), b"")

    async def accept() -> None:
        intake.accept(Call("", "", 0.0), incoming)

    try:
        asyncio.run(accept())
    except NoSuchAgent:
        return None
    except GatewayError as error:
        return error
    raise AssertionError("unreachable: there is no agent")


# Input


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


def _json_inputs() -> str:
    rows = ((one.what, _code(one.short or _fragment(one)), _json_answer(one)) for one in JSON_INPUTS)
    return _table("Input | For instance | Answer", rows)


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


def _protobuf_inputs() -> str:
    good = SendMessageRequest.from_json(_params(Input("")))
    rows = ((what, _protobuf_answer(change(good.to_binary()))) for what, change in PROTOBUF_INPUTS)
    return _table("Input | Answer", rows)


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


# Metrics


def _metrics() -> str:
    rows: list[Sequence[object]] = []
    metrics = Metrics(CollectorRegistry())
    for one in vars(metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            family = next(iter(one.describe()))
            suffix = "_total" if isinstance(one, Counter) else ""
            labels = ", ".join(one._labelnames)  # pyright: ignore[reportPrivateUsage] # told nowhere else
            rows.append((_code(family.name + suffix), family.type, labels, family.documentation))
    return _table("Metric | Type | Labels | Meaning", rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "errors-protocol": lambda: _errors(A2A_DOMAIN),
    "errors-grpc": lambda: _errors(GRPC_DOMAIN),
    "jsonrpc-codes": _jsonrpc_codes,
    "grpc-statuses": _grpc_statuses,
    "http-statuses": _http_statuses,
    "jsonrpc-http": _jsonrpc_http,
    "operations": _operations,
    "settings": lambda: _settings_of(Settings, "A2A_GATEWAY_"),
    "agents": lambda: _settings_of(AgentSettings),
    "tls": lambda: _settings_of(Tls),
    "limits": lambda: _settings_of(Limits, "A2A_GATEWAY_LIMITS__"),
    "forwarded": _always_forwarded,
    "versions": _versions,
    "json-inputs": _json_inputs,
    "protobuf-inputs": _protobuf_inputs,
    "metrics": _metrics,
}
"""What each generated region holds."""
