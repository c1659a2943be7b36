"""One run of calls: opened, followed, then read and judged."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.load.caller import Caller, Lane, caller
from benchmarks.load.recording import Progress, Recording
from benchmarks.load.target import Target
from benchmarks.load.transcript import Unreadable, events_of
from benchmarks.load.verdict import faults, latencies_us
from benchmarks.wire.plan import Kind, Plan

SHOWN_FAULTS = 5


@dataclass(slots=True)
class Session:
    """The calls of one run against one target."""

    target: Target
    caller: Caller = field(init=False)
    progress: Progress = field(default_factory=Progress)
    recordings: list[Recording] = field(default_factory=list[Recording])
    lanes: list[Lane] = field(default_factory=list[Lane])
    late: str = ""
    """What had not come in time."""

    def __post_init__(self) -> None:
        self.caller = caller(self.target)

    async def open(self, kind: Kind, streams: int, events: int, within_s: float) -> None:
        """Opens streams beside those that are open, all at once."""

        async def one(number: int) -> None:
            lane = await self.caller.lane()
            self.lanes.append(lane)
            recording = Recording(Plan(kind, events, number), self.progress)
            self.recordings.append(recording)
            lane.call(recording, stream=True)

        first = len(self.recordings)
        wanted = first + streams
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(one(number) for number in range(first, wanted)))
            await self.progress.until_opened(wanted, within_s)
        except TimeoutError:
            self.late = f"{wanted - self.progress.opened} of {wanted} streams had not opened after {within_s} s"

    async def drain(self, within_s: float) -> int:
        """Waits until all have ended. When the last one did, in µs."""
        wanted = len(self.recordings)
        try:
            await self.progress.until_ended(wanted, within_s)
        except TimeoutError:
            self.late = f"{wanted - self.progress.ended} of {wanted} streams had not ended after {within_s} s"
        return max((recording.ended_us for recording in self.recordings), default=0)

    async def calls(self, kind: Kind, lanes: int, calls: int, events: int, within_s: float) -> None:
        """On each of so many lanes, so many calls one after the other."""
        deadline_s = time.monotonic() + within_s

        async def on(lane: Lane, first: int) -> None:
            for number in range(first, first + calls):
                recording = Recording(Plan(kind, events, number), Progress())
                self.recordings.append(recording)
                lane.call(recording, stream=kind is not Kind.ANSWER)
                await recording.progress.until_ended(1, deadline_s - time.monotonic())

        try:
            opened = await asyncio.gather(*(self.caller.lane() for _ in range(lanes)))
            await asyncio.gather(*(on(lane, index * calls) for index, lane in enumerate(opened)))
        except TimeoutError:
            self.late = f"{len(self.recordings)} calls of {lanes * calls} were made after {within_s} s"

    def leave(self) -> None:
        """Walks away from all that is open."""
        for lane in self.lanes:
            lane.leave()

    def judged(self) -> dict[str, Any]:
        """Ends the session: faults, events and times of all that was recorded."""
        self.caller.close()
        found: list[str] = [self.late] if self.late else []
        events = 0
        latency_us: list[int] = []
        for recording in self.recordings:
            try:
                heard = events_of(recording, self.target.binding)
            except (Unreadable, ValueError, LookupError) as error:
                found.append(f"stream {recording.plan.stream}: {recording.cut} {error}")
                continue
            wrong = faults(recording.plan, heard, _cut(recording))
            found += [f"stream {recording.plan.stream}: {fault}" for fault in wrong]
            events += sum(event.said.kind in ("artifactUpdate", "message") for event in heard)
            latency_us += latencies_us(heard)
        first_us = [recording.first_us - recording.asked_us for recording in self.recordings if recording.first_us]
        return {
            "faults": found[:SHOWN_FAULTS],
            "faulty": len(found),
            "events": events,
            "latency_us": quantiles(latency_us),
            "first_us": quantiles(first_us),
        }


def _cut(recording: Recording) -> str:
    if recording.plan.kind is Kind.HOLD:
        return f"it ended {recording.cut}" if recording.ended_us else ""
    return recording.cut or ("" if recording.ended_us else "it never ended")


def quantiles(values: Sequence[int]) -> dict[str, int]:
    """p50, p99 and the greatest, or nothing of nothing."""
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {"p50": ordered[last // 2], "p99": ordered[int(last * 0.99)], "max": ordered[last]}
