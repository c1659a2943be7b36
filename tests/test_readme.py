"""The README is true: its commands are run, its configuration loads, its example calls, its links lead somewhere."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
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
SERVICE = "python -m examples.translator.server --address 127.0.0.1:50061"
SERVE_SERVICE = "a2a-gateway serve -c translator.yaml"
STREAM_SERVICE = 'a2a-gateway stream http://127.0.0.1:8080 "Good morning, world"'
SERVE_WORKER = "a2a-gateway serve --agent poet=python:examples.worker:Poet"
CURL_RESUME = "Last-Event-ID"
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
OF_THE_SERVICE = (SERVICE, SERVE_SERVICE, STREAM_SERVICE, CURL_RESUME, SERVE_WORKER)
HERE = frozenset({SERVE_ECHO, SERVE_PLANNER, CHECK_FILE, SERVE_FILE, STREAM_WEB, STREAM_GRPC, *CURLS, *OF_THE_SERVICE})
"""What is run below, as it stands but for its addresses."""

VERBS = ("card", "send", "get", "list", "cancel", "subscribe")
ELSEWHERE: dict[str, tuple[str, tuple[str, ...]]] = {
    f"a2a-gateway {'|'.join(VERBS)} URL …": ("tests/cli/test_verbs.py", tuple(f'"{verb}"' for verb in VERBS)),
    "make run": ("tests/cli/test_processes.py", ('"demo"',)),
    "make test": ("pyproject.toml", ('testpaths = ["tests"]',)),
}
"""What is run by other tests: where, and what must be read there."""

RECIPES = {"make run": "a2a-gateway demo", "make test": "pytest -n $(JOBS) --dist loadfile"}
"""What the verbs of make come down to once the environment is set up."""


def known_as(command: str) -> str:
    return next((mark for mark in (CURL_RESUME, *CURLS) if mark in command), command)


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
    (code,) = (code for code in blocks("python") if "Stub" in code)
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
    return written(folder, "gateway.yaml", change)


def written(folder: Path, name: str, change: Callable[[str], str]) -> Path:
    """A file that the README shows."""
    (text,) = (text for text in blocks("yaml") if text.startswith(f"# {name}\n"))
    file = folder / name
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


# The service that knows nothing of A2A


SLOWLY = ("--pause", "0.1")
"""Enough time between words to leave in the middle."""
SENTENCE = "Good morning, world. " * 8
TRANSLATED = " ".join(["guten", "Morgen", "Welt"] * 8)


@pytest.fixture(scope="module")
def before_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("service")
    service = program(SERVICE, {"127.0.0.1:50061": "127.0.0.1:0"}, SLOWLY)
    with running(service, "listening on ") as (url,):
        assert "grpc://127.0.0.1:50061" in TEXT
        written(folder, "translator.yaml", lambda text: text.replace("grpc://127.0.0.1:50061", url))
        with running(program(SERVE_SERVICE, {}, ANY), "serving on ", folder) as words:
            yield served(words)


def test_the_service_is_the_one_shown() -> None:
    (shown,) = blocks("proto")
    proto = (ROOT / "examples/translator/translator.proto").read_text()
    lines = [line.strip() for line in shown.splitlines()]
    assert [line for line in lines if line not in [own.strip() for own in proto.splitlines()]] == []
    assert len(proto.splitlines()) <= 30


def test_three_lines_make_it_an_agent(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "translator.yaml", lambda text: text), {})
    (agent,) = settings.agents
    assert (agent.name, agent.url, agent.skills) == ("translator", "grpc://127.0.0.1:50061", ())
    (text,) = (text for text in blocks("yaml") if "skills" in text)
    assert [line.strip(" -").partition(":")[0] for line in text.splitlines()[2:]] == ["name", "url", "skills"]


def test_the_service_streams_its_words(before_service: Served) -> None:
    result = ended(program(STREAM_SERVICE, {"http://127.0.0.1:8080": before_service.http}))
    assert result.stdout == "guten Morgen Welt\n"
    (command,) = (line for block in blocks("sh") for line in block.splitlines() if line.startswith(STREAM_SERVICE))
    assert "# guten Morgen Welt" in command


def test_the_sdk_leaves_asks_comes_back_and_cancels(before_service: Served, tmp_path: Path) -> None:
    """The README's Python in a program of its own: the SDK cannot share a process with the gateway's messages."""
    (code,) = (code for code in blocks("python") if "create_client" in code)
    assert "http://127.0.0.1:8080" in code
    code = code.replace("http://127.0.0.1:8080", before_service.http)
    about = f"""
