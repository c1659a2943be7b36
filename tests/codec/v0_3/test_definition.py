"""Our definition of 0.3 is the one that the a2a-sdk ships: names, numbers, types, JSON names, services."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.codec.v0_3.methods import METHODS, SERVICE
from generated.a2a.v0_3 import a2a_pb as old

ROOT = Path(__file__).resolve().parents[3]


def defined_by(module: str) -> Any:
    command = [sys.executable, "-m", "tests.codec.v0_3.stock", "definition", module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def theirs() -> Any:
    return defined_by("a2a.compat.v0_3.a2a_v0_3_pb2")


def test_the_stock_module_is_the_sdks(theirs: Any) -> None:
    ours = defined_by("generated.a2a.v0_3.a2a_pb2")
    assert ours["package"] == theirs["package"] == "a2a.v1"
    for part in ("messages", "enums", "services"):
        assert ours[part].keys() == theirs[part].keys()
        for name in ours[part]:
            assert ours[part][name] == theirs[part][name], name
    assert len(ours["messages"]) > 40


def test_the_gateways_module_has_the_same_fields(theirs: Any) -> None:
    ours = {
        message.name: sorted([one.number, one.name, one.json_name] for one in message.fields)
        for message in old.desc().messages
    }
    assert ours == {name: [field[:3] for field in fields] for name, fields in theirs["messages"].items()}
    enums = {
        enum.name: sorted([value.number, value.name] for value in enum.values) for enum in old.desc().enums
    }
    assert enums == theirs["enums"]


def test_the_methods_are_those_of_the_service(theirs: Any) -> None:
    ours = {
        method.rpc: [method.request.desc().type_name, method.response.desc().type_name, False, operation.streams]
        for operation, method in METHODS.items()
    }
    assert ours == theirs["services"]["A2AService"]
    assert {method.grpc_path for method in METHODS.values()} == {f"/{SERVICE}/{name}" for name in ours}
