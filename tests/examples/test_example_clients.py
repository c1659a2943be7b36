"""The example clients, run as their readers run them, against the gRPC example agent."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(20)

ROOT = Path(__file__).parents[2]
SHORT_ANSWER = (
    "You said: Hello. That makes 1 word. "
    "I am only an example, so I know no more; but every word reached you as soon as I had it."
)


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=15, check=False)


@pytest.fixture(scope="session")
def node_client() -> tuple[str, ...]:
    """The command of the Node client, its modules installed; skips where that cannot be done."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = ROOT / "examples" / "node_client"
    lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        try:
            done = subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm ci took more than a minute")
        if done.returncode:
            pytest.skip(f"npm ci failed: {done.stderr.strip()[-300:]}")
    return node, str(folder / "client.mjs")


CLIENT_RUNS = [
    ("Hello", f"{SHORT_ANSWER}\nTASK_STATE_COMPLETED\n", 0),
    ("ask me", "What would you like me to repeat?\nTASK_STATE_INPUT_REQUIRED\n", 0),
    ("fail", "You said: fail. That I lost the thread, as I was told to.\nTASK_STATE_FAILED\n", 1),
]


@pytest.mark.parametrize(("text", "output", "exit_code"), CLIENT_RUNS)
def test_the_python_client(grpc_url: str, text: str, output: str, exit_code: int) -> None:
    done = run(sys.executable, "-m", "examples.grpc_client", grpc_url, text, "--tenant", "any")
    assert (done.stdout, done.stderr, done.returncode) == (output, "", exit_code)


@pytest.mark.timeout(90)
@pytest.mark.parametrize(("text", "output", "exit_code"), CLIENT_RUNS)
def test_the_node_client(
    node_client: tuple[str, ...], grpc_url: str, text: str, output: str, exit_code: int
) -> None:
    done = run(*node_client, grpc_url, text, "any")
    assert (done.stdout, done.stderr, done.returncode) == (output, "", exit_code)


def test_the_python_client_says_what_went_wrong() -> None:
    done = run(sys.executable, "-m", "examples.grpc_client", "127.0.0.1:1", "Hello")
    assert done.returncode == 1
    assert done.stderr.startswith("UNAVAILABLE: ")


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((ROOT / "examples/node_client/package-lock.json").read_text())
    modules = [module for path, module in lock["packages"].items() if path]
    assert modules
    assert all("integrity" in module and "resolved" not in module for module in modules)
