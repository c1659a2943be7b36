"""ListTasks on every database."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.tasks.store import Page, Query, Record, Store
from generated.a2a.v1.a2a_pb import TaskState
from tests.tasks.store.conftest import opened
from tests.tasks.store.making import at, change, entries, folded, record, task, tokens

pytestmark = pytest.mark.anyio


async def _pages(store: Store, query: Query) -> AsyncIterator[Page]:
    while True:
        page = await store.list(query)
        yield page
        if not page.next_page_token:
            return
        query = replace(query, page_token=page.next_page_token)


async def _ids(store: Store, query: Query) -> list[str]:
    return [listed.id async for page in _pages(store, query) for listed in page.tasks]


ROWS: dict[str, Record] = {
    "old": record(task("old", TaskState.COMPLETED, 1, "c1"), principal="ann"),
    "new": record(task("new", TaskState.WORKING, 9, "c1"), principal="ann"),
    "mid": record(task("mid", TaskState.WORKING, 5, "c2"), principal="ann"),
    "mib": record(task("mib", TaskState.FAILED, 5, "c2"), principal="ann"),
    "bob": record(task("bob", TaskState.WORKING, 5, "c1"), principal="bob"),
    "b": record(task("b", TaskState.WORKING, 5, "c1"), principal="ann", agent="b"),
    "odd": record(task("odd", TaskState.WORKING, 5, "c\0" + "x" * 5000), principal="ann", agent="odd"),
}

CASES = {
    "all of a caller, newest first, equal times by id": (Query("a", "ann"), ["new", "mib", "mid", "old"]),
    "of a context": (Query("a", "ann", context_id="c1"), ["new", "old"]),
    "of a state": (Query("a", "ann", state=TaskState.WORKING), ["new", "mid"]),
    "since a moment, which counts": (Query("a", "ann", updated_after=at(5)), ["new", "mib", "mid"]),
    "since the moment after": (Query("a", "ann", updated_after=at(5.001)), ["new"]),
    "all filters": (Query("a", "ann", "c2", TaskState.FAILED, at(2)), ["mib"]),
    "of another caller": (Query("a", "bob"), ["bob"]),
    "of nobody": (Query("a", ""), []),
    "of another agent": (Query("b", "ann"), ["b"]),
    "a part of two names is none of either": (Query("aa", "nn"), []),
    "a context id may be anything": (Query("odd", "ann", context_id="c\0" + "x" * 5000), ["odd"]),
    "even what is no text": (Query("a", "ann", context_id="\ud800"), []),
}


async def test_filters(store: Store) -> None:
    for row in ROWS.values():
        await store.create(row)
    for name, (query, expected) in CASES.items():
        for size in (1, 2, 50):
            sized = replace(query, page_size=size)
            assert await _ids(store, sized) == expected, name
            assert {page.total async for page in _pages(store, sized)} == {len(expected)}, name


async def test_a_task_is_listed_as_it_is_loaded(store: Store) -> None:
    start = task()
    await store.create(record(start))
    log = tokens(5)
    await store.append("t", 1, log[:2])
    await store.append("t", 1, log[2:])
    assert list((await store.list(Query("a"))).tasks) == [folded(start, log)]


async def test_a_task_moves_with_its_status(store: Store) -> None:
    for number in range(3):
        await store.create(record(task(f"t{number}", seconds=number)))
    log = entries([change(TaskState.INPUT_REQUIRED, 9)])
    await store.append("t0", 1, log, folded(task("t0"), log))
    assert await _ids(store, Query("a")) == ["t0", "t2", "t1"]
    assert await _ids(store, Query("a", state=TaskState.INPUT_REQUIRED)) == ["t0"]


async def test_a_token_is_of_one_list(store: Store, url: str) -> None:
    for number in range(4):
        await store.create(record(task(f"t{number}"), principal="ann"))
    query = Query("a", "ann", page_size=2)
    token = (await store.list(query)).next_page_token
    assert len((await store.list(replace(query, page_token=token, page_size=1))).tasks) == 1
    for other in (
        Query("a", "bob"),
        Query("b", "ann"),
        Query("a", "ann", context_id="c"),
        Query("a", "ann", state=TaskState.WORKING),
        Query("a", "ann", updated_after=at(0)),
    ):
        with pytest.raises(ValueError, match="page token"):
            await store.list(replace(other, page_token=token))
    for bad in ("x", "é", "\ud800", "====", token[:-3], token[:20], "A" * len(token), token + "AAAA", token.swapcase()):
        with pytest.raises(ValueError, match="page token"):
            await store.list(replace(query, page_token=bad))
    async with opened("sqlite://") as elsewhere:
        with pytest.raises(ValueError, match="page token"):
            await elsewhere.list(replace(query, page_token=token))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    times=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    newer=st.booleans(),
)
async def test_paging_visits_every_task_once(store: Store, times: list[int], sizes: list[int], newer: bool) -> None:
    principal = str(uuid4())
    ids = [f"{principal}-{number}" for number in range(len(times))]
    for task_id, seconds in zip(ids, times, strict=True):
        await store.create(record(task(task_id, seconds=seconds), principal=principal))
    seen: Counter[str] = Counter()
    token, turn = "", 0
    while True:
        page = await store.list(Query("a", principal, page_size=sizes[turn % len(sizes)], page_token=token))
        seen.update(listed.id for listed in page.tasks)
        if not page.next_page_token:
            break
        if newer:
            await store.create(record(task(f"{principal}-newer-{turn}", seconds=100 + turn), principal=principal))
        token, turn = page.next_page_token, turn + 1
    assert seen == Counter(ids)


async def test_listing_while_tasks_are_written(store: Store) -> None:
    start = task()
    await store.create(record(start))

    async def write() -> None:
        for first in range(1, 200, 10):
            log = tokens(10, first)
            everything = tokens(first + 9)
            await store.append("t", 1, log, folded(start, everything) if first % 3 else None)

    async def look() -> None:
        for _ in range(20):
            [listed] = (await store.list(Query("a"))).tasks
            text = "".join(str(part.content.value) for item in listed.artifacts for part in item.parts if part.content)
            count = len(text.split())
            assert text == "".join(f"{seq} " for seq in range(1, count + 1))

    await asyncio.gather(write(), look())
