"""The JSON-RPC 2.0 envelope as A2A uses it (specification section 9).

One request, one answer: no batches, no notifications. The id of a request is kept as the text that
stood there and is written back byte for byte. A2A says nothing of a request without an id; it is
answered with `"id":null`, as the SDKs do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.codec.jsontext import JsonValue, dump, load, member_text
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import CallerError, ErrorKind

NO_ID = b"null"


@dataclass(frozen=True, slots=True)
class Request:
    """A JSON-RPC request: the text of its id, its method, its params."""

    id: bytes
    method: str
    params: JsonValue


class BadEnvelope(CallerError):
    """A request that is not JSON-RPC 2.0; `id` is its id's text where that could be read."""

    def __init__(self, kind: ErrorKind, message: str, id: bytes = NO_ID) -> None:
        super().__init__(kind, message)
        self.id = id


def read_request(text: bytes, bounds: Bounds) -> Request:
    """Raises BadEnvelope."""
    try:
        value = load(text, bounds)
    except Malformed as error:
        kind = (
            ErrorKind.RESOURCE_EXHAUSTED
            if error.too_large
            else ErrorKind.PARSE_ERROR
            if error.syntax
            else ErrorKind.INVALID_PARAMS
        )
        raise BadEnvelope(kind, str(error)) from None
    match value:
        case dict():
            return _request(text, value)
        case list():
            raise BadEnvelope(ErrorKind.INVALID_REQUEST, "Batch requests are not supported")
        case _:
            raise BadEnvelope(ErrorKind.INVALID_REQUEST, "A request is a JSON object")


def _request(text: bytes, value: dict[str, JsonValue]) -> Request:
    id = _id(text, value)  # noqa: A001 # the protocol's word
    if value.get("jsonrpc") != "2.0":
        raise BadEnvelope(ErrorKind.INVALID_REQUEST, 'The member jsonrpc must be "2.0"', id)
    method = value.get("method")
    if not isinstance(method, str) or not method:
        raise BadEnvelope(ErrorKind.INVALID_REQUEST, "The member method must be a string", id)
    params = value.get("params")
    return Request(id, method, {} if params is None else params)


def _id(text: bytes, value: Mapping[str, JsonValue]) -> bytes:
    if isinstance(value.get("id"), bool | list | dict):
        raise BadEnvelope(ErrorKind.INVALID_REQUEST, "The member id must be a string, a number or null")
    raw = member_text(text.decode(), "id")
    return NO_ID if raw is None else raw.encode()


def request(id: int, method: str, params: bytes) -> bytes:
    """A request whose params are JSON text already."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}' % (id, method.encode(), params)


def result(id: bytes, value: bytes) -> bytes:
    """An answer whose result is JSON text already."""
    return b'{"jsonrpc":"2.0","id":%s,"result":%s}' % (id, value)


def failure(id: bytes, code: int, message: str, data: list[JsonValue]) -> bytes:
    """An error answer."""
    error: dict[str, JsonValue] = {"code": code, "message": message}
    if data:
        error["data"] = data
    return b'{"jsonrpc":"2.0","id":%s,"error":%s}' % (id, dump(error))


@dataclass(frozen=True, slots=True)
class Failure:
    """The error object of an answer."""

    code: int
    message: str
    data: JsonValue


def read_answer(text: bytes, bounds: Bounds, id: int | None = None) -> JsonValue | Failure:
    """The result of an answer, or its error; of the answer to the request of that id, if one is given.

    Raises Malformed.

    An answer without an id, or with null, is let pass: agents exist that do so, and one HTTP exchange
    carries one call. A missing result counts as null: some agents leave it out when they have
    deleted something.
    """
    value = load(text, bounds)
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise Malformed("not a JSON-RPC 2.0 answer")
    if id is not None and value.get("id") not in (None, id, str(id)):
        raise Malformed("the answer to another request", "id")
    error = value.get("error")
    if error is None:
        return value.get("result")
    if not isinstance(error, dict):
        raise Malformed("expected an object", "error")
    code, message = error.get("code"), error.get("message")
    if isinstance(code, bool) or not isinstance(code, int):
        raise Malformed("expected an integer", "error.code")
    return Failure(code, message if isinstance(message, str) else "", error.get("data"))
