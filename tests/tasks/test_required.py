"""CI may not pass because nothing was there to test with."""

import subprocess
import sys

from tests.cli.launcher import ROOT, environment

UNREACHABLE = {"A2A_GATEWAY_TEST_POSTGRES": "postgresql://nobody@127.0.0.1:1/none"}


def test_a_test_without_its_postgres_fails_where_it_is_required() -> None:
    one = "tests/tasks/store/test_giving_back.py::test_a_claim_says_who_had_it_before[postgres]"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", one],
        cwd=ROOT,
        env=environment({**UNREACHABLE, "A2A_GATEWAY_TEST_REQUIRE": "postgres"}),
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert "1 error" in done.stdout
    assert done.returncode == 1


def test_ci_requires_what_tests_need() -> None:
    assert "export A2A_GATEWAY_TEST_REQUIRE=postgres" in (ROOT / ".ci/run").read_text()
