"""Cursors: what is written is read, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.malformed import Malformed
from gateway.tasks.cursor import Cursors, Point

HERE = Cursors(b"s" * 32, "task")
NUMBERS = st.integers(0, 10**18 - 1)


@given(NUMBERS, NUMBERS, st.text(max_size=20), st.binary(min_size=32, max_size=32))
def test_a_cursor_is_its_own_tasks_and_its_own_stores(epoch: int, seq: int, task_id: str, secret: bytes) -> None:
    text = HERE.write(epoch, seq)
    assert HERE.read(text) == Point(epoch, seq)
    if task_id != "task":
        assert Cursors(b"s" * 32, task_id).read(text) is None
    if secret != b"s" * 32:
        assert Cursors(secret, "task").read(text) is None


@given(st.text(max_size=80))
def test_whatever_else_is_refused_by_name(text: str) -> None:
    try:
        point = HERE.read(text)
    except Malformed:
        return
    assert point is None or HERE.write(point.epoch, point.seq) == text


GOOD = HERE.write(1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", GOOD + " ", " " + GOOD, GOOD + "\n", GOOD + "\r\n", GOOD + "\0", GOOD.upper(), GOOD[1:], "-1-5", "5",
        GOOD.replace("-5", "--5"), GOOD.replace("-5", "-05"), GOOD.replace("-5", "-٥"), GOOD.replace("-5", "-" + "9" * 19),
        GOOD * 1000, "x" * 2**20, GOOD.replace("-1-", "-1.0-"), GOOD.replace("-1-", "-+1-"),
    ],
)  # fmt: skip
def test_what_is_nearly_a_cursor_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        HERE.read(text)
