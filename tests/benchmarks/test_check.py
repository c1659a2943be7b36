"""Every scenario in miniature, through the gateway and without it: counts, order and content, no times."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scenarios import SCENARIOS, Shape, Size

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(120)  # it takes a tenth of that where nobody else is busy
def test_every_scenario_brings_every_event() -> None:
    command = [sys.executable, "-m", "benchmarks", "--check", "--peer", "none", "--peer", "a2a-gateway"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    ran = [line.split()[1:4] for line in done.stderr.splitlines() if line.startswith("1 ")]
    assert ran, done.stderr
    for scenario in SCENARIOS:
        assert Size.CHECK in scenario.loads
        if scenario.shape is Shape.TASK:
            continue  # the gateway's worker is a peer of its own
        peers = [words[1] for words in ran if words[0] == scenario.name]
        assert sorted(peers) == ["a2a-gateway"] * 3 + ["none"] * 2
