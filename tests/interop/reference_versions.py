"""What a stock peer must see through the gateway where one side, or both, speak A2A 0.3.

The rule: a client sees what it sees of the same agent with nothing between them. Where the two speak different versions
that is what the a2a-sdk 1.x makes of it with its own 0.3 compatibility, in its agent or in its client. And it is what
they say over JSON-RPC, where an agent names its errors and offers all it has. `DIFFERENCES` lists what else holds, by
the binding with which the gateway reaches the agent: what an agent says otherwise there, what a version cannot say, and
where a gateway has to do better.

Errors are compared as the client hears them, `NAME CODE: TEXT`. `told` says how that is spelled on its own binding.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.interop.normalise import Json
from tests.offered import with_deltas

SDK03, SDK, SDK_AS_03, COMPAT = "sdk03", "sdk", "sdk as 0.3", "compat"
"""The peers: of a2a-sdk 0.3; of 1.x; a client of 1.x that a card makes speak 0.3; an agent of 1.x that is spoken to in
0.3."""


@dataclass(frozen=True, slots=True)
class Said:
    """An error as it is meant: its class, or one of the kinds below, and its words."""

    kind: str
    text: str = ""


UNAVAILABLE, UNKNOWN, NO_ID, NOT_ASKED = "unavailable", "unknown", "no id", "NotImplementedError"
"""What A2A has no class for. NO_ID is a request for a task without an id: on HTTP+JSON it finds no operation. NOT_ASKED
is what the client refuses to ask at all."""

Patch = Any
"""A member of a result: a value in its place, a function of it, or an error that ends what is a stream."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What holds for a check instead of what is seen without the gateway, and why."""

    reason: str
    patch: Patch = None
    """What holds instead, or the members that differ."""
    reference: str = "JSONRPC"
    """The binding on which the client is seen without the gateway."""


Differences = Mapping[str, Difference]


# How an error is spelled

CODES: Mapping[str, tuple[int, str, int]] = {
    "TaskNotFoundError": (-32001, "NOT_FOUND", 404),
    "TaskNotCancelableError": (-32002, "FAILED_PRECONDITION", 400),
    "UnsupportedOperationError": (-32004, "FAILED_PRECONDITION", 400),
    "VersionNotSupportedError": (-32009, "FAILED_PRECONDITION", 400),
    "InvalidAgentResponseError": (-32006, "INTERNAL", 500),
    "MethodNotFoundError": (-32601, "UNIMPLEMENTED", 404),
    "InvalidParamsError": (-32602, "INVALID_ARGUMENT", 400),
    "InternalError": (-32603, "INTERNAL", 500),
    UNAVAILABLE: (-32603, "UNAVAILABLE", 503),
    UNKNOWN: (-32603, "UNKNOWN", 500),
}
"""On the bindings of the gateway, for callers of either version: JSON-RPC, gRPC, HTTP+JSON."""

NO_ID_TOLD: Mapping[tuple[str, str], str] = {
    (SDK03, "JSONRPC"): "InvalidParamsError -32602: id: is required",
    (SDK03, "GRPC"): "InvalidParamsError INVALID_ARGUMENT: name: expected tasks/{id}",
    (SDK03, "HTTP+JSON"): "A2AClientHTTPError 404: Client error '404 Not Found'",
    (SDK, "JSONRPC"): "InvalidParamsError -32602: id: is required",
    (SDK, "GRPC"): "InvalidParamsError INVALID_ARGUMENT: id: is required",
    (SDK, "HTTP+JSON"): "A2AClientError None: HTTP Error 405: Client error '405 Method Not Allowed'",
    (SDK_AS_03, "JSONRPC"): "InvalidParamsError -32602: id: is required",
    (SDK_AS_03, "GRPC"): "InvalidParamsError INVALID_ARGUMENT: name: expected tasks/{id}",
    (SDK_AS_03, "HTTP+JSON"): "MethodNotFoundError None: Resource not found",
}

UNARY, REFUSED, REFUSED_AGAIN, MIDWAY = "unary", "refused", "refused subscription", "midway"
"""Where an error comes: instead of an answer, of a stream, of a subscription; after events."""


