"""Bad input and bad agents as tables: what goes in, and what must come of it. Data only.

An outcome is ACCEPT or the reason of an error, as `ErrorInfo.reason` spells it. A `note` marks a row
whose outcome is a decision of this project, or tells what stock parts do. R27's texts are in
`json_corpus`, R12's scripts in `replies`.
"""

import json
from dataclasses import dataclass
from typing import Literal

from tests.fakes.events import (
    COMPLETED,
    INPUT_REQUIRED,
    Json,
    artifact,
    message,
    send_params,
    status,
    task,
)
from tests.faults.json_corpus import ACCEPT, INVALID_PARAMS, MUST_ACCEPT, MUST_REJECT, OPEN, PARSE_ERROR, JsonText

INVALID_AGENT_RESPONSE = "INVALID_AGENT_RESPONSE"
INTERNAL_ERROR = "INTERNAL_ERROR"
UNAVAILABLE = "UNAVAILABLE"
UNKNOWN = "UNKNOWN"

JSON_TEXTS: tuple[JsonText, ...] = (*MUST_ACCEPT, *MUST_REJECT, *OPEN)
"""R27."""


# R08


@dataclass(frozen=True, slots=True)
class TimeoutRow:
    """A `grpc-timeout` header on a call and the deadline it makes.

    "default": none but the gateway's own. "at once": over before anything can be answered. "clamp":
    valid and absurd, taken as the longest that is allowed. "deadline": `seconds`. "error": refused.
    """

    name: str
    value: str | None
    outcome: Literal["default", "at once", "deadline", "clamp", "error"]
    seconds: float | None = None
    note: str = ""


_BY_GRPCIO = "grpcio's server answers INTERNAL itself, before any code of ours"

TIMEOUTS: tuple[TimeoutRow, ...] = (
    TimeoutRow("no header", None, "default"),
    TimeoutRow("zero", "0S", "at once"),
    TimeoutRow("zero nanoseconds", "0n", "at once"),
    TimeoutRow("one nanosecond", "1n", "at once"),
    TimeoutRow("a hundred microseconds", "100u", "at once"),
    TimeoutRow("200 milliseconds", "200m", "deadline", 0.2),
    TimeoutRow("eight digits of nanoseconds", "99999999n", "deadline", 0.099999999),
    TimeoutRow("one second", "1S", "deadline", 1.0),
    TimeoutRow("leading zeros", "00000002S", "deadline", 2.0),
    TimeoutRow("one minute", "1M", "deadline", 60.0),
    TimeoutRow("one hour", "1H", "deadline", 3600.0),
    TimeoutRow("eight digits of hours", "99999999H", "clamp"),
    TimeoutRow("eight digits of seconds", "99999999S", "clamp"),
    TimeoutRow("negative", "-1S", "error", note=_BY_GRPCIO),
    TimeoutRow("plus", "+1S", "error", note=_BY_GRPCIO),
    TimeoutRow("fraction", "1.5S", "error", note=_BY_GRPCIO),
    TimeoutRow("no unit", "1", "error", note=_BY_GRPCIO),
    TimeoutRow("no digits", "S", "error", note=_BY_GRPCIO),
    TimeoutRow("small letter", "1s", "error", note=_BY_GRPCIO),
    TimeoutRow("nine digits", "123456789S", "clamp", note="gRPC allows eight digits; grpcio's server takes nine"),
)


# R11


@dataclass(frozen=True, slots=True)
class ContractScript:
    """What an agent streams before a clean end, and what the caller must get.

    The first `kept` events arrive as they are; then the stream ends with `outcome`, once.
    `over_grpc` is the outcome from a gRPC agent where protobuf makes it another.
    """

    name: str
    events: tuple[Json, ...]
    kept: int
    outcome: str = INVALID_AGENT_RESPONSE
    operation: Literal["SendStreamingMessage", "SubscribeToTask"] = "SendStreamingMessage"
    over_grpc: str | None = None
    note: str = ""


