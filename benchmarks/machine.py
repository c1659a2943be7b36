"""The machine that figures come from, and which of its cores does what."""

import os
import platform
import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores what is measured runs on, and which all else does."""

    measured: frozenset[int]
    others: frozenset[int]

    @property
    def pinned(self) -> bool:
        return self.measured != self.others

    def __str__(self) -> str:
        if not self.pinned:
            return f"{_listed(self.measured)} for everything"
        return f"what is measured alone on core {min(self.measured)}, load and agents on {_listed(self.others)}"


def cores(*, pinned: bool = True) -> Cores:
    """One core for what is measured and the rest for all else, where there are two and it is wanted `pinned`."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2 or not pinned:
        return Cores(frozenset(usable), frozenset(usable))
    return Cores(frozenset(usable[:1]), frozenset(usable[1:]))


def open_files(wanted: int = 20_000) -> int:
    """Raises the limit of open files as far as it goes; what it is now."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def description() -> dict[str, object]:
    """For the results."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
