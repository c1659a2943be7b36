"""Whether a call brought what its plan promised: every event once, in order, unchanged, and the end."""

from collections.abc import Sequence
from itertools import pairwise

from benchmarks.load.transcript import Heard
from benchmarks.wire.plan import EVENT_TEXT, Kind, Plan


def faults(plan: Plan, heard: Sequence[Heard], cut: str = "") -> list[str]:
    """What is wrong with a call; nothing where all is right. `cut` is why it ended early, if it did."""
    found = [f"cut: {cut}"] if cut else []
    if plan.kind is Kind.ANSWER:
        found += [] if [event.said.kind for event in heard] == ["message"] else ["lost: the answer"]
        return found + _altered(plan, heard, [plan.events])
    found += _bounds(plan, heard)
    updates = [event for event in heard if event.said.kind == "artifactUpdate"]
    numbers = [_number(event) for event in updates]
    if numbers != list(range(plan.events)):
        found += _misplaced(plan, [number for number in numbers if number is not None])
    return found + _altered(plan, updates, numbers)


def _bounds(plan: Plan, heard: Sequence[Heard]) -> list[str]:
    """That a stream begins with its task and ends with its completion, and is all about that task."""
    kinds = [event.said.kind for event in heard]
    found: list[str] = []
    if kinds[:1] != ["task"] or kinds.count("task") != 1:
        found.append(f"the task came {kinds.count('task')} times, the first event was {kinds[:1]}")
    ends = [index for index, event in enumerate(heard) if event.said.state == "COMPLETED"]
    if plan.kind is not Kind.HOLD and ends != [len(heard) - 1]:
        found.append(f"completed {len(ends)} times, of {len(heard)} events")
    if len({event.said.task_id for event in heard}) > 1:
        found.append("altered: events of several tasks")
    return found


def _misplaced(plan: Plan, numbers: list[int]) -> list[str]:
    distinct = set(numbers)
    found: list[str] = []
    if lost := sorted(set(range(plan.events)) - distinct):
        found.append(f"lost: {len(lost)} events, the first was {lost[0]}")
    if doubled := len(numbers) - len(distinct):
        found.append(f"doubled: {doubled} events")
    if sorted(numbers) != numbers:
        at = next(index for index, (one, two) in enumerate(pairwise(numbers)) if two < one)
        found.append(f"reordered: {numbers[at + 1]} came after {numbers[at]}")
    if strange := distinct - set(range(plan.events)):
        found.append(f"altered: there is no event {min(strange)}")
    return found


def _altered(plan: Plan, heard: Sequence[Heard], numbers: Sequence[int | None]) -> list[str]:
    stream = f"{plan.stream:05d}"
    for event, number in zip(heard, numbers, strict=False):
        match = EVENT_TEXT.fullmatch(event.said.text)
        if not match or match[1] != stream or int(match[2]) != number:
            return [f"altered: {event.said.text[:80]!r}"]
    return []


def _number(event: Heard) -> int | None:
    match = EVENT_TEXT.fullmatch(event.said.text)
    return int(match[2]) if match else None


def latencies_us(heard: Sequence[Heard]) -> list[int]:
    """From the stamp in an event to its last byte, of the events that bear one."""
    sent = ((event, EVENT_TEXT.fullmatch(event.said.text)) for event in heard)
    return [event.at_us - int(match[3]) for event, match in sent if match and int(match[3])]
