"""`python -m gateway` itself: each verb once, `serve` as it is configured, and `demo` to its end."""

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.answers import answer_to
from gateway import __version__
from tests.cli.conftest import ANY, Addresses, Agents
from tests.cli.launcher import DONE, ROOT, WITHIN_S, WRONG_USAGE, Launcher, Started, environment

# Every verb as it is called


def gateway(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=WITHIN_S)


CALLED: dict[str, tuple[tuple[str, ...], str]] = {
    "--version": (("--version",), f"a2a-gateway {__version__}\n"),
    "--help": (("--help",), "Usage: "),
    "check": (("check", "--agent", "words=GRPC", "--agent", "scribe=HTTP/scribe/"), "✓ words\n✓ scribe\n"),
    "health": (("health", "HTTP"), "ready\n"),
    "card": (("card", "HTTP"), "Example agent 1.0.0\n"),
    "send": (("send", "GRPC", "hi", "--tenant", "scribe"), "You said: hi."),
    "stream": (("stream", "HTTP", "hi", "--json"), '{"task":'),
    "list": (("list", "GRPC", "--json"), '{"tasks":'),
}


@pytest.mark.parametrize("verb", CALLED)
def test_every_verb_as_it_is_called(served: Addresses, verb: str) -> None:
    arguments, begin = CALLED[verb]
    places = {"HTTP": served.http, "GRPC": served.grpc}
    named = [re.sub("HTTP|GRPC", lambda match: places[match[0]], one) for one in arguments]
    ended = gateway(*named)
    assert ended.returncode == DONE, ended.stderr
    assert ended.stdout.startswith(begin)


# Serving


def state(started: Started) -> dict[str, Any]:
    """What a gateway that has begun to serve says of itself."""
    line = started.line()
    http = re.fullmatch(r"serving on (http://\S+) and grpc://\S+\n", line)
    assert http, line or started.ends()
    said: dict[str, Any] = httpx.get(f"{http[1]}/readyz?verbose", timeout=WITHIN_S, trust_env=False).json()
    return {**said, "url": http[1]}


def stopped(started: Started) -> None:
    started.signal(signal.SIGTERM)
    assert started.ends().code == DONE


def test_flags_the_environment_and_the_file_are_heard_in_that_order(cli: Launcher, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        json.dumps(
            {
                "http": "nowhere.invalid:1",
                "grpc": "nowhere.invalid:1",
                "limits": {"streams": 5, "json_depth": 9},
                "agents": [
                    {"name": "first", "url": "grpc://127.0.0.1:1"},
                    {"name": "second", "url": "grpc://127.0.0.1:1"},
                ],
            }
        )
    )
    env = {
        "A2A_GATEWAY_GRPC": "127.0.0.1:0",
        "A2A_GATEWAY_LIMITS__STREAMS": "7",
        "A2A_GATEWAY_HTTP": "nowhere.invalid:2",
    }
    flags = ("--http", "127.0.0.1:0", "--agent", "third=http://127.0.0.1:1/", "--agent", "second=http://127.0.0.1:2/")
    serving = cli.start("serve", "-c", str(file), *flags, env=env)
    said = state(serving)
    assert said["agents"] == ["first", "second", "third"]
    assert (said["limits"]["streams"], said["limits"]["json_depth"]) == (7, 9)
    stopped(serving)


def test_the_environment_alone_will_do(cli: Launcher, agents: Agents) -> None:
    env = {
        "A2A_GATEWAY_HTTP": "127.0.0.1:0",
        "A2A_GATEWAY_GRPC": "127.0.0.1:0",
        "A2A_GATEWAY_PUBLIC_URL": "https://agents.example.com",
        "A2A_GATEWAY_AGENTS": json.dumps([{"name": "words", "url": agents.words}]),
    }
    serving = cli.start("serve", env=env)
    said = state(serving)
    card = httpx.get(f"{said['url']}/.well-known/agent-card.json", timeout=WITHIN_S, trust_env=False).json()
    assert said["agents"] == ["words"]
    assert card["supportedInterfaces"][0]["url"] == "https://agents.example.com/"
    stopped(serving)


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HTTP", "nowhere", "http: "),
        ("LIMITS__STREAMS", "many", "limits.streams: "),
        ("AGENTS", "{", "agents"),
        ("AGENTS", '[{"name": "a"}]', "agents.0.url: "),
        ("LOG_LEVEL", "loud", "log_level: "),
    ],
)
def test_an_environment_that_cannot_be_used_is_wrong_configuration(
    cli: Launcher, variable: str, value: str, named: str
) -> None:
    ended = cli.run("serve", env={f"A2A_GATEWAY_{variable}": value})
    assert named in ended.err
    assert "Traceback" not in ended.err
    assert (ended.code, ended.out) == (WRONG_USAGE, "")