CONTRACT_BREACHES: tuple[ContractScript, ...] = (
    ContractScript("update before the Task", (status(), status(COMPLETED)), 0),
    ContractScript("two Messages", (message("a"), message("b", message_id="message-2")), 1),
    ContractScript("event after the terminal one", (task(), status(COMPLETED), artifact()), 2),
    ContractScript("wrong task id", (task(), status(task_id="task-2"), status(COMPLETED)), 1),
    ContractScript(
        "no terminal event",
        (task(), artifact()),
        2,
        note="a relay must not take a clean end for success (a2a-bindings 9)",
    ),
    ContractScript("empty stream", (), 0),
    ContractScript("event with no member", (task(), {}, status(COMPLETED)), 1),
    ContractScript(
        "event with two members",
        (task(), {**artifact(), **status(COMPLETED)}),
        1,
        over_grpc=ACCEPT,
        note="a protobuf decoder sees the last member only",
    ),
    ContractScript("Message after a Task", (task(), message()), 1),
    ContractScript("second, different Task", (task(), task("task-2")), 1),
    ContractScript("Task in another state after the terminal event", (task(), status(COMPLETED), task()), 2),
    ContractScript(
        "subscription that begins with an update", (status(), status(COMPLETED)), 0, operation="SubscribeToTask"
    ),
)

CONTRACT_KEPT: tuple[ContractScript, ...] = (
    ContractScript("one Message", (message(),), 1, ACCEPT),
    ContractScript("Task, artifact, end", (task(), artifact(last_chunk=True), status(COMPLETED)), 3, ACCEPT),
    ContractScript("finished Task alone", (task(state=COMPLETED),), 1, ACCEPT),
    ContractScript("ends where input is needed", (task(), status(INPUT_REQUIRED)), 2, ACCEPT, note="mirrors upstream"),
    ContractScript("final Task snapshot", (task(), status(COMPLETED), task(state=COMPLETED)), 3, ACCEPT),
    ContractScript("update without a context id", (task(), status(COMPLETED, context_id="")), 2, ACCEPT),
    ContractScript("subscription", (task(), status(COMPLETED)), 2, ACCEPT, "SubscribeToTask"),
)
"""The controls: what a check that is too strict would refuse."""


# R12


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """An answer to GetTask that breaks its transport: `reply` names a script of `replies`.

    `by_race` is what grpcio makes of it now and then, when its frames come in one piece.
    """

    wire: Literal["grpc", "http"]
    reply: str
    outcome: str
    by_race: str | None = None
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.wire}: {self.reply}"


_BY_STATUS = "decision: the kind of the gRPC status that grpcio makes of it (a2a-bindings 4.4)"

REPLIES: tuple[ReplyRow, ...] = (
    ReplyRow("grpc", "missing grpc-status", UNKNOWN, note=_BY_STATUS),
    ReplyRow("grpc", "two unary replies", INVALID_AGENT_RESPONSE, note="grpc.aio's unary call would wait for ever"),
    ReplyRow("grpc", "no unary reply", INVALID_AGENT_RESPONSE, note="grpc.aio's unary call returns None"),
    ReplyRow("grpc", "200 and HTML", UNKNOWN, note=_BY_STATUS),
    ReplyRow("grpc", "502 and JSON", UNAVAILABLE, by_race=UNKNOWN, note=_BY_STATUS),
    ReplyRow("grpc", "compressed without an encoding", INTERNAL_ERROR, note=_BY_STATUS),
    ReplyRow("grpc", "message shorter than its prefix", INVALID_AGENT_RESPONSE, note="grpcio reads OK and no message"),
    ReplyRow("grpc", "message that is not protobuf", INVALID_AGENT_RESPONSE),
    ReplyRow("grpc", "status that is no number", INTERNAL_ERROR, note=_BY_STATUS),
    ReplyRow("http", "200 and HTML", INVALID_AGENT_RESPONSE),
    ReplyRow("http", "502 and JSON", UNAVAILABLE),
    ReplyRow("http", "wrong content type", INVALID_AGENT_RESPONSE),
    ReplyRow("http", "compressed without an encoding", INVALID_AGENT_RESPONSE),
    ReplyRow("http", "not JSON", INVALID_AGENT_RESPONSE),
    ReplyRow(
        "http", "neither result nor error", INVALID_AGENT_RESPONSE, note="decision: only Delete may lack a result"
    ),
    ReplyRow(
        "http", "body shorter than its length", UNAVAILABLE, note="decision: the agent vanished (a2a-bindings 3.4)"
    ),
)


