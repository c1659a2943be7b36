"""Protobuf definitions that come at run time: bytes of descriptors to services, types and comments. Pure.

Every set of definitions has a registry of its own, so that nothing in it can clash with the
gateway's types or with another service's. What comes may be wrong or hostile: it is a `Descriptors`
or raises DescriptorError, nothing else.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from protobuf import DescEnum, DescField, DescMessage, DescMethod, DescService, Registry
from protobuf.wkt import FileDescriptorProto, FileDescriptorSet
from protobuf.wkt.google.protobuf import (
    any_pb,
    api_pb,
    descriptor_pb,
    duration_pb,
    empty_pb,
    field_mask_pb,
    source_context_pb,
    struct_pb,
    timestamp_pb,
    type_pb,
    wrappers_pb,
)
from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto

from gateway.southbound.mapped.comments import comments_of

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_LARGEST_NUMBER = 2**29 - 1
_WELL_KNOWN: Mapping[str, FileDescriptorProto] = {
    module.desc().name: module.desc().proto
    for module in (
        any_pb,
        api_pb,
        descriptor_pb,
        duration_pb,
        empty_pb,
        field_mask_pb,
        source_context_pb,
        struct_pb,
        timestamp_pb,
        type_pb,
        wrappers_pb,
    )
}
"""Files that come with every protoc, by path; for whoever leaves them out."""

INFRASTRUCTURE = re.compile(r"grpc\..*")
"""Services about a server and not of it: reflection, health, channelz."""
A2A_SERVICES = frozenset({"lf.a2a.v1.A2AService", "a2a.v1.A2AService"})


class DescriptorError(ValueError):
    """Definitions that cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What is known of a service: its types, and what their authors wrote beside them."""

    registry: Registry
    digest: bytes
    """The same for the same definitions."""
    comments: Mapping[str, str] = field(default_factory=dict[str, str])
    """Full names of services, methods (`pkg.Service/Method`), messages and fields to their comments."""

    def services(self) -> Iterator[DescService]:
        """Services that are of use to a caller, in the order of their names."""
        found = (one for one in self.registry if isinstance(one, DescService))
        for service in sorted(found, key=lambda service: service.type_name):
            if not INFRASTRUCTURE.fullmatch(service.type_name):
                yield service

    def methods(self) -> Iterator[DescMethod]:
        """Their methods, in the order of each service's definition."""
        for service in self.services():
            yield from service.methods

    def method(self, name: str) -> DescMethod:
        """The method `package.Service/Method`. Raises DescriptorError, which names similar ones."""
        for service in (one for one in self.registry if isinstance(one, DescService)):
            for method in service.methods:
                if name_of(method) == name:
                    return method
        raise DescriptorError(f"there is no method {name}{suggestion(name, map(name_of, self.methods()))}")


def name_of(method: DescMethod) -> str:
    """`package.Service/Method`."""
    return f"{method.parent.type_name}/{method.name}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to say of a name that nobody knows."""
    names = list(known)
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names[:12])}{' …' if len(names) > 12 else ''}" if names else ""


def from_set(data: bytes, most_files: int) -> Descriptors:
    """Definitions of a serialised FileDescriptorSet. Raises DescriptorError."""
    try:
        files = FileDescriptorSet.from_binary(data).file
    except (ValueError, RecursionError):
        raise DescriptorError("not a descriptor set") from None
    return from_files(files, most_files)


def from_files(files: Iterable[FileDescriptorProto], most_files: int) -> Descriptors:
    """Definitions of files, given in any order, with or without their well-known imports. Raises DescriptorError."""
    by_path: dict[str, FileDescriptorProto] = {}
    for file in files:
        if (other := by_path.setdefault(file.name, file)) is not file and other.to_binary() != file.to_binary():
            raise DescriptorError(f"{file.name!r} is given twice, with different content")
    if len(by_path) > most_files:
        raise DescriptorError(f"over {most_files} files")
    try:
        ordered = _in_order_of_imports(by_path)
        for file in ordered:
            _complete(file)
        registry = FileDescriptorSet(file=ordered).to_registry()
        _build_types(registry)
    except DescriptorError:
        raise
    except Exception as error:  # definitions that contradict themselves fail in the runtime wherever they happen to
        raise DescriptorError(f"contradictory definitions: {error}") from None
    comments: dict[str, str] = {}
    digest = hashlib.sha256()
    for file in ordered:
        comments.update(comments_of(file))
        digest.update(hashlib.sha256(file.to_binary()).digest())
    return Descriptors(registry, digest.digest(), comments)


