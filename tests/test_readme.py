"""The README is true: its commands are run, its configuration loads, its example calls, its links lead somewhere."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from gateway.settings import load
from generated.a2a.v1 import a2a_pb2, a2a_pb2_grpc
from tests.cli.launcher import DONE, ROOT, WITHIN_S, environment

README = ROOT / "README.md"
TEXT = README.read_text()
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^()\s]+)\)")


def blocks(language: str) -> list[str]:
    return [text for found, text in _FENCE.findall(TEXT) if found == language]


def commands() -> list[str]:
    """Every command of the README's shell blocks, each as it stands there without its comment."""
    found: list[str] = []
    for block in blocks("sh"):
        pending = ""
        for line in block.splitlines():
            pending += f"{line}\n"
            try:
                words = shlex.split(pending, comments=True)
            except ValueError:
                continue  # a quotation goes on in the next line
            if words:
                found.append(pending.partition("  #")[0].strip() if "\n" not in pending.strip() else pending.strip())
            pending = ""
        assert not pending, f"a command without an end: {pending}"
    return found


SERVE_ECHO = "a2a-gateway serve --agent echo=grpc://127.0.0.1:50051"
SERVE_PLANNER = "a2a-gateway serve --agent planner=https://planner.example.com/"
CHECK_FILE = "a2a-gateway check -c gateway.yaml"
SERVE_FILE = "a2a-gateway serve -c gateway.yaml"
STREAM_WEB = 'a2a-gateway stream https://planner.example.com/ "Plan my week"'
STREAM_GRPC = 'a2a-gateway stream grpc://127.0.0.1:50050 "Plan my week" --tenant planner --json'
CURL = '"method": "SendStreamingMessage"'
CURL_REST = "curl -N http://127.0.0.1:8080/message:stream "
CURL_OLD = '"method": "message/stream"'
"""What the commands that are longer than a line are known by."""
CURLS: dict[str, Callable[[Any], Any]] = {
    CURL: lambda event: event["result"].get("artifactUpdate"),
    CURL_REST: lambda event: event.get("artifactUpdate"),
    CURL_OLD: lambda event: event["result"] if event["result"]["kind"] == "artifact-update" else None,
}
"""The commands that read a stream, and where the data of one event has an update of an artifact."""
HERE = frozenset({SERVE_ECHO, SERVE_PLANNER, CHECK_FILE, SERVE_FILE, STREAM_WEB, STREAM_GRPC, *CURLS})
"""What is run below, as it stands but for its addresses."""

VERBS = ("card", "send", "get", "list", "cancel", "subscribe")
ELSEWHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    f"a2a-gateway {'|'.join(VERBS)} URL …": ("tests/cli/test_verbs.py", tuple(f'"{verb}"' for verb in VERBS)),
    "make run": ("tests/cli/test_processes.py", ('"demo"',)),
    "make test": ("pyproject.toml", ('testpaths = ["tests"]',)),
}
"""What is run by other tests: where, and what must be read there."""

RECIPES = {"make run": "a2a-gateway demo", "make test": "pytest -n auto --dist loadfile"}
"""What the verbs of make come down to once the environment is set up."""


def known_as(command: str) -> str:
    return next((mark for mark in CURLS if mark in command), command)


