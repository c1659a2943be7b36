"""Errors to their forms on the wire and back: `google.rpc.Status` and the JSON-RPC error object.

An error is recognised by the ErrorInfo among its details before anything else; the code or status
that carries it decides only where there is none. Details of any type survive both ways: the
`google.rpc` ones in their own JSON, others as they came.
"""

import base64
import binascii
import re
from collections.abc import Iterable

from protobuf import Message, Registry, message_from_json_value, message_to_json_value
from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.codec.freeform import whole_numbers
from gateway.codec.jsonrpc import Failure
from gateway.codec.jsontext import JsonValue, dump
from gateway.errors import (
    A2A_DOMAIN,
    BY_GRPC_STATUS,
    BY_GRPC_STATUS_OF,
    BY_HTTP_STATUS,
    BY_IDENTITY,
    BY_JSONRPC_CODE,
    BY_OLD_HTTP_STATUS,
    ErrorKind,
    GatewayError,
    GrpcStatus,
    StatusProfile,
)
from generated.google.rpc import error_details_pb as google_rpc
from generated.google.rpc.status_pb import Status

MESSAGE_CHARS = 1024
"""Longer texts are cut: a gRPC status message travels in a header, and those have hard limits."""
STATUS_BYTES = 6 * 1024
"""Of the whole rich status; details beyond it are left out, the identifying one stays."""
MOST_DETAILS = 64
"""Further entries of an agent's error are left out."""

_PREFIX = "type.googleapis.com/"
_STRUCT, _VALUE = _PREFIX + "google.protobuf.Struct", _PREFIX + "google.protobuf.Value"
_REGISTRY = Registry(google_rpc.desc())
_BY_CLASS_NAME = {
    "".join(word.capitalize() for word in kind.reason.split("_")).removesuffix("Error") + "Error": kind
    for kind in ErrorKind
}
_BY_CLASS_NAME["JSONParseError"] = _BY_CLASS_NAME.pop("ParseError")  # the SDKs' own exception to their rule
_CLASS_NAMES = {kind: name for name, kind in _BY_CLASS_NAME.items() if kind.row.domain == A2A_DOMAIN}
_CLASS_NAME_PREFIX = re.compile(r"([A-Z]\w+Error): ?(.*)", re.DOTALL)


def identified(error: GatewayError) -> tuple[PackedDetail, ...]:
    """The details of an error with the ErrorInfo that identifies it; made up and put first where it lacks."""
    if _kind_in(error.details) is not None:
        return error.details
    info = google_rpc.ErrorInfo(reason=error.kind.reason, domain=error.kind.row.domain)
    return (PackedDetail(type_url=_PREFIX + "google.rpc.ErrorInfo", value=info.to_binary()), *error.details)


def field_violation(path: str, problem: str) -> PackedDetail:
    """The detail that names a field of the request and what is wrong with it."""
    violation = google_rpc.BadRequest.FieldViolation(field=path, description=problem)
    bad_request = google_rpc.BadRequest(field_violations=[violation])
    return PackedDetail(type_url=_PREFIX + "google.rpc.BadRequest", value=bad_request.to_binary())


# gRPC


def to_status(error: GatewayError, profile: StatusProfile, *, by_class_name: bool = False) -> Status:
    """The rich status of an error, within the size that headers can carry.

    With `by_class_name` its message begins with the class of the error, as the Python SDK has it in 0.3: all that its
    clients know an error by there.
    """
    message = error.message
    if by_class_name and (name := _CLASS_NAMES.get(error.kind)):
        message = f"{name}: {message}"
    details = identified(error)
    room = STATUS_BYTES - MESSAGE_CHARS
    if sum(map(_size, details)) > room:
        details = _within(details, room)
    code = error.kind.grpc_status(profile).value
    return Status(code=code, message=shortened(message), details=list(details))


def from_status(
    operation: str, status: GrpcStatus, message: str, rich: bytes | None
) -> tuple[ErrorKind, str, tuple[PackedDetail, ...]]:
    """What a gRPC status means: kind, message, details. `rich` is `grpc-status-details-bin`."""
    details: tuple[PackedDetail, ...] = ()
    if rich is not None:
        try:
            parsed = Status.from_binary(rich)
        except (ValueError, RecursionError):
            pass
        else:
            details, message = tuple(parsed.details), parsed.message or message
    kind = _kind_in(details)
    if named := _CLASS_NAME_PREFIX.fullmatch(message):
        by_name = _BY_CLASS_NAME.get(named[1])
        if by_name and kind in (None, by_name):
            kind, message = by_name, named[2]
    if kind is None:
        kind = BY_GRPC_STATUS_OF.get((operation, status)) or BY_GRPC_STATUS.get(status, ErrorKind.UNKNOWN)
    return kind, message, details


# JSON-RPC


def to_data(error: GatewayError) -> list[JsonValue]:
    """The `data` member of a JSON-RPC error: objects that name their type."""
    return [whole_numbers(_detail_to_json(detail)) for detail in identified(error)]


def from_failure(failure: Failure) -> tuple[ErrorKind, str, tuple[PackedDetail, ...]]:
    """What a JSON-RPC error object means: kind, message, details."""
    match failure.data:
        case None:
            entries: list[JsonValue] = []
        case list() as entries:
            pass
        case entry:
            entries = [entry]
    details = tuple(_detail_from_json(entry) for entry in entries[:MOST_DETAILS])
    kind = _kind_in(details) or BY_JSONRPC_CODE.get(failure.code, ErrorKind.INTERNAL_ERROR)
    return kind, failure.message, details


