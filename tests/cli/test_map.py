"""`map` prints a configuration that loads, checks and needs no edit; `check` finds what an edit broke."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import PAUSE_S, program
from tests.cli.launcher import DONE, FAILED, WRONG_USAGE, Launcher

PROTO = "examples/translator/translator.proto"
METHOD = "demo.translate.v1.Translator/Translate"


@pytest.fixture(scope="module")
def translator() -> Iterator[str]:
    told = ("--address", "127.0.0.1:0", "--pause", PAUSE_S)
    with program("-m", "examples.translator.server", *told, announced="listening on ") as (url,):
        yield url


def test_what_is_printed_is_a_configuration(cli: Launcher, translator: str, tmp_path: Path) -> None:
    ended = cli.run("map", translator).done()
    assert yaml.safe_load(ended.out) == {
        "agents": [
            {
                "name": "translator",
                "url": translator,
                "skills": [
                    {"method": METHOD, "request": "merge({text: text}, data || `{}`)", "response": {"text": "chunk"}}
                ],
            }
        ]
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(ended.out)
    checked = cli.run("check", "-c", str(file))
    assert (checked.code, checked.out) == (DONE, "✓ translator\n")


def test_comments_come_from_proto_files(cli: Launcher, translator: str) -> None:
    ended = cli.run("map", translator, "--proto", PROTO, "--name", "words").done()
    assert "# Translates a text and streams the words of the translation." in ended.out
    (agent,) = yaml.safe_load(ended.out)["agents"]
    assert (agent["name"], agent["descriptors"]) == ("words", {"protos": [PROTO]})


def test_one_method(cli: Launcher, translator: str) -> None:
    assert METHOD in cli.run("map", translator, "--method", METHOD).done().out
    ended = cli.run("map", translator, "--method", METHOD.replace("Translate", "Transform"))
    assert (ended.code, ended.out) == (WRONG_USAGE, "")
    assert f"did you mean {METHOD}?" in ended.err


def test_what_cannot_be_mapped(cli: Launcher, tmp_path: Path) -> None:
    ended = cli.run("map", "http://127.0.0.1:1")
    assert (ended.code, ended.out) == (WRONG_USAGE, "")
    assert "expected a grpc:// or grpcs:// url" in ended.err
    ended = cli.run("map", "grpc://127.0.0.1:1")
    assert (ended.code, ended.out, ended.err) == (FAILED, "", "The agent cannot be reached\n")
    ended = cli.run("map", "grpc://127.0.0.1:1", "--descriptor-set", str(tmp_path / "none"))
    assert ended.code == WRONG_USAGE
    assert "there is no file" in ended.err


BROKEN = """
agents:
  - name: translator
    url: {url}
    skills:
      - method: demo.translate.v1.Translator/Translate
        request: "{{text: text, language: data.target}}"
        response: {{text: word}}
      - method: demo.translate.v1.Translator/Trnslate
"""


def test_check_says_what_is_wrong_with_a_mapping_and_where(cli: Launcher, translator: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(BROKEN.format(url=translator))
    ended = cli.run("check", "-c", str(file))
    assert ended.code == FAILED
    assert ended.out.splitlines() == [
        "✗ translator",
        "    skills.0.request: demo.translate.v1.TranslateRequest has no field 'language'; did you mean target_language?",
        "    skills.0.response.text: demo.translate.v1.TranslateChunk has no 'word'; there are chunk",
        f"    skills.1.method: there is no demo.translate.v1.Translator/Trnslate; did you mean {METHOD}?",
    ]


def test_a_mistake_in_an_expression_is_found_when_the_file_is_read(cli: Launcher, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(BROKEN.format(url="grpc://127.0.0.1:1").replace("text: word", 'text: "word."'))
    ended = cli.run("check", "-c", str(file))
    assert ended.code == WRONG_USAGE
    assert ended.err == f"{file}: agents.0.skills.0.response.text: not JMESPath at character 5, before 'its end'\n"
