"""The card and the draft of a mapped service: what its definitions and its authors' comments say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.agent import CallContext
from gateway.codec.malformed import Bounds
from gateway.settings import AgentSettings, ConfigurationError, load
from gateway.southbound.mapped.card import card_of
from gateway.southbound.mapped.draft import agent_name, draft
from gateway.southbound.mapped.schema import Schema, schema
from tests.southbound.mapped.protos import WORDS, compiled, described
from tests.southbound.mapped.services import mapped, serving
from tests.southbound.mapped.test_values import PROTO2

LINES = described(WORDS)


def settings(**more: Any) -> AgentSettings:
    return AgentSettings.model_validate({"name": "words", "url": "grpc://h:1", "skills": "auto", **more})


def card(**more: Any) -> Any:
    import json

    given = settings(**more)
    return json.loads(card_of(given, schema(given, LINES), Bounds()).to_json())


def test_a_card_from_comments() -> None:
    made = card()
    assert made["name"] == "words"
    assert made["description"] == "Says words.\nIn four ways."
    assert made["version"] == "v1"
    assert made["capabilities"] == {"streaming": True, "pushNotifications": True}
    assert [one["id"] for one in made["skills"]] == ["Say", "Tell", "Collect", "Chat"]
    assert made["skills"][0] == {
        "id": "Say",
        "name": "Say",
        "description": "Says one line.",
        "tags": ["Words", "t.v1"],
        "inputModes": ["text/plain", "application/json", "application/octet-stream"],
        "outputModes": ["text/plain", "application/octet-stream"],
    }
    assert made["skills"][1]["description"] == "Tells many."
    assert made["skills"][2]["description"] == "Collect: t.v1.Words/Collect"
    assert made["defaultOutputModes"] == ["text/plain", "application/octet-stream", "application/json"]


def test_the_settings_replace_what_they_name() -> None:
    skill = {"method": "t.v1.Words/Say", "id": "say", "name": "Say it", "description": "Does.", "tags": ["x"], "examples": ["y"]}
    made = card(skills=[skill], card={"description": "Ours.", "version": "7"})
    assert (made["name"], made["description"], made["version"]) == ("words", "Ours.", "7")
    shown = made["skills"][0]
    assert (shown["id"], shown["name"], shown["description"], shown["tags"], shown["examples"]) == (
        "say", "Say it", "Does.", ["x"], ["y"],
    )  # fmt: skip


def test_members_that_make_no_card_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="card: "):
        card(card={"skills": "none"})


def test_names_in_words() -> None:
    text = 'syntax = "proto3"; message M {} service S { rpc GetHTTPHeaders2(M) returns (M); }'
    given = settings()
    (skill,) = schema(given, described(text)).skills.values()
    assert skill.name == "Get http headers 2"


# The draft


@pytest.mark.parametrize("text", [WORDS, PROTO2 + "service S { rpc M(Every) returns (stream Every); }"], ids=["proto3", "proto2"])
def test_a_draft_is_the_configuration_that_it_was_made_from(text: str, tmp_path: Path) -> None:
    found = described(text)
    given = settings()
    file = tmp_path / "gateway.yaml"
    file.write_text(draft(given, schema(given, found)))
    (read,) = load(file, {}).agents
    again = schema(read, found)
    assert again.problems == ()
    first = schema(given, found)
    assert mappings(again) == mappings(first)


def mappings(found: Schema) -> list[tuple[str, str, list[str]]]:
    """The skills of a service and the texts of their expressions."""
    return [
        (one.id, one.request.text, [text.text for name in ("text", "data", "file") if (text := getattr(one.answers, name))])
        for one in found.skills.values()
    ]


def test_comments_are_in_the_draft() -> None:
    given = settings()
    text = draft(given, schema(given, LINES))
    assert "      # Says one line.\n" in text
    assert "      #   text: string – What is said.\n" in text


def test_comments_cannot_leave_theirs() -> None:
    hostile = WORDS.replace("// Says one line.", "// x\\r- method: evil \u2028 y\n  // ${HOME}\n")
    given = settings()
    text = draft(given, schema(given, described(hostile)))
    assert [one["method"] for one in yaml.safe_load(text)["agents"][0]["skills"]] == [
        f"t.v1.Words/{name}" for name in ("Say", "Tell", "Collect", "Chat")
    ]


@pytest.mark.parametrize(("service", "name"), [("Words", "words"), ("Tasks", "service"), ("_X", "service")])
def test_an_agent_is_named_after_its_service(service: str, name: str) -> None:
    assert agent_name(described(WORDS.replace("service Words", f"service {service}"))) == name


# Where definitions come from


async def card_by(source: dict[str, Any]) -> list[str]:
    async with serving({}) as (_, url), mapped(url, descriptors=source) as service:
        return [one.description for one in (await service.card(CallContext())).skills][:1]


@pytest.mark.anyio
async def test_definitions_from_files(tmp_path: Path) -> None:
    (tmp_path / "set").write_bytes(compiled(WORDS))
    (tmp_path / "words.proto").write_text(WORDS)
    (tmp_path / "importing.proto").write_text('syntax = "proto3"; import "words.proto"; service I { rpc X(t.v1.Line) returns (t.v1.Line); }')
    assert await card_by({"set": str(tmp_path / "set")}) == ["Says one line."]
    assert await card_by({"protos": [str(tmp_path / "words.proto")]}) == ["Says one line."]
    source = {"protos": [str(tmp_path / "importing.proto")], "includes": [str(tmp_path)]}
    assert await card_by(source) == ["X: I/X"]


BROKEN = {
    "a set that is none": ({"set": "bad"}, b"\xff\xff", "descriptors.set: .*: not a descriptor set"),
    "a file that is none": ({"protos": ["bad"]}, b"servise X {}", "descriptors.protos: the files do not compile\n.*bad:1:1: Expected"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", BROKEN)
async def test_files_that_cannot_be_used(case: str, tmp_path: Path) -> None:
    source, content, words = BROKEN[case]
    (tmp_path / "bad").write_bytes(content)
    placed = {name: str(tmp_path / "bad") if name == "set" else [str(tmp_path / "bad")] for name in source}
    async with serving({}) as (_, url), mapped(url, descriptors=placed) as service:
        (problem,) = await service.problems()
    import re

    assert re.search(words, problem)


@pytest.mark.anyio
async def test_no_compiler_for_proto_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.southbound.mapped import protos

    (tmp_path / "words.proto").write_text(WORDS)
    monkeypatch.setattr(protos.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    async with serving({}) as (_, url), mapped(url, descriptors={"protos": [str(tmp_path / "words.proto")]}) as service:
        (problem,) = await service.problems()
    assert "install a2a-gateway[protos] or protoc" in problem