def test_every_command_is_run() -> None:
    assert sorted(map(known_as, commands())) == sorted((*HERE, *ELSEWHERE))


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_run_elsewhere_is_run_there(command: str) -> None:
    file, words = ELSEWHERE[command]
    text = (ROOT / file).read_text()
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("command", RECIPES)
def test_the_verbs_of_make_do_what_is_tested(command: str) -> None:
    verb = command.removeprefix("make ")
    lines = re.findall(rf"^{verb}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [line.strip().removeprefix("$(BIN)/") for line in lines] == [RECIPES[command]]


def program(command: str, changes: dict[str, str], more: tuple[str, ...] = ()) -> list[str]:
    """A command of the README as it can be run here. Every change must have something to change."""
    for old, new in changes.items():
        assert old in command, f"{old!r} is not in {command!r}"
        command = command.replace(old, new)
    name, *arguments = shlex.split(command, comments=True)
    installed = Path(sys.executable).with_name(name)
    start = [str(installed)] if installed.exists() else [shutil.which(name) or name]
    return [*start, *arguments, *more]


def ended(command: list[str], folder: Path = ROOT, **env: str) -> "subprocess.CompletedProcess[str]":
    result = subprocess.run(command, cwd=folder, env=environment(env), capture_output=True, text=True, timeout=WITHIN_S)
    assert result.returncode == DONE, result.stderr
    return result


@contextmanager
def running(command: list[str], announced: str, folder: Path = ROOT, **env: str) -> Generator[list[str]]:
    """A program for as long as the block runs, and the words of its first line after `announced`."""
    with subprocess.Popen(
        command, cwd=folder, env=environment(env), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(announced), f"{command} printed {line!r}"
            yield line.removeprefix(announced).split()
        finally:
            process.terminate()
            process.wait(WITHIN_S)


@dataclass(frozen=True, slots=True)
class Places:
    """URLs in the place of the README's."""

    echo: str
    planner: str


ANY = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    """The agent that the README says to try it with, and one on the web."""
    told = re.search(r"`\.venv/bin/python (-m examples\.grpc_agent --address) 127\.0\.0\.1:50051`", TEXT)
    assert told, "the README names an agent to try it with"
    pause = ("127.0.0.1:0", "--pause", "0.005")
    with (
        running([sys.executable, *told[1].split(), *pause], "listening on ") as echo,
        running([sys.executable, "-m", "examples.jsonrpc_agent", "--address", *pause], "listening on ") as planner,
    ):
        yield Places(echo[0], planner[0])


@dataclass(frozen=True, slots=True)
class Served:
    http: str
    grpc: str


def served(words: list[str]) -> Served:
    http, _, over_grpc = words
    return Served(http, over_grpc.removeprefix("grpc://"))


@pytest.fixture(scope="module")
def before_echo(places: Places) -> Iterator[Served]:
    with running(program(SERVE_ECHO, {"grpc://127.0.0.1:50051": places.echo}, ANY), "serving on ") as words:
        yield served(words)


@pytest.fixture(scope="module")
def before_planner(places: Places) -> Iterator[Served]:
    with running(program(SERVE_PLANNER, {"https://planner.example.com": places.planner}, ANY), "serving on ") as words:
        yield served(words)


def test_any_client_finds_the_agent_by_its_card(before_echo: Served) -> None:
    """The address of the card is the README's, but for the port."""
    (path,) = set(re.findall(r"`http://127\.0\.0\.1:8080(/\S+agent-card\.json)`", TEXT))
    card = httpx.get(f"{before_echo.http}{path}", trust_env=False, timeout=WITHIN_S).json()
    assert card["supportedInterfaces"][0]["url"] == f"{before_echo.http}/"


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
@pytest.mark.parametrize("curl", CURLS)
def test_curl_reads_the_stream(before_echo: Served, curl: str) -> None:
    events = curled(before_echo, curl)
    updates = [update for event in events if (update := CURLS[curl](event))]
    texts = [part["text"] for update in updates for part in update["artifact"]["parts"]]
    assert "".join(texts).startswith("You said: hello. ")
    assert len(texts) > 3, "word by word"


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_the_stream_is_as_shown(before_echo: Served) -> None:
    events = curled(before_echo, CURL)
    assert [kind for event in events for kind in event["result"]][:3] == ["task", "statusUpdate", "artifactUpdate"]
    assert_as_shown(events)


def curled(gateway: Served, curl: str) -> list[Any]:
    """The data of each event that a command of the README reads."""
    (command,) = (command for command in commands() if curl in command)
    result = ended(program(command, {"http://127.0.0.1:8080": gateway.http}, ("--silent", "--noproxy", "*")))
    assert result.stdout.startswith("data: ")
    return [json.loads(line.removeprefix("data: ")) for line in result.stdout.splitlines() if line]


def assert_as_shown(events: list[Any]) -> None:
    """What the README shows of the stream is in it, piece by piece and in order."""
    (sample,) = (block for block in blocks("") if block.startswith("data: "))
    shown = [line.removeprefix("data: ") for line in sample.splitlines() if line]
    lines = iter(json.dumps(event, separators=(",", ":"), ensure_ascii=False) for event in events)
    for line in shown:
        pieces = [piece for piece in re.split(r"…|}+$", line) if piece]
        assert any(all(piece.strip(",") in event for piece in pieces) for event in lines), line


def test_stock_stubs_call_the_gateway(before_planner: Served) -> None:
    """The README's Python, with something to do for each event."""
    (code,) = blocks("python")
    changes = {'"127.0.0.1:50050"': repr(before_planner.grpc), "...": "events.append(event)"}
    for old, new in changes.items():
        assert old in code
        code = code.replace(old, new)
    part = a2a_pb2.Part(text="Plan my week")
    message = a2a_pb2.Message(message_id="m", role=a2a_pb2.ROLE_USER, parts=[part])
    events: list[a2a_pb2.StreamResponse] = []
    channels: list[grpc.Channel] = []

    class Grpc:
        """`grpc`, whose channels are closed in the end."""

        @staticmethod
        def insecure_channel(target: str) -> grpc.Channel:
            channels.append(grpc.insecure_channel(target))
            return channels[-1]

    known = {
        "grpc": Grpc,
        "a2a_pb2_grpc": a2a_pb2_grpc,
        "request": a2a_pb2.SendMessageRequest(message=message),
        "events": events,
    }
    try:
        exec(code, known)
    finally:
        for channel in channels:
            channel.close()
    assert events[0].HasField("task")
    assert events[-1].status_update.status.state == a2a_pb2.TASK_STATE_COMPLETED
    assert "".join(
        event.artifact_update.artifact.parts[0].text for event in events if event.HasField("artifact_update")
    ).startswith("You said: Plan my week.")


def test_the_client_streams_from_the_web(places: Places) -> None:
    result = ended(program(STREAM_WEB, {"https://planner.example.com": places.planner}))
    assert result.stdout.startswith("You said: Plan my week.")
    assert result.stderr.startswith("task ")


def test_the_client_streams_over_grpc(before_planner: Served) -> None:
    result = ended(program(STREAM_GRPC, {"127.0.0.1:50050": before_planner.grpc}))
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert "task" in events[0]
    assert events[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


def configuration(folder: Path, change: Callable[[str], str] = lambda text: text) -> Path:
    """The README's YAML as the file that it says to be."""
    (text,) = blocks("yaml")
    assert text.startswith("# gateway.yaml\n")
    file = folder / "gateway.yaml"
    file.write_text(change(text))
    return file


def test_the_configuration_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_TOKEN", "the-token")
    settings = load(configuration(tmp_path), {})
    assert [(agent.name, agent.url) for agent in settings.agents] == [
        ("summarizer", "grpc://summarizer.internal:50051"),
        ("planner", "https://planner.example.com/"),
    ]
    assert (settings.http, settings.grpc, settings.public_url) == (
        "0.0.0.0:8080",
        "0.0.0.0:50050",
        "https://agents.example.com",
    )
    assert settings.agents[1].headers == {"authorization": "Bearer the-token"}


def test_the_configuration_is_checked_and_served(tmp_path: Path, places: Places) -> None:
    changes = {
        "0.0.0.0:8080": "127.0.0.1:0",
        "0.0.0.0:50050": "127.0.0.1:0",
        "grpc://summarizer.internal:50051": places.echo,
        "https://planner.example.com/": f"{places.planner}/",
    }

    def here(text: str) -> str:
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        return text

    configuration(tmp_path, here)
    result = ended(program(CHECK_FILE, {}), tmp_path, PLANNER_TOKEN="x")
    assert result.stdout == "✓ summarizer\n✓ planner\n"
    with running(program(SERVE_FILE, {}), "serving on ", tmp_path, PLANNER_TOKEN="x") as words:
        gateway = served(words)
        host, _, port = gateway.grpc.rpartition(":")
        assert answers(host, int(port))
        assert answers(host, int(gateway.http.rpartition(":")[2]))


def answers(host: str, port: int) -> bool:
    with closing(socket.create_connection((host, port), WITHIN_S)):
        return True


def test_relative_links_lead_somewhere() -> None:
    links = _LINK.findall(_FENCE.sub("", TEXT))
    relative = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert relative
    assert [link for link in relative if not (ROOT / link.partition("#")[0]).exists()] == []
