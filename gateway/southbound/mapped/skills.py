"""A method of a service as a skill: its mapping, ready to be used on messages and responses. Pure."""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from protobuf import DescMethod, Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value

from gateway.codec.expression import EVERYTHING, Expression, expression
from gateway.codec.freeform import check_json
from gateway.codec.jsontext import JsonValue, dump, kind_of
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.status import field_violation
from gateway.errors import CallerError, ErrorKind
from gateway.settings import ResponseMapping, SkillSettings
from gateway.southbound.mapped import inference
from gateway.southbound.mapped.descriptors import name_of
from gateway.southbound.mapped.said import Said
from gateway.southbound.mapped.values import Types
from gateway.worker import Chunk, text_part
from generated.a2a.v1.a2a_pb import Part

ARTIFACT = "result"
"""The id of the artifact that parts go to where the mapping names none."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The expressions of a response mapping; None where there is none."""

    text: Expression | None
    data: Expression | None
    file: Expression | None
    status: Expression | None
    artifact_id: Expression | None
    artifact_name: Expression | None
    ask: Expression | None
    done: Expression | None
    failed: Expression | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one response becomes."""

    chunk: Chunk | None = None
    status: str = ""
    ask: str | None = None
    """What the caller is asked; empty for a bare turn, None where it is not its turn."""
    done: bool = False
    failed: str | None = None
    """The reason; None where nothing failed."""


@dataclass(frozen=True, slots=True)
class Skill:
    """One method, as callers see it and as it is called."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    examples: tuple[str, ...]
    method: DescMethod
    request: Expression
    answers: Answers
    many: bool
    """It takes several messages of a task, and so waits for the caller."""
    quiet_s: float
    timeout_s: float | None

    @property
    def path(self) -> str:
        """What the method is called by on the wire."""
        return f"/{name_of(self.method)}"

    @property
    def answers_once(self) -> bool:
        return self.method.method_kind in ("unary", "client_streaming")

    def request_of(self, said: Said, view: JsonValue, types: Types) -> bytes | None:
        """The request that a message stands for; None where it only says that it is the last.

        Raises CallerError with the path of what is wrong.
        """
        if said.ends and said.empty:
            return None
        self._refuse_unused(said)
        try:
            value = self.request.of(view)
        except Malformed as error:
            raise _invalid(f"The message does not fit the skill {self.id!r}: {error.problem}") from None
        if value is None:
            wanted = " or ".join(name for name, member in _TAKES.items() if self.request.needs(member))
            raise _invalid(f"The skill {self.id!r} takes {wanted or 'other content'}, and the message has none")
        try:
            return types.to_request(self.method.input, value)
        except Malformed as error:
            path = f"{self.method.input.name}.{error.path}" if error.path else self.method.input.name
            raise CallerError(
                ErrorKind.INVALID_PARAMS,
                f"The message makes no request for the skill {self.id!r}: {path}: {error.problem}",
                (field_violation(path, error.problem),),
            ) from None

    def _refuse_unused(self, said: Said) -> None:
        """Files and data that the mapping has no use for would be lost without a word."""
        for what, given, member in (("files", bool(said.files), "files"), ("data", said.data is not None, "data")):
            if given and not self.request.needs(member) and not self.request.needs("message"):
                raise CallerError(ErrorKind.CONTENT_TYPE_NOT_SUPPORTED, f"The skill {self.id!r} takes no {what}")

    def answer_of(self, response: JsonValue, bounds: Bounds) -> Answer:
        """What a response becomes. Raises Malformed where the mapping does not fit it."""
        answers = self.answers
        parts: list[Part] = []
        if text := _text(answers.text, response, "text"):
            parts.append(text_part(text))
        data = _of(answers.data, response, "data")
        if data is not None:
            parts.append(_data_part(data, bounds))
        parts.extend(_files(_of(answers.file, response, "file")))
        chunk = None
        if parts:
            chunk = Chunk(
                parts,
                artifact_id=_text(answers.artifact_id, response, "artifact.id") or ARTIFACT,
                last=self.answers_once,
                name=_text(answers.artifact_name, response, "artifact.name"),
            )
        return Answer(
            chunk,
            _text(answers.status, response, "status"),
            _said_if_true(answers.ask, response, "ask"),
            _said_if_true(answers.done, response, "done") is not None,
            _said_if_true(answers.failed, response, "failed"),
        )


_TAKES: Mapping[str, str] = {"text": "text", "a data part": "data", "a file": "files"}


