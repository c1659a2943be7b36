"""Reads the golden files. A row knows nothing of the code that it is held against."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Row:
    """One file: what it shows, and its sections by their headings."""

    name: str
    what: str
    sections: Mapping[str, str]

    def __getitem__(self, heading: str) -> str:
        return self.sections[heading]

    def __contains__(self, heading: str) -> bool:
        return heading in self.sections

    def bytes_of(self, heading: str) -> bytes:
        """The bytes of a section of hexadecimal digits with comments."""
        return bytes.fromhex("".join(line.partition("#")[0] for line in self[heading].splitlines()))

    def frame(self) -> bytes:
        """The server-sent event with the blank line that ends it, which the file leaves to its format."""
        return f"{self['server-sent event']}\n\n".encode()


def rows(folder: str) -> list[Row]:
    return [_read(path) for path in sorted((FOLDER / folder).glob("*.txt"))]


def _read(path: Path) -> Row:
    what, *rest = path.read_text(encoding="utf-8").split("\n== ")
    sections: dict[str, str] = {}
    for section in rest:
        heading, _, body = section.partition(" ==\n")
        sections[heading] = body.strip("\n")
    return Row(path.stem, what.strip(), sections)


MESSAGES = rows("messages")
ERRORS = rows("errors")
