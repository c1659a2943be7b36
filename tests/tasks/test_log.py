"""The log in memory: every reader gets every item once and in order, or is told that it fell behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ErrorKind, GatewayFault
from gateway.tasks.log import Bounds, FellBehind, Item, Log, Moved, Reader
from generated.a2a.v1.a2a_pb import StreamResponse

pytestmark = pytest.mark.anyio

NOTHING = StreamResponse()


def event(seq: int, epoch: int = 1, size: int = 1) -> Item:
    return Item(NOTHING, epoch, seq, size)


def delta(seq: int) -> Item:
    return Item(NOTHING, 1, seq, 1, is_delta=True)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.integers(1, 4)),
        st.tuples(st.just("delta"), st.just(1)),
        st.tuples(st.just("written"), st.integers(0, 3)),
        st.tuples(st.just("follow"), st.integers(0, 6)),
        st.tuples(st.just("read"), st.integers(0, 5)),
    ),
    max_size=40,
)


class Follower:
    """One reader as a stream uses it: what it has seen, and where it would read on from the store."""

    def __init__(self, log: Log, after: int, deltas: bool) -> None:
        self.log = log
        self.deltas = deltas
        self.events = [after]
        self.reader: Reader | None = log.follow(after, deltas=deltas)

    async def read(self, written: int) -> None:
        if self.reader is None:
            # From the store, where everything that memory has let go of must be.
            self.events += range(self.events[-1] + 1, written + 1)
            self.reader = self.log.follow(self.events[-1], deltas=self.deltas)
            return
        try:
            items = await self.reader.read()
        except FellBehind:
            assert self.reader.seq == self.events[-1]
            self.reader = None
            return
        for item in items or ():
            if not item.is_delta:
                assert item.seq == self.events[-1] + 1, "nothing lost, nothing doubled, nothing out of order"
                self.events.append(item.seq)
        assert self.reader.seq == self.events[-1]


@given(ACTS, st.integers(1, 6), st.booleans())
async def test_any_interleaving_of_publishing_trimming_and_reading(
    acts: list[tuple[str, int]], bound: int, with_draft: bool
) -> None:
    log = Log(1, 0, Bounds(bound, 1000), lambda: NOTHING if with_draft else None)
    followers: list[Follower] = []
    written = 0
    for act, number in acts:
        match act:
            case "event":
                log.publish([event(log.seq + step) for step in range(1, number + 1)])
            case "delta":
                log.publish([delta(log.seq)])
            case "written":
                written = min(written + number, log.seq)
                log.written(written)
            case "follow":
                followers.append(Follower(log, min(number, log.seq), deltas=bool(number % 2)))
            case _:
                for follower in followers[number:]:
                    if follower.reader is None or follower.events[-1] < log.seq:
                        await follower.read(written)
    log.end()
    log.written(log.seq)
    for follower in followers:
        while follower.events[-1] < log.seq:
            await follower.read(log.seq)
        assert follower.events == list(range(follower.events[0], log.seq + 1))


async def test_what_is_not_written_is_kept_whatever_the_bounds() -> None:
    log = Log(1, 0, Bounds(2, 10), lambda: None)
    log.publish([event(seq) for seq in range(1, 9)])
    reader = log.follow(0, deltas=False)
    assert reader is not None
    log.written(5)
    with pytest.raises(FellBehind):
        await reader.read()
    assert log.follow(4, deltas=False) is None
    late = log.follow(5, deltas=False)
    assert late is not None
    assert [item.seq for item in await late.read() or ()] == [6, 7, 8]


async def test_bytes_bound_it_too() -> None:
    log = Log(1, 0, Bounds(100, 10), lambda: None)
    for seq in range(1, 9):
        log.publish([event(seq, size=4)])
        log.written(seq)
    assert log.follow(5, deltas=False) is None
    assert log.follow(6, deltas=False) is not None


async def test_a_root_comes_after_the_events_before_it_and_deltas_from_before_it_never() -> None:
    log = Log(1, 0, Bounds(100, 1000), lambda: StreamResponse())
    log.publish([event(1), delta(1), event(2), delta(2)])
    reader = log.follow(0, deltas=True)
    assert reader is not None
    log.publish([delta(2), event(3)])
    items = await reader.read() or []
    assert [(item.seq, item.is_delta) for item in items] == [(1, False), (2, False), (0, True), (2, True), (3, False)]
    assert reader.seq == 3
    assert log.delta_readers == 1
    reader.close()
    reader.close()
    assert log.delta_readers == 0


async def test_a_root_at_the_end_does_not_set_a_reader_back() -> None:
    log = Log(1, 0, Bounds(100, 1000), lambda: StreamResponse())
    log.publish([event(1), event(2)])
    reader = log.follow(0, deltas=True)
    assert reader is not None
    assert [item.is_delta for item in await reader.read() or ()] == [False, False, True]
    assert reader.seq == 2


FAILURE = GatewayFault(ErrorKind.UNAVAILABLE, "away")


async def test_each_end_is_told_after_everything_before_it() -> None:
    for finish, outcome in (
        (Log.end, None),
        (lambda log: log.end(FAILURE), GatewayFault),
        (Log.move, Moved),
        (lambda log: log.interrupt(FAILURE), GatewayFault),
    ):
        log = Log(1, 0, Bounds(100, 1000), lambda: None)
        reader = log.follow(0, deltas=False)
        assert reader is not None
        log.publish([event(1)])
        finish(log)
        assert len(await reader.read() or ()) == 1
        if outcome is None:
            assert await reader.read() is None
        else:
            with pytest.raises(outcome):
                await reader.read()


async def test_an_interruption_is_for_the_readers_of_its_time() -> None:
    log = Log(1, 0, Bounds(100, 1000), lambda: None)
    log.interrupt(FAILURE)
    reader = log.follow(0, deltas=False)
    assert reader is not None
    log.publish([event(1)])
    assert len(await reader.read() or ()) == 1


async def test_which_events_it_knows() -> None:
    log = Log(2, 3, Bounds(3, 1000), lambda: None)
    log.publish([event(4, 2), event(5, 2), delta(5), event(6, 2), event(7, 2)])
    log.written(7)
    known = {(epoch, seq): log.knows(epoch, seq) for epoch in (1, 2, 3) for seq in (3, 5, 6, 7, 8)}
    assert known == {
        (1, 3): None, (2, 3): None, (3, 3): None,
        (1, 5): None, (2, 5): None, (3, 5): None,
        # Whoever was told of 6 by the epoch before was told of another one.
        (1, 6): False, (2, 6): True, (3, 6): True,
        (1, 7): False, (2, 7): True, (3, 7): True,
        (1, 8): False, (2, 8): False, (3, 8): False,
    }  # fmt: skip