def test_trust_that_is_no_certificate_is_wrong_configuration(cli: Launcher, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    file = tmp_path / "gateway.yaml"
    file.write_text("agents: [{name: a, url: 'https://127.0.0.1:1/', tls: {ca: %s}}]" % (tmp_path / "ca.pem"))
    ended = cli.run("serve", *ANY, "-c", str(file))
    assert "Traceback" not in ended.err
    assert "ca.pem" in ended.err
    assert (ended.code, ended.out) == (WRONG_USAGE, "")


@pytest.mark.parametrize("side", ["http", "grpc"])
def test_a_taken_port_is_said(cli: Launcher, side: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = cli.run("serve", *ANY, f"--{side}", address)
    assert (ended.code, ended.out) == (WRONG_USAGE, "")
    assert ended.err.splitlines()[-1].startswith(f"{side}: {address} cannot be listened on")
    assert "Traceback" not in ended.err


def test_logs_go_to_stderr_one_json_text_a_line(cli: Launcher, agents: Agents) -> None:
    serving = cli.start("serve", *ANY, "--agent", f"words={agents.words}")
    said = state(serving)
    told = {"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "secret-content"}}
    headers = {"authorization": "Bearer secret-token"}
    httpx.post(said["url"], json=told, headers=headers, timeout=WITHIN_S, trust_env=False)
    serving.signal(signal.SIGINT)
    ended = serving.ends()
    assert (ended.code, ended.out) == (DONE, "")
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert [line["event"] for line in lines] == ["serving", "call", "draining", "stopped"]
    (call,) = (line for line in lines if line["event"] == "call")
    assert {name: call[name] for name in ("agent", "operation", "binding", "outcome", "level")} == {
        "agent": "words",
        "operation": "GetTask",
        "binding": "JSONRPC",
        "outcome": "TASK_NOT_FOUND",
        "level": "warning",
    }
    assert "secret-token" not in ended.err


# The demo


MORNING, EVENING = answer_to("Good morning, gateway").words, answer_to("Good evening, gateway").words
ROW = re.compile(r"^ {0,2}(\d+) .*→ (.*)$", re.MULTILINE)


def rows(shown: str) -> list[str]:
    """What left the gateway, row by row, of one direction."""
    found = ROW.findall(shown)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [right for _, right in found]


def agents_in(shown: str) -> list[tuple[str, int]]:
    found: list[str] = re.findall(r" at \w+://(127\.0\.0\.1:\d+)$", shown, re.MULTILINE)
    return [(host, int(port)) for host, _, port in (place.partition(":") for place in found)]


def nobody_listens(place: tuple[str, int]) -> bool:
    with closing(socket.socket()) as one:
        return one.connect_ex(place) != 0


def test_demo_once_shows_a_stream_each_way_and_leaves_nothing_behind(demos: dict[str, Started]) -> None:
    ended = demos["once"].ends()
    assert (ended.code, ended.err) == (DONE, "")
    _, to_http, to_grpc, mapped = re.split(r"^ +# .*$", ended.out, flags=re.MULTILINE)
    heads = re.findall(r"^ +# +(.*?) +→ (.*?) *$", ended.out, flags=re.MULTILINE)
    assert heads == [
        ("gRPC 1.0 from the agent", "JSON-RPC + SSE 1.0 to the caller"),
        ("JSON-RPC + SSE 1.0 from the agent", "gRPC 1.0 to the caller"),
        ("its own gRPC from the service", "JSON-RPC + SSE 1.0 to the caller"),
    ]
    # A task, that it is worked on, each word, and that it is done.
    assert len(rows(to_http)) == len(MORNING) + 3
    assert len(rows(to_grpc)) == len(EVENING) + 3
    assert all("data: " in row for row in rows(to_http))
    assert not any("data: " in row for row in rows(to_grpc))
    assert [
        word for word, row in zip(MORNING, rows(to_http)[2:], strict=False) if len(word) > 5 and word.strip() not in row
    ] == []
    # What the service sends is its own, and a few bytes.
    for word, row in zip(("guten", " Morgen", " Welt"), rows(mapped)[2:], strict=False):
        assert f'"text":"{word}"' in row
        assert re.search(rf"\d B \W+{word} +→", mapped)
    assert len(rows(mapped)) == 6
    places = agents_in(ended.out)
    assert len(places) == 3
    assert all(map(nobody_listens, places))


def test_demo_keeps_serving_until_it_is_told_to_stop(cli: Launcher, demos: dict[str, Started]) -> None:
    demo = demos["on"]
    shown = demo.lines_to("Serving until Ctrl-C:") + demo.lines_to("stream grpc://")
    http, grpc = re.search(r"stream (http://\S+)/scribe/", shown), re.search(r"stream (grpc://\S+)", shown)
    assert http
    assert grpc
    for target in ((f"{http[1]}/scribe/",), (grpc[1], "--tenant", "words")):
        (answer,) = cli.run("send", *target, "hi", "--return-immediately", "--json").done().json()
        assert answer["task"]["status"]["state"] in ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")
    assert "Of rain I sing" in cli.run("stream", f"{http[1]}/poet/", "rain").done().out
    demo.signal(signal.SIGTERM)
    ended = demo.ends()
    assert (ended.code, ended.err) == (DONE, "")
    assert all(map(nobody_listens, agents_in(shown)))
    assert not [*ROOT.glob("*.db")], "its tasks are kept nowhere"


def test_demo_at_a_taken_port_says_so(cli: Launcher) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = cli.run("demo", "--once", "--http", address, "--grpc", "127.0.0.1:0")
    assert ended.code == WRONG_USAGE
    assert ended.err.splitlines()[-1].startswith(f"http: {address} cannot be listened on")
