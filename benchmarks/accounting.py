"""What the operating system says that processes have used. Linux: it is read from /proc and from CPU clocks."""

import os
import time
from pathlib import Path

_CLOCK_SCHED = 2
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def cpu_ns(pids: list[int]) -> int:
    """User and system time of processes: of all their threads, and of the children that have ended.

    A living process's own time comes from its CPU clock, in ns; /proc/PID/stat has the same sum in
    ticks of 10 ms, and is where that of ended children is.
    """
    return sum(_cpu_ns(pid) for pid in pids)


def _cpu_ns(pid: int) -> int:
    fields = _stat(pid)
    if not fields:
        return 0
    own_ns = time.clock_gettime_ns((~pid << 3) | _CLOCK_SCHED)
    return own_ns + (int(fields[13]) + int(fields[14])) * _TICK_NS


def memory_kib(pids: list[int]) -> int:
    """Resident memory of processes, what they share divided among the sharers (PSS)."""
    return sum(_memory_kib(pid) for pid in pids)


def _memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, `state` first; none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