import asyncio
from a2a.client import create_client
from a2a.types import *

part = Part(text={SENTENCE!r})
request = SendMessageRequest(message=Message(message_id="m", role=Role.ROLE_USER, parts=[part]))

async def main():
{textwrap.indent(code, "    ")}
    async with await create_client({before_service.http!r}) as client:
        print(TaskState.Name((await client.get_task(GetTaskRequest(id=task.id))).status.state))

asyncio.run(main())
"""
    file = tmp_path / "sdk.py"
    file.write_text(about)
    shown = ended([sys.executable, str(file)]).stdout
    assert re.search(r"^state: TASK_STATE_(SUBMITTED|WORKING)$", shown, re.MULTILINE), "the service works on"
    assert re.search(r"^task \{$", shown, re.MULTILINE), "the task so far"
    assert shown.splitlines()[-1] == "TASK_STATE_CANCELED"


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_who_comes_back_gets_exactly_what_was_missed(before_service: Served) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendStreamingMessage",
        "params": {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": SENTENCE}]}},
    }
    heard: list[tuple[str, Any]] = []
    with httpx.stream("POST", before_service.http, json=call, trust_env=False, timeout=WITHIN_S) as answer:
        cursor = ""
        for line in answer.iter_lines():
            if line.startswith("id: "):
                cursor = line.removeprefix("id: ")
            elif line.startswith("data: "):
                heard.append((cursor, json.loads(line.removeprefix("data: "))["result"]))
                if len(texts_of(heard)) == 3:
                    break
    task_id = heard[0][1]["task"]["id"]
    (command,) = (command for command in commands() if CURL_RESUME in command)
    changes = {"http://127.0.0.1:8080": before_service.http, "THE-LAST-ID": heard[-1][0], "THE-TASK": task_id}
    result = ended(program(command, changes, ("--silent", "--noproxy", "*")))
    lines = [line.removeprefix("data: ") for line in result.stdout.splitlines() if line.startswith("data: ")]
    rest = [("", json.loads(line)["result"]) for line in lines]
    assert "task" not in rest[0][1]
    assert "".join([*texts_of(heard), *texts_of(rest)]) == TRANSLATED


def texts_of(heard: list[tuple[str, Any]]) -> list[str]:
    return [
        part["text"]
        for _, event in heard
        if "artifactUpdate" in event
        for part in event["artifactUpdate"]["artifact"]["parts"]
    ]


def test_a_page_of_python_is_an_agent(tmp_path: Path) -> None:
    store = ("--store", f"sqlite:///{tmp_path / 'a2a.db'}")
    with running(program(SERVE_WORKER, {}, (*ANY, *store)), "serving on ") as words:
        result = ended(
            program(STREAM_SERVICE, {"http://127.0.0.1:8080": served(words).http, "Good morning, world": "rain"})
        )
    assert "Of rain I sing" in result.stdout


def answers(host: str, port: int) -> bool:
    with closing(socket.create_connection((host, port), WITHIN_S)):
        return True


def test_relative_links_lead_somewhere() -> None:
    links = _LINK.findall(_FENCE.sub("", TEXT))
    relative = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert relative
    assert [link for link in relative if not (ROOT / link.partition("#")[0]).exists()] == []
