"""The arrows between the parts, as `[tool.importlinter]` draws them; and that each of them can be broken."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the packages in a folder."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=55, check=False
    )


def test_every_arrow_is_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 7 kept, 0 broken." in done.stdout


BREACHES = [
    ("the codec waits", "gateway/codec/sse.py", "import asyncio", "What is pure stays so"),
    ("the codec reads a clock", "gateway/codec/metadata.py", "from time import time", "What is pure stays so"),
    ("the codec rolls dice", "gateway/codec/jsonrpc.py", "import random", "What is pure stays so"),
    ("the codec connects", "gateway/codec/wire.py", "import socket", "What is pure stays so"),
    ("the codec speaks gRPC", "gateway/codec/status.py", "import grpc.aio", "What is pure stays so"),
    ("the codec waits through errors", "gateway/errors.py", "import asyncio", "What is pure stays so"),
    (
        "northbound reaches for agents",
        "gateway/northbound/intake.py",
        "import gateway.southbound.grpc",
        "Callers' edges know nothing",
    ),
    (
        "southbound reaches for callers",
        "gateway/southbound/grpc.py",
        "import gateway.northbound.grpc",
        "Agents out there know nothing",
    ),
    (
        "southbound wraps itself",
        "gateway/southbound/upstream.py",
        "import gateway.relay.contract",
        "Agents out there know nothing",
    ),
    ("the port knows who wraps it", "gateway/agent.py", "import gateway.relay.calls", "Each layer knows only"),
    ("a part knows the whole", "gateway/relay/calls.py", "import gateway.app", "Each layer knows only"),
    ("the codec knows the settings", "gateway/codec/shape.py", "import gateway.settings", "Each layer knows only"),
    ("a binding knows a transport", "gateway/southbound/sse.py", "import httpx", "Nothing above the transports"),
    ("the relay knows a transport", "gateway/relay/contract.py", "import grpc", "Nothing above the transports"),
    ("gRPC's edge knows a server", "gateway/northbound/grpc.py", "import grpc.aio", "Nothing above the transports"),
    (
        "gRPC's edge knows our own server",
        "gateway/northbound/grpc.py",
        "import gateway.northbound.transport.h2_server",
        "Nothing above the transports",
    ),
    ("HTTP/2 knows a side", "gateway/http2/machine.py", "import gateway.settings", "Each layer knows only"),
    (
        "generated code looks up",
        "generated/a2a/v1/a2a_pb.py",
        "import gateway.errors",
        "What is generated knows nothing",
    ),
    ("the gateway needs the SDK", "gateway/demo.py", "import a2a.types", "The gateway runs without"),
    ("a module of no layer", "gateway/helper.py", "import gateway.errors", "Each layer knows only"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layers")
    for package in ("gateway", "generated"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("module", "line", "contract"), [row[1:] for row in BREACHES], ids=[row[0] for row in BREACHES]
)
def test_a_breach_is_seen(module: str, line: str, contract: str, copy: Path) -> None:
    path = copy / module
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    broken = [text for text in done.stdout.splitlines() if text.endswith("BROKEN")]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(text.startswith(contract) for text in broken), done.stdout
