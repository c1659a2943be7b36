"""Judges a history: what clients were told against what the store has in the end. PURE."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.tasks.projection import Projection
from gateway.tasks.store import Entry
from generated.a2a.v1.a2a_pb import StreamResponse, Task
from tests.fakes.events import Json
from tests.tasks.asking import Seen, as_task
from tests.tasks.history.clients import TERMINAL, Told


@dataclass(slots=True)
class Truth:
    """A task as the store has it after everything."""

    task: Task
    log: Sequence[Entry]


@dataclass(slots=True)
class Verdict:
    """What is wrong, in words, and how much was looked at."""

    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    disordered: list[str] = field(default_factory=list[str])
    altered: list[str] = field(default_factory=list[str])
    false_gaps: list[str] = field(default_factory=list[str])
    wrong_ends: list[str] = field(default_factory=list[str])
    events: int = 0
    gaps: int = 0

    @property
    def faults(self) -> list[str]:
        return [
            f"{name}: {what}"
            for name in ("lost", "doubled", "disordered", "altered", "false_gaps", "wrong_ends")
            for what in getattr(self, name)
        ]


def judge(clients: Sequence[Told], truths: Mapping[str, Truth], canceled: Sequence[str]) -> Verdict:
    """`canceled`: tasks whose cancellation was confirmed."""
    verdict = Verdict()
    for task_id, truth in truths.items():
        _judge_end(verdict, task_id, truth, task_id in canceled)
    for told in clients:
        if told.seen:
            _judge_client(verdict, told, truths[told.task_id])
    return verdict


def _judge_end(verdict: Verdict, task_id: str, truth: Truth, was_canceled: bool) -> None:
    states = [state for entry in truth.log if (state := Seen(_json(entry.response)).state)]
    final = [state for state in states if state in TERMINAL]
    stands_at = truth.task.status.state.name if truth.task.status is not None else ""
    if final != [stands_at] or states[-1:] != final:
        verdict.wrong_ends.append(f"{task_id} has {states}, and stands at {stands_at}")
    if was_canceled and stands_at != "CANCELED":
        verdict.wrong_ends.append(f"{task_id} was canceled, and is {stands_at}")
    if [entry.seq for entry in truth.log] != list(range(1, len(truth.log) + 1)):
        verdict.wrong_ends.append(f"{task_id} has events {[entry.seq for entry in truth.log]}")


def _judge_client(verdict: Verdict, told: Told, truth: Truth) -> None:
    by_seq = {entry.seq: entry for entry in truth.log}
    view: Projection | None = None
    last_epoch = last_seq = -1
    for seen in told.seen:
        epoch, seq = _place(seen)
        where = f"{told.name} of {told.task_id} at {epoch}-{seq} after {last_epoch}-{last_seq}"
        verdict.events += 1
        if "task" in seen.event:
            if view is not None:
                verdict.gaps += 1
                stands = by_seq.get(last_seq)
                if not seen.gap:
                    verdict.lost.append(f"{where}: a snapshot that is not said to be a gap")
                elif last_seq == 0 or (stands is not None and stands.epoch <= last_epoch):
                    verdict.false_gaps.append(f"{where}: {seen.gap}, though {last_epoch}-{last_seq} stands")
            view = Projection(as_task(seen.event["task"]))  # type: ignore[arg-type] # a task is an object
        else:
            if seq <= last_seq:
                (verdict.doubled if seq == last_seq else verdict.disordered).append(where)
            elif seq != last_seq + 1:
                verdict.lost.append(where)
            stands = by_seq.get(seq)
            if stands is not None and stands.epoch == epoch and _json(stands.response) != seen.event:
                verdict.altered.append(f"{where}: {seen.event} for {_json(stands.response)}")
            if view is None:
                verdict.lost.append(f"{where}: no snapshot came first")
            else:
                view.apply(StreamResponse.from_json(json.dumps(seen.event)))
        last_epoch, last_seq = epoch, seq
    if not told.is_done:
        verdict.lost.append(f"{told.name} of {told.task_id} never saw an end: {told.errors[-3:]}")
        return
    if last_seq != len(truth.log):
        verdict.lost.append(f"{told.name} of {told.task_id} ended at {last_seq} of {len(truth.log)}: {told.errors[-3:]}")
    assert view is not None
    seen_last, stands_last = view.snapshot(), truth.task
    if (seen_last.status, seen_last.artifacts) != (stands_last.status, stands_last.artifacts):
        verdict.altered.append(f"{told.name} of {told.task_id} sees another task than the store has")


def _place(seen: Seen) -> tuple[int, int]:
    _, epoch, seq = seen.cursor.split("-")
    return int(epoch), int(seq)


def _json(response: StreamResponse) -> Json:
    return json.loads(response.to_json())