def skill(settings: SkillSettings, method: DescMethod, comment: str, named: str) -> Skill:
    """A skill as configured; what is not said is inferred. `named` is the id of a skill without one of its own."""
    words = " ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", method.name)) or method.name
    name = settings.name or words[0].upper() + words[1:].lower()
    package, _, service = method.parent.type_name.rpartition(".")
    many = "streaming" in method.method_kind and method.method_kind != "server_streaming"
    return Skill(
        id=settings.id or named,
        name=name,
        description=settings.description or comment or f"{name}: {name_of(method)}",
        tags=settings.tags or tuple(one for one in (service, package) if one),
        examples=settings.examples,
        method=method,
        request=expression(settings.request or inference.request_of(method)),
        answers=answers(settings.response or inference.response_of(method)),
        many=many and settings.messages != "one",
        quiet_s=settings.quiet_s,
        timeout_s=settings.timeout_s,
    )


def answers(mapping: ResponseMapping) -> Answers:
    """The expressions of a response mapping, ready to be asked."""

    def read(text: str | None) -> Expression | None:
        return None if text is None else expression(text)

    return Answers(
        text=read(mapping.text),
        data=read(mapping.data),
        file=read(mapping.file),
        status=read(mapping.status),
        artifact_id=read(mapping.artifact.id),
        artifact_name=read(mapping.artifact.name),
        ask=read(mapping.ask),
        done=read(mapping.done),
        failed=read(mapping.failed),
    )


def ids_of(methods: Sequence[DescMethod]) -> list[str]:
    """An id for each method: its name, with as much of its service before it as tells it from the others."""
    short = Counter(one.name for one in methods)
    longer = Counter(f"{one.parent.name}.{one.name}" for one in methods)

    def told_apart(one: DescMethod) -> str:
        if short[one.name] == 1:
            return one.name
        named = f"{one.parent.name}.{one.name}"
        return named if longer[named] == 1 else name_of(one)

    return [told_apart(one) for one in methods]


def input_modes(one: Skill) -> list[str]:
    """Media types of what the skill takes."""
    whole = one.request.needs("message") or EVERYTHING in one.request.asks_for
    taken = [mode for member, mode in _INPUT_MODES.items() if whole or one.request.needs(member)]
    return taken or ["text/plain"]


def output_modes(one: Skill) -> list[str]:
    """Media types of what the skill produces."""
    given = (one.answers.text, one.answers.data, one.answers.file)
    return [mode for expression, mode in zip(given, _INPUT_MODES.values(), strict=True) if expression] or ["text/plain"]


_INPUT_MODES: Mapping[str, str] = {
    "text": "text/plain",
    "data": "application/json",
    "files": "application/octet-stream",
}


def _of(expression: Expression | None, response: JsonValue, place: str) -> JsonValue:
    if expression is None:
        return None
    try:
        return expression.of(response)
    except Malformed as error:
        raise Malformed(error.problem, f"response.{place}") from None


def _text(expression: Expression | None, response: JsonValue, place: str) -> str:
    """A text; empty for null. Raises Malformed for an object."""
    return _as_text(_of(expression, response, place), place)


def _as_text(value: JsonValue, place: str) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | int() | float():
            return dump(value).decode()
        case list():
            return "".join(_as_text(one, place) for one in value)
        case dict():
            raise Malformed(f"expected text, got {kind_of(value)}", f"response.{place}")


def _said_if_true(expression: Expression | None, response: JsonValue, place: str) -> str | None:
    """The text of what is true as JMESPath has it (and 0 is not); None for what is not."""
    value = _of(expression, response, place)
    if not value:
        return None
    return value if isinstance(value, str) else ""


def _data_part(value: JsonValue, bounds: Bounds) -> Part:
    try:
        check_json(value, bounds)
        return Part(content=Oneof("data", Value.from_python(value)), media_type="application/json")
    except Malformed as error:
        raise Malformed(error.problem, f"response.data.{error.path}".rstrip(".")) from None


def _files(value: JsonValue) -> list[Part]:
    match value:
        case None | "":
            return []
        case list():
            return [part for one in value for part in _files(one)]
        case str():
            return [Part(content=Oneof("raw", _bytes(value)), media_type="application/octet-stream")]
        case dict():
            return _file(value)
        case _:
            raise Malformed(f"expected base64 text or an object, got {kind_of(value)}", "response.file")


def _file(value: Mapping[str, JsonValue]) -> list[Part]:
    def told(name: str) -> str:
        return one if isinstance(one := value.get(name), str) else ""

    name, media_type = told("name"), told("media_type")
    if content := told("bytes"):
        media_type = media_type or "application/octet-stream"
        return [Part(content=Oneof("raw", _bytes(content)), filename=name, media_type=media_type)]
    if url := told("url"):
        return [Part(content=Oneof("url", url), filename=name, media_type=media_type)]
    return []


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64", "response.file") from None


def _invalid(words: str) -> CallerError:
    return CallerError(ErrorKind.INVALID_PARAMS, words)