# R26


@dataclass(frozen=True, slots=True)
class NestingRow:
    """A free-form value of so many levels, in one place of a request."""

    levels: int
    place: Literal["metadata", "data part", "envelope"]
    outcome: str

    @property
    def name(self) -> str:
        return f"{self.levels} levels in {self.place}"

    def value_text(self) -> str:
        """The value: objects and arrays by turns, an object outside."""
        pairs, single = divmod(self.levels, 2)
        return '{"a":[' * pairs + "{}" * single + "]}" * pairs

    def body(self) -> bytes:
        """A SendMessage request with the value in its place; built as text, so that no level is too deep."""
        params = send_params()
        mark = '"@"'
        match self.place:
            case "metadata":
                params["metadata"] = "@"
            case "data part":
                params["message"] = {"messageId": "request-1", "role": "ROLE_USER", "parts": [{"data": "@"}]}
            case "envelope":
                pass
        members: Json = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        if self.place == "envelope":
            members["unknown"] = "@"
        return json.dumps(members).replace(mark, self.value_text()).encode()


LEVELS = (10, 24, 25, 32, 33, 49, 50, 100_000)
MOST_LEVELS = 24

NESTING: tuple[NestingRow, ...] = (
    *(
        NestingRow(levels, place, ACCEPT if levels <= MOST_LEVELS else INVALID_PARAMS)
        for place in ("metadata", "data part")
        for levels in LEVELS
    ),
    # An unknown member of the envelope is nobody's value: only what could hurt the reader is refused.
    NestingRow(10, "envelope", ACCEPT),
    NestingRow(24, "envelope", ACCEPT),
    NestingRow(100_000, "envelope", INVALID_PARAMS),
)


