"""The shared vectors, read by the engine and the client in Python and by the module in JavaScript."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gateway.deltas.document import Document, DraftBounds, applied
from gateway.deltas.op import Op, PatchRefused, read_patch
from tests.deltas.vectors import FILE, changes_of, vectors

ROOT = Path(__file__).parents[2]
MODULE = ROOT / "gateway/northbound/console/deltas.js"
RUNNER = Path(__file__).with_name("vectors.test.mjs")
VECTORS = vectors()


def name_of(vector: dict[str, Any]) -> str:
    return vector["name"]


@pytest.mark.parametrize("vector", VECTORS["patches"], ids=name_of)
def test_a_patch_does_what_the_vector_says_or_nothing(vector: dict[str, Any]) -> None:
    bounds = DraftBounds()
    document = Document()
    document.apply([Op("replace", "", vector["document"])])
    if "refused" not in vector:
        assert applied(vector["document"], read_patch(vector["patch"], bounds.ops)) == vector["result"]
        return
    with pytest.raises(PatchRefused):
        document.apply(read_patch(vector["patch"], bounds.ops))
    assert document.value == vector["document"]


@pytest.mark.parametrize("vector", VECTORS["streams"], ids=name_of)
def test_a_stream_gives_the_changes_of_the_vector(vector: dict[str, Any]) -> None:
    assert changes_of(vector["events"]) == vector["changes"]


def test_the_module_in_javascript_agrees_with_every_vector() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run the JavaScript module")
    command = [node, "--test", "--test-reporter=tap", str(RUNNER)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={"DELTAS_MODULE": str(MODULE), "DELTAS_VECTORS": str(FILE)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"# pass {len(VECTORS['patches']) + len(VECTORS['streams']) + 5}\n" in done.stdout, done.stdout
