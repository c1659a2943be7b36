"""How much memory a process holds, as Linux tells it."""

from pathlib import Path

import pytest

from tests.interop.processes import Program


def resident_bytes(program: Program) -> int:
    """VmRSS of a running program. Skips the test where there is no /proc."""
    status = Path(f"/proc/{program.process.pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc, which this system does not have")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
