"""How much memory a process holds, as Linux tells it."""

from pathlib import Path

import pytest

from tests.interop.processes import Program

GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "32768", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Environment by which glibc returns freed memory at once. Left alone it raises both thresholds with the buffers that
pass and keeps them: VmRSS then jumps by tens of MiB at a moment of its own choosing, and stays."""


def resident_bytes(program: Program) -> int:
    """VmRSS of a running program. Skips the test where there is no /proc."""
    status = Path(f"/proc/{program.process.pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc, which this system does not have")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