def told(error: Said, client: str, binding: str, place: str) -> str:
    """An error of the gateway as a client of a binding hears it."""
    if error.kind == NO_ID:
        return NO_ID_TOLD[client, binding]
    if error.kind == NOT_ASKED:
        return NOT_ASKED
    on_jsonrpc, status, http = CODES[error.kind]
    named = error.kind not in (UNAVAILABLE, UNKNOWN)
    name = error.kind if named else "InternalError"
    match client, binding:
        case _, "JSONRPC":
            # The client of 1.x keeps no code of what comes as an event.
            known = client == SDK03 or place == UNARY or (client == SDK and place != MIDWAY)
            return f"{name} {on_jsonrpc if known else None}: {error.text}"
        case _, "GRPC" if named:
            return f"{name} {status}: {error.text}"
        case "sdk03", "GRPC":
            return f"AioRpcError {status}: {error.text}"
        case _, "GRPC":
            return f"A2AClientError {status}: gRPC Error {status}: {error.text}"
        case "sdk03", _ if place == MIDWAY:
            return 'ParseError None: Message type "a2a.v1.StreamResponse" has no field named "error"'
        case "sdk03", _ if place == REFUSED_AGAIN:
            return (
                "A2AClientHTTPError 400: Invalid SSE response or protocol error: "
                "Expected response header Content-Type to contain 'text/event-stream', got 'application/json'"
            )
        case "sdk03", _:
            return f"A2AClientHTTPError {http}: {error.text}"
        case "sdk", _ if place == MIDWAY:
            return f"{name} None: {error.text}" if named else f"A2AClientError None: {http} {status}: {error.text}"
        case "sdk", _ if named:
            return f"{name} {http}: {error.text}"
        case "sdk as 0.3", _ if place == MIDWAY:
            return f"A2AClientError None: SSE stream error event received: {http} {status}: {error.text}"
        case "sdk as 0.3", _ if http == HTTPStatus.NOT_FOUND:
            return f"MethodNotFoundError {http}: Resource not found"
        case _:
            whose = "Server" if http >= HTTPStatus.INTERNAL_SERVER_ERROR else "Client"
            return f"A2AClientError {http}: HTTP Error {http}: {whose} error '{http} {HTTPStatus(http).phrase}'"


def spelled(result: Any, client: str, binding: str, place: str = UNARY) -> Any:
    """A result with its errors as the client hears them."""
    match result:
        case Said():
            return told(result, client, binding, place)
        case dict():
            return {
                key: spelled(member, client, binding, REFUSED_AGAIN if key == "subscribe" else REFUSED)
                if isinstance(member, list)
                else spelled(member, client, binding)
                for key, member in result.items()
            }
        case [first, *others]:
            place = place if place == REFUSED_AGAIN else REFUSED
            return [spelled(first, client, binding, place), *(spelled(one, client, binding, MIDWAY) for one in others)]
        case _:
            return result


# What is compared


def said(result: Json) -> Any:
    """A result of what is seen without the gateway, over JSON-RPC, with its errors as they are meant."""
    match result:
        case {"error": str(kind), "message": str(text)}:
            return Said(kind, text)
        case dict():
            return {key: said(member) for key, member in result.items() if _says_something(key, member)}
        case list():
            return [said(item) for item in result]
        case _:
            return result


def heard(result: Json) -> Any:
    """A result of what is seen through the gateway, with its errors in short."""
    match result:
        case {"error": "NotImplementedError"}:
            return NOT_ASKED
        case {"error": str(name), "message": str(text)}:
            return f"{name} {result.get('code')}: {_in_short(text)}"
        case dict():
            return {key: heard(member) for key, member in result.items() if _says_something(key, member)}
        case list():
            return [heard(item) for item in result]
        case _:
            return result


def expected(check: str, client: str, agent: str, reached_by: str, binding: str, direct: Mapping[str, Any]) -> Any:
    """What `client` must hear over `binding`, given what it sees without the gateway, by binding and check."""
    difference = differences(client, agent, reached_by, binding).get(check)
    base = said(direct[difference.reference if difference else "JSONRPC"][check])
    patched = _patched(base, difference.patch) if difference else base
    return spelled(with_deltas(patched) if check == "card" else patched, client, binding)


def _patched(base: Any, patch: Patch) -> Any:
    match base, patch:
        case _, None:
            return base
        case dict(), dict():
            return {key: _patched(member, patch.get(key)) for key, member in base.items()}
        case list(), Said():
            return [*base[:-1], patch]
        case _ if callable(patch):
            return patch(base)
        case _:
            return patch


def _says_something(key: str, member: Json) -> bool:
    """An agent of 0.3 gives the time of a status on JSON-RPC alone, and elsewhere makes up empty metadata."""
    return key != "timestamp" and not (key == "metadata" and member == {})


def _in_short(text: str) -> str:
    """Without the addresses and the advice that the SDKs add."""
    said_before, written, _ = text.partition('{"error":')
    if written:
        error = json.loads(text.removeprefix(said_before))["error"]
        return f"{said_before}{error['code']} {error['status']}: {error['message']}"
    return re.sub(r' (for url|at "StreamResponse").*|(?<=Resource not found):.*', "", text, flags=re.DOTALL)


# The differences

