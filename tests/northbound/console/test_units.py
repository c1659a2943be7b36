"""The page's modules that know no page, under Node."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("units.test.mjs")
FOLDER = Path(__file__).parents[3] / "gateway/northbound/console"


def test_the_modules_of_the_page() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the console's modules")
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(TESTS)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={"CONSOLE": str(FOLDER)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = len(re.findall(r'^test\("', TESTS.read_text(), re.MULTILINE))
    assert f"# pass {wanted}\n" in done.stdout, done.stdout
