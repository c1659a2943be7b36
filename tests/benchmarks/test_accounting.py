"""What processes are charged with: all of their tree, also what has ended."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks import accounting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="read from /proc, which only Linux has")

BURN = "import time; [0 for _ in iter(time.process_time, None) if time.process_time() > 0.08 and exit()]"
PARENT = f"""
import subprocess, sys, time
subprocess.run([sys.executable, "-c", {BURN!r}], check=True)
child = subprocess.Popen([sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"], stdout=-1)
child.stdout.readline()
print(time.process_time(), child.pid, flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


def test_a_tree_is_charged_with_its_threads_and_its_children_past_and_present() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        own_s, child = parent.stdout.readline().split()
        tree = accounting.tree(parent.pid)
        assert sorted(tree) == sorted([parent.pid, int(child)])
        charged_s = accounting.cpu_ns(tree) / 1e9
        assert charged_s >= float(own_s) + 0.07
        assert charged_s > accounting.cpu_ns([parent.pid]) / 1e9
        assert accounting.memory_kib(tree) > accounting.memory_kib([int(child)]) > 0


def test_the_clock_of_a_process_is_its_own_time() -> None:
    before_ns = accounting.cpu_ns([os.getpid()])
    burnt = time.process_time() + 0.05
    while time.process_time() < burnt:
        pass
    assert accounting.cpu_ns([os.getpid()]) - before_ns >= 50_000_000


def test_a_process_that_has_gone_costs_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert accounting.cpu_ns([gone.pid]) == 0