BROKEN = Said(UNAVAILABLE, "The connection to the agent broke")
NOT_IMPLEMENTED = Said("MethodNotFoundError", "Unexpected <class 'NotImplementedError'>: Method not implemented!")
UNKNOWN_EXCEPTION = Said("InternalError", "unknown exception")
CRASHED = Said("InternalError", "the executor crashed")
GRPC_CRASHED = Said(UNKNOWN, "Unexpected <class 'RuntimeError'>: the executor crashed")
NO_LIST = Said("UnsupportedOperationError", "The agent speaks A2A 0.3, which lists no tasks")
NO_DELETE = Said(
    "VersionNotSupportedError", "A2A version '0.3' is not supported by this handler. Expected version '1.0'."
)
NO_CONFIG_ID = Said(
    "InvalidAgentResponseError",
    "The agent's answer cannot be used: name: expected tasks/{id}/pushNotificationConfigs/{id}",
)
PLAIN_CONFIG = {"id": "<task 1>", "taskId": "<task 1>", "url": "https://example.com/hook?a=1"}
FULL_CONFIG = {
    "id": "<config 1>",
    "taskId": "<task 1>",
    "url": "https://example.com/hook?a=1",
    "token": "tok",
    "authentication": {"scheme": "Bearer", "credentials": "secret"},
}


def required(field: str) -> Said:
    return Said("InvalidParamsError", f"{field}: is required")


def _without_history(result: dict[str, Any]) -> dict[str, Any]:
    if "task" in result:
        return {"task": _without_history(result["task"])}
    return {key: member for key, member in result.items() if key != "history"}


def _public(skills: list[dict[str, Any]]) -> list[Any]:
    return [skill for skill in skills if skill["id"] != "secret"]


def _without_media_type_of_data(result: Any) -> Any:
    match result:
        case {"data": _, **others}:
            return {"data": result["data"]} | {key: one for key, one in others.items() if key != "mediaType"}
        case dict():
            return {key: _without_media_type_of_data(member) for key, member in result.items()}
        case list():
            return [_without_media_type_of_data(item) for item in result]
        case _:
            return result


OF_ANY: Differences = {
    "invalid_request": Difference(
        "what a request lacks the gateway says itself, in its own words, before an agent sees it.",
        {
            "no parts": required("message.parts"),
            "no parts, streamed": required("message.parts"),
        },
    ),
    "no_task_id": Difference("as invalid_request; and an id is a segment of a path in HTTP+JSON.", Said(NO_ID)),
    "push_configs_invalid": Difference("as invalid_request.", {"create without url": required("url")}),
}
"""Whatever the versions are."""

CRASH = "no binding has the same words, or the same code, for an exception of the executor; some streams are just cut."


def crash(streamed: Said, blocking: Said) -> Differences:
    return {"crash": Difference(CRASH, {"stream": streamed}), "crash_blocking": Difference(CRASH, blocking)}


def no_configs(no_list: Said, no_delete: Said) -> Differences:
    """What of push notification configurations is left at an agent of a2a-sdk 0.3."""
    reason = (
        "the agent can neither list nor delete by this binding. A configuration without an id keeps an empty one there, "
        "and neither the gateway nor the SDK's clients can read the name of that."
    )
    return {
        "push_configs": Difference(
            reason,
            {
                "list nothing": lambda _: no_list,
                "create without id": lambda _: NO_CONFIG_ID,
                "list": lambda _: no_list,
                "delete": no_delete,
                "delete again": no_delete,
                "get after delete": lambda _: FULL_CONFIG,
                "list after delete": lambda _: no_list,
            },
        ),
        "push_configs_invalid": Difference(
            f"as invalid_request; and {reason}",
            {"create without url": required("url"), "list for unknown task": no_list},
        ),
    }


CUT = "the agent cuts a stream of HTTP+JSON that it refuses, before the first event."
CUT_WHEN_REFUSED: Differences = {
    "unknown_task": Difference(CUT, {"subscribe": BROKEN, "stream": BROKEN}),
    "terminal_task": Difference(CUT, {"subscribe": BROKEN, "stream": BROKEN}),
    "wrong_context": Difference(CUT, {"stream": BROKEN}),
}

