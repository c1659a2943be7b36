"""What authors of proto files wrote above their services, methods, messages and fields. Pure.

Descriptor sets carry it with `--include_source_info`; server reflection mostly does not.
"""

from collections.abc import Iterator, Sequence

from protobuf.wkt import FileDescriptorProto
from protobuf.wkt.google.protobuf.descriptor_pb import DescriptorProto, SourceCodeInfo

_MESSAGES, _SERVICES = 4, 6
"""Numbers of FileDescriptorProto's fields, of which the paths of comments are made."""
_FIELDS, _NESTED = 2, 3
_METHODS = 2


def comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Full names of what a file defines, each with its comment on one line or in paragraphs."""
    if file.source_code_info is None:
        return
    texts = {tuple(one.path): text for one in file.source_code_info.location if (text := _text(one))}
    prefix = f"{file.package}." if file.package else ""
    for index, service in enumerate(file.service):
        name = f"{prefix}{service.name}"
        yield from _found(texts, (_SERVICES, index), name)
        for number, method in enumerate(service.method):
            yield from _found(texts, (_SERVICES, index, _METHODS, number), f"{name}/{method.name}")
    for index, message in enumerate(file.message_type):
        yield from _of_message(texts, (_MESSAGES, index), prefix, message)


def _of_message(
    texts: dict[tuple[int, ...], str], path: tuple[int, ...], prefix: str, message: DescriptorProto
) -> Iterator[tuple[str, str]]:
    name = f"{prefix}{message.name}"
    yield from _found(texts, path, name)
    for index, field in enumerate(message.field):
        yield from _found(texts, (*path, _FIELDS, index), f"{name}.{field.name}")
    for index, nested in enumerate(message.nested_type):
        yield from _of_message(texts, (*path, _NESTED, index), f"{name}.", nested)


def _found(texts: dict[tuple[int, ...], str], path: Sequence[int], name: str) -> Iterator[tuple[str, str]]:
    if text := texts.get(tuple(path)):
        yield name, text


def _text(location: SourceCodeInfo.Location) -> str:
    """A comment without its markup: lines of a paragraph joined, paragraphs apart."""
    written = location.leading_comments or location.trailing_comments
    paragraphs: list[list[str]] = [[]]
    for line in written.splitlines():
        words = line.strip().removeprefix("*").strip()
        if words:
            paragraphs[-1].append(words)
        elif paragraphs[-1]:
            paragraphs.append([])
    return "\n".join(" ".join(lines) for lines in paragraphs if lines)
