"""The wire: shown to whoever looks, kept for the slow within bounds, free while nobody does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agent import CallContext, Crossing
from gateway.relay.wire import Feed, Missed, Seen, Wire
from gateway.settings import Limits

pytestmark = pytest.mark.anyio


def crossing(frame: bytes = b"{}", call: str = "c") -> Crossing:
    return Crossing(call, "northbound", "JSONRPC", "response", frame)


def limits(**changes: int) -> Limits:
    return Limits.model_validate(changes)


def outline(items: object) -> list[object]:
    """Frames by their bytes, what was left out by its number."""
    assert isinstance(items, list)
    return [one.crossing.frame if isinstance(one, Seen) else one.frames for one in items]


def test_nobody_is_shown_anything_while_nobody_looks() -> None:
    wire, seen = Wire(), list[Crossing]()
    context = CallContext(call="c", watch=wire)
    context.show("northbound", "JSONRPC", "request", b"before")
    assert not context.is_watched
    with wire.shown_to(seen.append), wire.shown_to(seen.append):
        assert context.is_watched
        context.show("northbound", "JSONRPC", "request", b"while")
    context.show("northbound", "JSONRPC", "request", b"after")
    assert [one.frame for one in seen] == [b"while", b"while"]
    assert seen[0] == Crossing("c", "northbound", "JSONRPC", "request", b"while")


def test_one_that_stops_looking_is_the_one_that_is_let_go() -> None:
    wire = Wire()
    first, second = list[Crossing](), list[Crossing]()
    with wire.shown_to(first.append):
        with wire.shown_to(second.append):
            pass
        wire(crossing())
    assert (len(first), len(second)) == (1, 0)


async def test_a_full_feed_says_how_many_frames_it_left_out_and_where() -> None:
    feed = Feed(limits(wire_frames=2))
    for number in range(5):
        feed(crossing(b"%d" % number))
    assert outline(await feed.read(10, 1)) == [b"0", b"1", 3]
    feed(crossing(b"5"))
    assert outline(await feed.read(10, 1)) == [b"5"]


async def test_a_feed_is_bounded_by_bytes_too_and_still_passes_what_is_larger() -> None:
    feed = Feed(limits(wire_bytes=10))
    feed(crossing(b"x" * 50))
    feed(crossing(b"y"))
    assert outline(await feed.read(10, 1)) == [b"x" * 50, 1]
    feed(crossing(b"z" * 10))
    assert outline(await feed.read(10, 1)) == [b"z" * 10]


async def test_an_ended_feed_gives_what_waited_and_takes_nothing_more() -> None:
    feed = Feed(limits())
    feed(crossing(b"1"))
    feed.end()
    feed(crossing(b"2"))
    assert outline(await feed.read(10, 1)) == [b"1"]
    assert not await feed.read(10, 60)


async def test_a_quiet_feed_gives_nothing_in_time() -> None:
    assert not await Feed(limits()).read(10, 0.01)


@given(st.lists(st.one_of(st.binary(max_size=20), st.integers(1, 4)), max_size=40))
async def test_every_frame_is_given_or_counted(steps: list[bytes | int]) -> None:
    """Steps are frames that cross, and reads of so many."""
    feed = Feed(limits(wire_frames=3, wire_bytes=30))
    numbers = itertools.count()
    crossed, told = 0, 0
    last = -1
    for step in [*steps, 100]:
        if isinstance(step, bytes):
            feed(crossing(step, str(next(numbers))))
            crossed += 1
            continue
        for item in await feed.read(step, 0.001):
            if isinstance(item, Missed):
                last += item.frames
                told += item.frames
            else:
                told += 1
                last += 1
                assert int(item.crossing.call) == last
    assert told == crossed