OF_AGENT: Mapping[tuple[str, str], Differences] = {
    (SDK, "JSONRPC"): {},
    (SDK, "GRPC"): crash(GRPC_CRASHED, GRPC_CRASHED),
    (SDK, "HTTP+JSON"): crash(UNKNOWN_EXCEPTION, UNKNOWN_EXCEPTION),
    (COMPAT, "JSONRPC"): {},
    (COMPAT, "GRPC"): crash(GRPC_CRASHED, GRPC_CRASHED),
    (COMPAT, "HTTP+JSON"): {
        **crash(BROKEN, UNKNOWN_EXCEPTION),
        **CUT_WHEN_REFUSED,
        "push_configs": Difference(
            "the agent has no 0.3 operation to delete a configuration by this binding.",
            {
                **dict.fromkeys(("delete", "delete again"), NO_DELETE),
                "get after delete": lambda _: FULL_CONFIG,
                "list after delete": {"configs": [FULL_CONFIG, PLAIN_CONFIG]},
            },
        ),
    },
    (SDK03, "JSONRPC"): {"crash": Difference(CRASH, {"stream": BROKEN})},
    (SDK03, "GRPC"): {
        **crash(GRPC_CRASHED, GRPC_CRASHED),
        **no_configs(NOT_IMPLEMENTED, NOT_IMPLEMENTED),
        "extended_card": Difference("the agent's gRPC server knows no extended card.", {"skills": _public}),
    },
    (SDK03, "HTTP+JSON"): {
        **crash(BROKEN, UNKNOWN_EXCEPTION),
        **no_configs(UNKNOWN_EXCEPTION, Said(UNKNOWN, "The agent answered HTTP 405")),
        **CUT_WHEN_REFUSED,
    },
}
"""By the agent and the binding that reaches it."""

LINE_SEPARATORS = Difference(
    "the SDK's own reader of SSE takes U+2028 and the like for the end of a line. The gateway escapes them.",
    reference="GRPC",
)
CARD = "the card is the gateway's: it has the bindings in its order, and says 0.3 without a patch version."
DATA = "0.3 has no media type for data."
HISTORY = "0.3 cannot ask for no history at all, so the gateway takes it out."

NO_ROLE = Difference("the SDK's own compatibility makes up a role.", {"no role": lambda _: required("message.role")})
LISTS: Differences = {
    "list_tasks": Difference("0.3 lists no tasks.", lambda _: NO_LIST),
    "list_tasks_invalid": Difference(
        "as list_tasks.", dict.fromkeys(("page size 101", "page token", "history"), NO_LIST)
    ),
}

OF_CLIENT: Mapping[tuple[str, str], Differences] = {
    (SDK03, SDK): {
        "card": Difference(CARD, {"bindings": ["JSONRPC", "HTTP+JSON", "GRPC"]}),
    },
    (SDK03, SDK03): {
        "card": Difference(CARD, {"bindings": ["JSONRPC", "HTTP+JSON", "GRPC"], "protocolVersion": "0.3"}),
        "extended_card": Difference(CARD, {"protocolVersion": "0.3"}),
    },
    (SDK, SDK03): {
        **LISTS,
        "invalid_request": NO_ROLE,
        "send_with_history": Difference(HISTORY, {"0": _without_history}),
        "get_with_history": Difference(HISTORY, {"0": _without_history}),
        "stream_line_separators": LINE_SEPARATORS,
    },
    (SDK, COMPAT): {
        **LISTS,
        "invalid_request": NO_ROLE,
        "send_parts": Difference(DATA, _without_media_type_of_data),
        "send_line_separators": Difference(DATA, _without_media_type_of_data),
        "stream_parts": Difference(DATA, _without_media_type_of_data),
        "stream_line_separators": Difference(
            f"{LINE_SEPARATORS.reason} {DATA}", _without_media_type_of_data, LINE_SEPARATORS.reference
        ),
    },
    (SDK_AS_03, SDK03): {
        "stream_line_separators": LINE_SEPARATORS,
    },
}
"""By the client and the agent: what their versions cannot say to one another."""

NOTHING_ASKED = "the SDK's client cannot list or delete configurations by HTTP+JSON of 0.3."
OF_CLIENT_BINDING: Mapping[tuple[str, str], Differences] = {
    (SDK_AS_03, "HTTP+JSON"): {
        "push_configs": Difference(
            NOTHING_ASKED,
            {
                **{
                    name: lambda _: Said(NOT_ASKED)
                    for name in ("list nothing", "list", "delete", "delete again", "list after delete")
                },
                "get after delete": lambda _: FULL_CONFIG,
            },
        ),
        "push_configs_invalid": Difference(NOTHING_ASKED, {"list for unknown task": Said(NOT_ASKED)}),
    },
}
"""By the client and its own binding."""


def differences(client: str, agent: str, reached_by: str, binding: str) -> Differences:
    """All that hold on a way, by check."""
    merged: dict[str, Difference] = {}
    for part in (
        OF_ANY,
        OF_AGENT[agent, reached_by],
        OF_CLIENT[client, agent],
        OF_CLIENT_BINDING.get((client, binding), {}),
    ):
        for check, difference in part.items():
            merged[check] = _both(merged[check], difference) if check in merged else difference
    return merged


def _both(first: Difference, second: Difference) -> Difference:
    return Difference(f"{first.reason} And {second.reason}", {**first.patch, **second.patch}, second.reference)
