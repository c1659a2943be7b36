"""How the tables of these tests are written down."""

from collections.abc import Callable, Iterable

import pytest

from gateway.codec.malformed import Malformed


def named(rows: Iterable[tuple[object, ...]]) -> list[object]:
    """Rows whose first member is their name."""
    return [pytest.param(*row[1:], id=str(row[0])) for row in rows]


def refusal(act: Callable[[], object]) -> Malformed:
    """The refusal that `act` must end in."""
    with pytest.raises(Malformed) as caught:
        act()
    return caught.value