# R28


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number as JSON text in one place, and what must come out at the far end.

    `value` compares by ==, so `1.0` and `1` are one; an int32 place is `historyLength` of GetTask.
    """

    name: str
    text: str
    place: Literal["free-form", "int32"]
    outcome: str = ACCEPT
    value: int | float | None = None
    note: str = ""


NUMBERS: tuple[NumberRow, ...] = (
    NumberRow("zero", "0", "free-form", value=0),
    NumberRow("minus zero", "-0", "free-form", value=0, note="the sign may go"),
    NumberRow("one", "1", "free-form", value=1),
    NumberRow("one as a fraction", "1.0", "free-form", value=1, note="Struct numbers are doubles: 1 and 1.0 are one"),
    NumberRow("2^53 - 1", "9007199254740991", "free-form", value=2**53 - 1),
    NumberRow("2^53", "9007199254740992", "free-form", value=2**53),
    NumberRow("2^53 + 1", "9007199254740993", "free-form", INVALID_PARAMS),
    NumberRow("2^53 + 2", "9007199254740994", "free-form", value=2**53 + 2),
    NumberRow("-(2^53)", "-9007199254740992", "free-form", value=-(2**53)),
    NumberRow("-(2^53 + 1)", "-9007199254740993", "free-form", INVALID_PARAMS),
    NumberRow("2^63", "9223372036854775808", "free-form", value=2**63),
    NumberRow("2^63 - 1", "9223372036854775807", "free-form", INVALID_PARAMS),
    NumberRow("1e308", "1e308", "free-form", value=1e308),
    NumberRow("greatest double", "1.7976931348623157e308", "free-form", value=1.7976931348623157e308),
    NumberRow("1e999", "1e999", "free-form", INVALID_PARAMS),
    NumberRow("-1e999", "-1e999", "free-form", INVALID_PARAMS),
    NumberRow("smallest subnormal", "5e-324", "free-form", value=5e-324),
    NumberRow("a tenth", "0.1", "free-form", value=0.1),
    NumberRow("NaN", "NaN", "free-form", PARSE_ERROR),
    NumberRow("Infinity", "Infinity", "free-form", PARSE_ERROR),
    NumberRow("minus Infinity", "-Infinity", "free-form", PARSE_ERROR),
    NumberRow("4,300 digits", "9" * 4300, "free-form", INVALID_PARAMS),
    NumberRow("4,301 digits", "9" * 4301, "free-form", INVALID_PARAMS),
    NumberRow("64 characters", "0." + "1" * 62, "free-form", value=float("0." + "1" * 62)),
    NumberRow("65 characters", "0." + "1" * 63, "free-form", INVALID_PARAMS),
    NumberRow("integer field", "5", "int32", value=5),
    NumberRow("integer field, whole fraction", "5.0", "int32", value=5),
    NumberRow("integer field, exponent", "5e0", "int32", value=5),
    NumberRow("integer field as a string", '"5"', "int32", value=5),
    NumberRow("integer field, fraction", "5.5", "int32", INVALID_PARAMS),
    NumberRow("greatest int32", "2147483647", "int32", value=2**31 - 1),
    NumberRow("beyond int32", "2147483648", "int32", INVALID_PARAMS),
    NumberRow("integer field, word", '"five"', "int32", INVALID_PARAMS),
    NumberRow("integer field, true", "true", "int32", INVALID_PARAMS),
)


# R29


def text_body(literal: bytes, *, params: bytes | None = None) -> bytes:
    """A SendMessage request whose one text part is this JSON literal, or whose params are."""
    given = params or (
        b'{"message": {"messageId": "request-1", "role": "ROLE_USER", "parts": [{"text": %b}]}}' % literal
    )
    return b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": %b}' % given


@dataclass(frozen=True, slots=True)
class TextRow:
    """A request body with an awkward text; `seen` is the text that the agent must see."""

    name: str
    body: bytes
    outcome: str = ACCEPT
    seen: str | None = None
    note: str = ""


def _shown(name: str, text: str) -> TextRow:
    """A text that must arrive as it is, escaped or not."""
    return TextRow(name, text_body(json.dumps(text, ensure_ascii=False).encode()), seen=text)


def _escaped(name: str, text: str) -> TextRow:
    return TextRow(name, text_body(json.dumps(text).encode()), seen=text)


def _refused(name: str, literal: bytes, reason: str = PARSE_ERROR) -> TextRow:
    return TextRow(name, text_body(literal), reason)


_MESSAGE = b'"messageId": "request-1", "role": "ROLE_USER", "parts": [{"text": "a"}]'

TEXTS: tuple[TextRow, ...] = (
    _shown("empty", ""),
    _shown("accents", "é\u0301"),
    _shown("astral", "😀"),
    _escaped("astral as a pair of escapes", "😀"),
    _shown("line and paragraph separator", "a\u2028b\u2029c"),
    _escaped("escaped separators", "a\u2028b\u2029c"),
    _shown("next line", "a\u0085b"),
    _escaped("CR LF", "a\r\nb\rc\nd"),
    _escaped("blank line and a field name", "a\n\ndata: b\n\nevent: error\n"),
    _escaped("NUL", "a\x00b"),
    _escaped("every control character", "".join(map(chr, range(32)))),
    _shown("DEL", "\x7f"),
    _shown("byte order mark inside", "\ufeffa"),
    _shown("non-character", "\uffff"),
    _shown("right-to-left override", "\u202eabc"),
    _shown("trailing spaces", " a  "),
    _shown("markup", "</script><!--&amp;"),
    _refused("byte FF", b'"\xff"'),
    _refused("overlong slash", b'"\xc0\xaf"'),
    _refused("cut multi-byte", b'"\xe2\x82"'),
    _refused("encoded surrogate", b'"\xed\xa0\x80"'),
    _refused("beyond the last code point", b'"\xf4\x90\x80\x80"'),
    _refused("raw NUL", b'"\x00"'),
    _refused("lone high surrogate", rb'"\ud800"', INVALID_PARAMS),
    _refused("lone low surrogate", rb'"\udc00"', INVALID_PARAMS),
    TextRow("byte order mark before the body", b"\xef\xbb\xbf" + text_body(b'"a"'), PARSE_ERROR),
    TextRow(
        "duplicate name",
        text_body(b"", params=b'{"message": {"messageId": "other", %b}}' % _MESSAGE),
        INVALID_PARAMS,
    ),
    TextRow(
        "case twins",
        text_body(b"", params=b'{"message": {%b, "MESSAGEID": "b"}}' % _MESSAGE),
        seen="a",
        note="decision: an unknown member, ignored",
    ),
    TextRow(
        "camel and snake twins",
        text_body(b"", params=b'{"message": {%b, "taskId": "task-1", "task_id": "task-2"}}' % _MESSAGE),
        INVALID_PARAMS,
        note="decision: two values for one field, as with duplicate names",
    ),
    TextRow(
        "snake alone",
        text_body(
            b"", params=b'{"message": {"message_id": "request-1", "role": "ROLE_USER", "parts": [{"text": "a"}]}}'
        ),
        seen="a",
        note="ProtoJSON readers take both spellings",
    ),
)


# R30


@dataclass(frozen=True, slots=True)
class Base64Row:
    """The text of a `raw` part, and its bytes if it is one."""

    name: str
    text: str
    outcome: str = ACCEPT
    content: bytes | None = None


BASE64: tuple[Base64Row, ...] = (
    Base64Row("standard, padded", "+/8=", content=b"\xfb\xff"),
    Base64Row("standard, unpadded", "+/8", content=b"\xfb\xff"),
    Base64Row("url-safe, padded", "-_8=", content=b"\xfb\xff"),
    Base64Row("url-safe, unpadded", "-_8", content=b"\xfb\xff"),
    Base64Row("no padding needed", "YWJj", content=b"abc"),
    Base64Row("empty", "", content=b""),
    Base64Row("junk inside", "!!!!aGk=***", INVALID_PARAMS),
    Base64Row("space inside", "YW Jj", INVALID_PARAMS),
    Base64Row("line feed inside", "YWJj\nYWJj", INVALID_PARAMS),
    Base64Row("length 1 more than a multiple of 4", "YWJjY", INVALID_PARAMS),
    Base64Row("padding in the middle", "YQ==YWJj", INVALID_PARAMS),
    Base64Row("4 MiB of padding", "YWJj" + "=" * (4 << 20), INVALID_PARAMS),
)


# R33


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """A header that a caller adds to a correct call, and what becomes of it.

    "forwarded": the agent sees it. "dropped": the call succeeds and the agent sees nothing of it.
    "refused": the call fails by the caller's fault. Never a 5xx or INTERNAL, whatever the outcome;
    either of the last two is safe, so "dropped or refused" is left to the transport.
    """

    wire: Literal["http", "grpc"]
    name: str
    field: str
    value: str
    outcome: Literal["forwarded", "dropped", "dropped or refused"]
    note: str = ""


def _headers(wire: Literal["http", "grpc"]) -> tuple[HeaderRow, ...]:
    def row(
        name: str,
        field: str,
        value: str,
        outcome: Literal["forwarded", "dropped", "dropped or refused"],
        note: str = "",
    ) -> HeaderRow:
        return HeaderRow(wire, name, field, value, outcome, note)

    return (
        row("credentials", "authorization", "Bearer canary", "forwarded"),
        row("trace", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "forwarded"),
        row("extensions", "a2a-extensions", "https://example.com/ext", "forwarded"),
        row("not on the list", "x-other", "1", "dropped", "decision: an allow-list, extended by configuration"),
        row("underscore twin", "x_other", "1", "dropped"),
        row("underscore twin of the version", "a2a_version", "9.9", "dropped"),
        row("upper case", "X-OTHER", "1", "dropped or refused"),
        row("grpc status", "grpc-status", "0", "dropped or refused"),
        row("grpc message", "grpc-message", "fine", "dropped or refused"),
        row("grpc details", "grpc-status-details-bin", "AAAA", "dropped or refused"),
        row("grpc unknown", "grpc-foo", "1", "dropped or refused"),
        row("te", "te", "gzip", "dropped or refused"),
        row("hop by hop: connection", "connection", "x-other", "dropped or refused"),
        row("hop by hop: keep-alive", "keep-alive", "timeout=1", "dropped or refused"),
        row("hop by hop: proxy-authorization", "proxy-authorization", "Basic Y2FuYXJ5", "dropped"),
        row("hop by hop: upgrade", "upgrade", "h2c", "dropped or refused"),
        row("cookie", "cookie", "session=canary", "dropped"),
        row("forged origin", "x-forwarded-for", "10.0.0.1", "dropped"),
        row("eight-bit value", "x-other", "caf\xe9", "dropped or refused"),
        row("eight-bit value of a forwarded one", "authorization", "Bearer caf\xe9", "dropped or refused"),
        row("NUL in a value", "authorization", "Bearer a\x00b", "dropped or refused"),
        row("tab in a value", "authorization", "Bearer\ta", "dropped or refused"),
        row("binary key with text", "x-other-bin", "not base64!", "dropped or refused"),
        row("empty value", "a2a-extensions", "", "dropped", "nothing to forward"),
    )


HEADERS: tuple[HeaderRow, ...] = (
    *_headers("http"),
    HeaderRow("http", "second host", "host", "evil.example.com", "dropped or refused"),
    HeaderRow("http", "line feed in a value", "x-other", "1\nauthorization: Bearer evil", "dropped or refused"),
    HeaderRow("http", "folded value", "x-other", "1\r\n authorization: Bearer evil", "dropped or refused"),
    HeaderRow("http", "space before the colon", "authorization ", "Bearer evil", "dropped or refused"),
    *_headers("grpc"),
    HeaderRow("grpc", "host", "host", "evil.example.com", "dropped or refused"),
    HeaderRow("grpc", "second :path", ":path", "/lf.a2a.v1.A2AService/CancelTask", "dropped or refused"),
    HeaderRow("grpc", "second :authority", ":authority", "evil.example.com", "dropped or refused"),
    HeaderRow("grpc", "unknown pseudo header", ":evil", "1", "dropped or refused"),
    HeaderRow("grpc", "CR LF in a value", "authorization", "Bearer a\r\nx-evil: 1", "dropped or refused"),
    HeaderRow("grpc", "content length", "content-length", "1", "dropped or refused"),
)

STATUS_TEXTS: tuple[tuple[str, str], ...] = (
    ("CR LF and a header", "no\r\nset-cookie: canary=1"),
    ("blank line and an event", "no\n\ndata: {}\n\n"),
    ("NUL", "no\x00"),
    ("next line", "no\u0085"),
    ("separators", "no\u2028\u2029"),
    ("not ASCII", "né 名 😀"),
    ("percent", "100%20%zz"),
    ("two kilobytes", "x" * 2048),
)
"""R33, from the agent's side: texts of errors that must arrive as text, shortened at most."""
