"""Markdown that tables are written in."""

from collections.abc import Iterable, Sequence

Rows = Iterable[Sequence[object]]


def table(head: str, rows: Rows) -> str:
    """A table; `head` has its titles between bars."""
    titles = [title.strip() for title in head.split("|")]
    lines = [titles, ["---"] * len(titles), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(value: object) -> str:
    """A value as it stands in code."""
    return f"`{value}`"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