# HTTP+JSON


def to_rest(error: GatewayError, http_status: int, profile: StatusProfile) -> bytes:
    """The `google.rpc.Status` of an error as JSON (section 11.6)."""
    return dump(
        {
            "error": {
                "code": http_status,
                "status": error.kind.grpc_status(profile).name,
                "message": shortened(error.message),
                "details": to_data(error),
            }
        }
    )


def from_rest(
    operation: str, http_status: int, body: JsonValue
) -> tuple[ErrorKind, str, tuple[PackedDetail, ...]]:
    """What an HTTP+JSON error means: kind, message, details. `body` is whatever JSON came, or None."""
    error = body.get("error") if isinstance(body, dict) else None
    by_http = BY_HTTP_STATUS.get(http_status, ErrorKind.UNKNOWN)
    if not isinstance(error, dict):
        if isinstance(body, dict) and isinstance(message := body.get("message"), str):
            return BY_OLD_HTTP_STATUS.get(http_status, by_http), message, ()
        return by_http, f"The agent answered HTTP {http_status}", ()
    kind, message, details = from_failure(
        Failure(0, str(error.get("message") or ""), error.get("details")),
    )
    if _kind_in(details) is None:
        named = GrpcStatus.__members__.get(str(error.get("status")))
        kind = from_status(operation, named, message, None)[0] if named else by_http
    return kind, message, details


def shortened(message: str) -> str:
    """The text, cut to what takes MESSAGE_CHARS as grpc-message, percent-encoded."""
    size = 0
    fits = 0
    for index, character in enumerate(message):
        size += 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode("utf-8", "replace"))
        if size > MESSAGE_CHARS:
            return message[:fits] + "…"
        if size <= MESSAGE_CHARS - 9:
            fits = index + 1
    return message


def _within(details: tuple[PackedDetail, ...], size: int) -> tuple[PackedDetail, ...]:
    """The details that fit, in their order: the identifying one first of all, without its metadata if need be."""
    chosen: dict[int, PackedDetail] = {}
    identifying = next(index for index, detail in enumerate(details) if _kind_in((detail,)))
    for index in (identifying, *range(len(details))):
        detail = details[index]
        if index == identifying and _size(detail) > size:
            info = google_rpc.ErrorInfo.from_binary(detail.value)
            bare = google_rpc.ErrorInfo(reason=info.reason, domain=info.domain)
            detail = PackedDetail(type_url=detail.type_url, value=bare.to_binary())
        if index not in chosen and _size(detail) <= size:
            chosen[index] = detail
            size -= _size(detail)
    return tuple(chosen[index] for index in sorted(chosen))


def _size(detail: PackedDetail) -> int:
    return len(detail.type_url) + len(detail.value) + 16


def _kind_in(details: Iterable[PackedDetail]) -> ErrorKind | None:
    for detail in details:
        if detail.type_url.endswith("/google.rpc.ErrorInfo"):
            try:
                info = google_rpc.ErrorInfo.from_binary(detail.value)
            except ValueError:
                continue
            if kind := BY_IDENTITY.get((info.domain, info.reason)):
                return kind
    return None


def _detail_to_json(detail: PackedDetail) -> JsonValue:
    try:
        if detail.type_url == _STRUCT:
            fields = message_to_json_value(Struct.from_binary(detail.value))
            named = isinstance(fields, dict) and "@type" in fields
            return fields if named else {"@type": _STRUCT, "value": fields}
        if detail.type_url == _VALUE:
            return {"@type": _VALUE, "value": message_to_json_value(Value.from_binary(detail.value))}
        if known := _known(detail.type_url):
            value = message_to_json_value(known.from_binary(detail.value))
            if isinstance(value, dict):
                return {"@type": detail.type_url, **value}
    except (ValueError, RecursionError):
        pass
    return {"@type": detail.type_url, "value": base64.b64encode(detail.value).decode()}


def _detail_from_json(entry: JsonValue) -> PackedDetail:
    type_url = entry.get("@type") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(type_url, str):
        return _pack_value(entry)
    body = {name: member for name, member in entry.items() if name != "@type"}
    try:
        known = _known(type_url)
        if known and not _is_packed(known, body):
            message = message_from_json_value(known, _with_text_metadata(body), ignore_unknown_fields=True)
            return PackedDetail(type_url=type_url, value=message.to_binary())
        if type_url == _VALUE:
            return _pack_value(body.get("value"))
        if body.keys() == {"value"} and isinstance(packed := body["value"], str):
            return PackedDetail(type_url=type_url, value=base64.b64decode(packed, validate=True))
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        pass
    return PackedDetail(type_url=_STRUCT, value=message_from_json_value(Struct, entry).to_binary())


def _is_packed(known: type[Message], body: dict[str, JsonValue]) -> bool:
    """Whether a detail came as bytes because its type's own JSON could not say it."""
    return body.keys() == {"value"} and all(field.json_name != "value" for field in known.desc().fields)


def _pack_value(value: JsonValue) -> PackedDetail:
    return PackedDetail(type_url=_VALUE, value=message_from_json_value(Value, value).to_binary())


def _with_text_metadata(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """ErrorInfo.metadata maps text to text; agents put other JSON there too."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return body
    texts: dict[str, JsonValue] = {
        name: value if isinstance(value, str) else dump(value).decode() for name, value in metadata.items()
    }
    return {**body, "metadata": texts}


def _known(type_url: str) -> type[Message] | None:
    desc = _REGISTRY.message(type_url.rpartition("/")[2])
    return desc.type if desc else None
