"""What waits for a webhook: in order, bounded, and whoever was told everything has the task as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tasks.push.notification import whole
from gateway.tasks.push.outbox import Outbox, Room
from generated.a2a.v1.a2a_pb import StreamResponse, TaskState
from tests.tasks.push.events import Owned, Receiver, piece, state

ROOMY = 1_000_000


def put(outbox: Outbox, owned: Owned, response: StreamResponse) -> bool:
    entry = owned.append(response)
    return outbox.put(
        entry.seq,
        response,
        urgent=response.payload is not None and response.payload.field == "status_update",
        size_bytes=len(response.to_binary()),
    )


def drain(outbox: Outbox, owned: Owned) -> list[StreamResponse]:
    told: list[StreamResponse] = []
    while outbox:
        waiting = outbox.take()
        told.append(waiting.response() or whole(owned.snapshot()))
        outbox.told(waiting.seq if waiting.responses else owned.seq)
    return told


def test_pieces_that_continue_each_other_go_out_as_one() -> None:
    outbox, owned = Outbox(64, Room(ROOMY)), Owned()
    for text in ("b", "c", "d"):
        put(outbox, owned, piece(text))
    put(outbox, owned, piece("e", last=True))
    assert drain(outbox, owned) == [piece("bcde", last=True)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (piece("a"), piece("b", append=False)),
        (piece("a"), piece("b", "other")),
        (piece("a", last=True), piece("b")),
        (piece("a"), piece("b", name="a new name")),
        (piece("a"), state(TaskState.WORKING)),
        (state(TaskState.WORKING), piece("b")),
        (state(TaskState.WORKING), state(TaskState.WORKING)),
    ],
)
def test_other_updates_stay_apart(first: StreamResponse, second: StreamResponse) -> None:
    outbox, owned = Outbox(64, Room(ROOMY)), Owned()
    put(outbox, owned, first)
    put(outbox, owned, second)
    assert drain(outbox, owned) == [first, second]


def test_too_many_make_way_for_the_whole_task() -> None:
    outbox, owned = Outbox(3, Room(ROOMY)), Owned()
    assert [put(outbox, owned, state(TaskState.WORKING)) for _ in range(4)] == [False, False, False, True]
    assert len(outbox) == 1
    assert outbox.is_urgent
    put(outbox, owned, state(TaskState.COMPLETED))
    assert drain(outbox, owned) == [whole(owned.snapshot())]


def test_too_many_bytes_over_all_make_way_too() -> None:
    room = Room(4000)
    one, other, owned = Outbox(64, room), Outbox(64, room), Owned()
    assert not put(one, owned, piece("x" * 3000))
    assert put(other, owned, piece("y" * 3000))
    assert room.used_bytes < 4000
    drain(one, owned)
    drain(other, owned)
    assert room.used_bytes == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("piece"), st.sampled_from("ab"), st.text(max_size=3), st.booleans(), st.booleans()),
        st.tuples(st.just("state"), st.sampled_from([TaskState.WORKING, TaskState.INPUT_REQUIRED])),
        st.tuples(st.just("take")),
        st.tuples(st.just("lose")),
        st.tuples(st.just("ahead")),
    ),
    max_size=40,
)


@given(steps=STEPS, max_events=st.integers(1, 5), limit_bytes=st.sampled_from([1500, ROOMY]))
def test_who_is_told_everything_has_the_task(
    steps: list[tuple[object, ...]], max_events: int, limit_bytes: int
) -> None:
    """Whatever is joined, lost or replaced on the way, and though whole tasks run ahead of the updates."""
    room = Room(limit_bytes)
    outbox, owned, receiver = Outbox(max_events, room), Owned(), Receiver()
    announced = 0
    log: list[StreamResponse] = []

    def announce_all() -> None:
        nonlocal announced
        for seq, response in enumerate(log[announced:], announced + 1):
            urgent = response.payload is not None and response.payload.field == "status_update"
            outbox.put(seq, response, urgent=urgent, size_bytes=len(response.to_binary()))
            assert len(outbox) <= max_events
            assert room.used_bytes <= limit_bytes
        announced = len(log)

    def send(*, lose: bool = False) -> None:
        if not outbox:
            return
        waiting = outbox.take()
        response = waiting.response()
        seq = owned.seq if response is None else waiting.seq
        if lose:
            outbox.lose()
            return
        receiver.take(response or whole(owned.snapshot()))
        outbox.told(seq)

    def happen(response: StreamResponse) -> None:
        owned.append(response)
        log.append(response)

    for step in steps:
        match step:
            case ("piece", str() as artifact_id, str() as text, bool() as append, bool() as last):
                happen(piece(text, artifact_id, append=append, last=last))
                announce_all()
            case ("state", TaskState() as one):
                happen(state(one))
                announce_all()
            case ("ahead",):
                happen(piece("ahead"))  # durable, and not announced yet
            case ("take",):
                send()
            case _:
                send(lose=True)
    happen(state(TaskState.COMPLETED))
    announce_all()
    while outbox:
        send()
    assert receiver.task == owned.snapshot()
    assert room.used_bytes == 0
