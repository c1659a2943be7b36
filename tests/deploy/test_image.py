"""The image itself, built and run. Only where TEST_IMAGE_BASE names a base image for buildah to build on.

    TEST_IMAGE_BASE=localhost/debian-python pytest tests/deploy/test_image.py

`make image` takes PIP_CONFIG and PIP_CERT from the environment where the build needs them. The
container is made by hand, of namespaces and a read-only root, so that no daemon is needed but root is.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import __version__

ROOT = Path(__file__).parents[2]
BASE = os.environ.get("TEST_IMAGE_BASE", "")
TAG = f"localhost/a2a-gateway:{__version__}"
UID = 65532
WITHIN_S = 30.0
MOST_MIB = 125
"""What the image may add to its base."""

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not BASE, reason="TEST_IMAGE_BASE names no base image"),
    pytest.mark.skipif(not shutil.which("buildah"), reason="there is no buildah"),
]

CONTAINER = """
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs \
  --bounding-set=-all --inh-caps=-all env -i "$@"
"""
"""Becomes the command, as process 1, with nothing to write to and no capability."""


def buildah(*arguments: str) -> str:
    command = ["buildah", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The image's configuration, once `make image` has built it."""
    made = subprocess.run(["make", "image", f"BASE={BASE}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return json.loads(buildah("inspect", "--type", "image", TAG))["Docker"]["config"]


@pytest.fixture(scope="module")
def root(config: dict[str, Any]) -> Iterator[Path]:
    """The image's file system."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount an image")
    name = buildah("from", TAG)
    try:
        yield Path(buildah("mount", name))
    finally:
        buildah("rm", name)


def words(root: Path, environment: list[str], *command: str) -> list[str]:
    """The command line that runs a command in a container of the image."""
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    return [*namespaces, "sh", "-c", CONTAINER, "container", str(root), *environment, *command]


@contextmanager
def serving(root: Path, config: dict[str, Any]) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """The container's own command at free ports: who waits for it, and its HTTP address."""
    environment = [*config["Env"], "A2A_GATEWAY_HTTP=127.0.0.1:0", "A2A_GATEWAY_GRPC=127.0.0.1:0"]
    command = words(root, environment, *config["Entrypoint"], *config["Cmd"])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), line
            url = line.split()[2]
            assert httpx.get(f"{url}/readyz", timeout=WITHIN_S, trust_env=False).text == "ready\n"
            yield process, url
        finally:
            process.kill()


def health(root: Path, config: dict[str, Any], url: str) -> int:
    _, *command = config["Healthcheck"]["Test"]
    return subprocess.run(words(root, config["Env"], *command, url), timeout=WITHIN_S, check=False).returncode


def test_the_image_is_configured_as_the_dockerfile_says(config: dict[str, Any]) -> None:
    assert config["User"] == f"{UID}:{UID}"
    assert config["Entrypoint"] == ["a2a-gateway"]
    assert config["Cmd"] == ["serve", "--config", "/etc/a2a-gateway/gateway.yaml"]
    assert config["Healthcheck"]["Test"] == ["CMD", "a2a-gateway", "health"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "50050/tcp"}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert config["Labels"]["org.opencontainers.image.revision"]


def test_it_holds_the_gateway_and_nothing_to_build_it_with(root: Path) -> None:
    installed = root / "opt" / "a2a-gateway"
    (packages,) = installed.glob("lib/python3*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert {"gateway", "generated", "examples"} <= names
    assert not {"pip", "setuptools", "hatchling", "pytest", "ruff", "grpc_tools", "a2a"} & names
    assert not (root / "src").exists()
    assert not list(root.glob("run/secrets/*"))


def test_what_it_adds_to_its_base_is_small(root: Path) -> None:
    installed = root / "opt" / "a2a-gateway"
    size_bytes = sum(path.lstat().st_blocks * 512 for path in installed.rglob("*"))
    assert size_bytes < MOST_MIB * 1024 * 1024


def test_what_it_runs_is_compiled_already_and_belongs_to_root(root: Path) -> None:
    (packages,) = (root / "opt" / "a2a-gateway").glob("lib/python3*/site-packages")
    for source in (packages / "gateway").rglob("*.py"):
        assert list((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")), source
    for path in (root / "opt").rglob("*"):
        status = path.lstat()
        assert status.st_uid == 0
        assert path.is_symlink() or not status.st_mode & 0o022, path


def test_it_serves_as_process_1_from_a_read_only_root_and_ends_on_sigterm(
    root: Path, config: dict[str, Any]
) -> None:
    with serving(root, config) as (waiter, url):
        child = Path(f"/proc/{waiter.pid}/task/{waiter.pid}/children").read_text().strip()
        lines = Path(f"/proc/{child}/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert status["NSpid"].split()[-1] == "1"
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(UID)}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert health(root, config, url) == 0
        os.kill(int(child), signal.SIGTERM)
        assert waiter.wait(WITHIN_S) == 0
        assert health(root, config, url) == 1


def test_it_cannot_write_to_its_root(root: Path, config: dict[str, Any]) -> None:
    command = words(root, config["Env"], "python", "-c", "open('/tmp/x', 'w')")
    result = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert result.stderr.endswith("Read-only file system: '/tmp/x'\n")
