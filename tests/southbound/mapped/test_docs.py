"""What `docs/mapping.md` shows can be configured."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import AgentSettings
from gateway.southbound.mapped.service import MappedService
from gateway.worker import Worker

PAGE = Path(__file__).parents[3] / "docs" / "mapping.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def agent(text: str, folder: Path) -> dict[str, Any]:
    """The agent that an example is a piece of; the files that it names are there."""
    if text.startswith("agents:"):
        (given,) = yaml.safe_load(text)["agents"]
        return given
    if text.lstrip().startswith("- method:"):
        text = "skills:\n" + text
    given = {"name": "a", "url": "grpc://a:1", "skills": "auto", **yaml.safe_load(text)}
    return place(given, folder)


def place(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    source = given.get("descriptors", {})
    for path in [*source.get("protos", ()), *([source["set"]] if "set" in source else [])]:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).touch()
    return given


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_can_be_configured(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = AgentSettings.model_validate(agent(EXAMPLES[number], tmp_path))
    assert given.skills is not None


def test_there_are_examples_of_the_four_kinds() -> None:
    assert len(EXAMPLES) >= 7
    assert PAGE.read_text().count("- method:") == 5


def test_a_mapped_service_is_a_worker() -> None:
    worker: type[Worker] = MappedService
    assert {"admit", "run", "close"} <= set(dir(worker))
