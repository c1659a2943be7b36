"""The one exception of the decoders, and the bounds that they hold input to."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

MAX_NESTING_OUTSIDE_VALUES = 16
"""JSON levels that the protocol's own messages and envelopes can take, with room to spare."""


class Malformed(ValueError):
    """Input that a decoder refuses: what is wrong, and the path of the field where it is.

    `syntax` tells text that is not JSON at all from JSON that is not the message; `too_large`
    tells a limit from a mistake.
    """

    def __init__(self, problem: str, path: str = "", *, syntax: bool = False, too_large: bool = False) -> None:
        self.problem = problem
        self.path = path
        self.syntax = syntax
        self.too_large = too_large
        super().__init__(f"{path}: {problem}" if path else problem)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of anything a decoder takes."""

    message_bytes: int = 4 * 1024 * 1024 + 64 * 1024
    """Of a protobuf message; room for 4 MiB of content and what stands around it."""
    json_bytes: int = 6 * 1024 * 1024
    """Of a JSON text; base64 makes 4 MiB of bytes 5.4 MiB of text."""
    depth: int = 24
    """Levels of nesting inside one free-form value (metadata, data); protobuf readers take 33."""
    object_keys: int = 1024
    """Members of one JSON object."""
    number_chars: int = 64
    """Length of one number in JSON text."""


class MalformedAs:
    """A context that turns Malformed into another error. No generator: it is entered for every event."""

    __slots__ = ("_error_for",)

    def __init__(self, error_for: Callable[[Malformed], Exception]) -> None:
        self._error_for = error_for

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Malformed):
            raise self._error_for(error) from None
