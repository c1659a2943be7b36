"""The environments of peers: made once, and a clear word where that is not possible."""

import os
from pathlib import Path

import pytest

from tools.peers import PEERS, STAMP, NotMade, make

pytestmark = pytest.mark.timeout(300)  # the first test may have to make it


def test_environment_is_made_once(sdk03: Path) -> None:
    stamp = PEERS["a2a-sdk-0.3"].folder / STAMP
    made = os.stat(stamp).st_mtime_ns
    assert make("a2a-sdk-0.3") == sdk03
    assert os.stat(stamp).st_mtime_ns == made


def test_environment_has_the_versions_of_its_constraints(sdk03: Path) -> None:
    pinned = (Path(__file__).parent / "constraints-a2a-sdk-0.3.txt").read_text().split()
    packages = next((sdk03.parents[1] / "lib").glob("python*/site-packages"))
    installed = {folder.name.lower() for folder in packages.glob("*.dist-info")}
    assert {f"{line.replace('==', '-').replace('_', '-').lower()}.dist-info" for line in pinned} <= {
        name.replace("_", "-") for name in installed
    }


def test_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(PEERS["a2a-sdk-0.3"].variable, str(tmp_path / "file" / "environment"))
    with pytest.raises(NotMade, match="file"):
        make("a2a-sdk-0.3")