def _in_order_of_imports(files: Mapping[str, FileDescriptorProto]) -> list[FileDescriptorProto]:
    """The files so that each comes after what it imports.

    An import that is nowhere is left out: many a server does not give those that only options need.
    What is needed after all is then missed by name.
    """
    ordered: dict[str, FileDescriptorProto] = {}
    for root in files:
        under_way: dict[str, Iterator[str]] = {}
        stack = [root]
        while stack:
            path = stack[-1]
            file = files.get(path) or _WELL_KNOWN.get(path)
            if path in ordered or file is None:
                stack.pop()
                continue
            imports = under_way.setdefault(path, iter(list(file.dependency)))
            wanted = next((one for one in imports if one not in ordered), None)
            if wanted in under_way:
                raise DescriptorError(f"{path!r} and {wanted!r} import each other")
            if wanted is not None:
                stack.append(wanted)
                continue
            del under_way[path]
            own = FileDescriptorProto.from_binary(file.to_binary())
            own.dependency = [one for one in own.dependency if one in ordered]
            own.public_dependency, own.weak_dependency = [], []
            ordered[path] = own
            stack.pop()
    return list(ordered.values())


def _complete(file: FileDescriptorProto) -> None:
    """Checks the names of a file, and makes up what some servers leave out."""
    if file.package:
        _check_name(file.package, file.name, _PATH)
    for message in file.message_type:
        _complete_message(message, file.name)
    for enum in file.enum_type:
        _check_enum(enum, file.name)
    for extension in file.extension:
        _complete_field(extension, file.name)
    for service in file.service:
        _check_name(service.name, file.name)
        for method in service.method:
            _check_name(method.name, file.name)


def _complete_message(message: DescriptorProto, place: str) -> None:
    _check_name(message.name, place)
    for one in (*message.field, *message.extension):
        _complete_field(one, f"{place}: {message.name}")
    numbers = [one.number for one in message.field]
    if len(set(numbers)) != len(numbers):
        raise DescriptorError(f"{place}: {message.name} has two fields of one number")
    for oneof in message.oneof_decl:
        _check_name(oneof.name, place)
    for nested in message.nested_type:
        _complete_message(nested, place)
    for enum in message.enum_type:
        _check_enum(enum, place)


def _complete_field(one: FieldDescriptorProto, place: str) -> None:
    _check_name(one.name, place)
    if not 1 <= one.number <= _LARGEST_NUMBER:
        raise DescriptorError(f"{place}: {one.name} has the number {one.number}")
    if not one.json_name:  # protoc writes it, reflection of C++ leaves it out
        head, *rest = one.name.split("_")
        one.json_name = head + "".join(word[:1].upper() + word[1:] for word in rest)


def _check_enum(enum: EnumDescriptorProto, place: str) -> None:
    _check_name(enum.name, place)
    if not enum.value:
        raise DescriptorError(f"{place}: {enum.name} has no value")
    for value in enum.value:
        _check_name(value.name, place)


def _check_name(name: str, place: str, form: re.Pattern[str] = _NAME) -> None:
    if not form.fullmatch(name):
        raise DescriptorError(f"{place}: {name[:64]!r} is no name")


def _build_types(registry: Registry) -> None:
    """Makes every class now, so that what cannot be one is found before a call needs it."""
    for one in registry:
        if isinstance(one, DescMessage | DescEnum):
            _ = one.type


def has_special_json(desc: DescMessage) -> bool:
    """Whether the JSON of a message is something else than its fields."""
    return desc.type_name in SPECIAL_JSON


SPECIAL_JSON: Mapping[str, str] = {
    "google.protobuf.Any": "object",
    "google.protobuf.BoolValue": "boolean",
    "google.protobuf.BytesValue": "bytes",
    "google.protobuf.DoubleValue": "number",
    "google.protobuf.Duration": "string",
    "google.protobuf.FieldMask": "string",
    "google.protobuf.FloatValue": "number",
    "google.protobuf.Int32Value": "number",
    "google.protobuf.Int64Value": "number",
    "google.protobuf.ListValue": "array",
    "google.protobuf.StringValue": "string",
    "google.protobuf.Struct": "object",
    "google.protobuf.Timestamp": "string",
    "google.protobuf.UInt32Value": "number",
    "google.protobuf.UInt64Value": "number",
    "google.protobuf.Value": "anything",
}
"""Types with a JSON of their own, and what it is."""


def field_names(desc: DescMessage) -> list[str]:
    return [one.name for one in desc.fields]


def field_named(desc: DescMessage, name: str) -> DescField | None:
    """The field of this name, as the proto writes it."""
    return next((one for one in desc.fields if one.name == name), None)
