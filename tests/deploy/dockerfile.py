"""Reads a Dockerfile as far as the tests need it: instructions by stage, in order."""

import json
from dataclasses import dataclass
from pathlib import Path

INSTRUCTIONS = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"}
    | {"LABEL", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
)


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    argument: str

    def flags(self) -> list[str]:
        return [word for word in self.argument.split() if word.startswith("--")]

    def words(self) -> list[str]:
        """The argument's words without the flags before them."""
        words = self.argument.split()
        while words and words[0].startswith("--"):
            del words[0]
        return words

    def exec_form(self) -> list[str]:
        """The words of a JSON array. Raises ValueError for the shell form."""
        words = json.loads(self.argument)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{self.name} is not in the exec form: {self.argument}")
        return words


def read(path: Path) -> list[list[Instruction]]:
    """The stages of a Dockerfile; the first entry is what stands before the first FROM."""
    stages: list[list[Instruction]] = [[]]
    for line in _logical_lines(path.read_text()):
        name, _, argument = line.partition(" ")
        if name not in INSTRUCTIONS:
            raise ValueError(f"no such instruction: {line}")
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, argument.strip()))
    return stages


def _logical_lines(text: str) -> list[str]:
    lines: list[str] = []
    begun = ""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun += line.strip()
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        lines.append(begun)
        begun = ""
    if begun:
        raise ValueError(f"the last line goes on: {begun}")
    return lines
