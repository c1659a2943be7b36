"""Wrong usage ends with 2 and a message that names it; a call that fails ends with 1."""

import signal
import socket
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.cli.conftest import Addresses, Agents
from tests.cli.launcher import DONE, FAILED, WRONG_USAGE, Launcher

VERBS = (
    "serve",
    "demo",
    "replay",
    "check",
    "map",
    "health",
    "card",
    "send",
    "stream",
    "get",
    "list",
    "cancel",
    "subscribe",
)

WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "an unknown verb": (("bogus",), "bogus"),
    "an unknown option": (("send", "URL", "hi", "--bogus"), "--bogus"),
    "no URL": (("send",), "url"),
    "no task": (("get", "URL"), "TASK"),
    "nothing to send": (("send", "URL"), "nothing to send"),
    "no URL at all": (("send", "nonsense", "hi"), "expected a URL"),
    "an unknown scheme": (("send", "ftp://127.0.0.1/", "hi"), "grpc://"),
    "gRPC without a port": (("send", "grpc://127.0.0.1", "hi"), "grpc://HOST:PORT"),
    "gRPC with a path": (("send", "grpc://127.0.0.1:1/x", "hi"), "grpc://HOST:PORT"),
    "a port that is none": (("send", "http://127.0.0.1:99999/", "hi"), "ort"),
    "half an IPv6 address": (("send", "http://[::1/", "hi"), "IPv6"),
    "credentials in the URL": (("send", "http://me:secret@127.0.0.1/", "hi"), "user name"),
    "data that is no JSON": (("send", "URL", "--data", "{"), "--data"),
    "data that is too deep": (("send", "URL", "--data", "[" * 500 + "]" * 500), "--data"),
    "a file that is not there": (("send", "URL", "--file", "/no/such/file"), "/no/such/file"),
    "a folder": (("send", "URL", "--file", "/"), "--file /"),
    "text that is no UTF-8": (("send", "URL", "caf\udce9"), "UTF-8"),
    "a header without a colon": (("get", "URL", "x", "--header", "authorization"), "--header authorization"),
    "a header that may not be sent": (("get", "URL", "x", "--header", "Cookie: a"), "cookie"),
    "a header beyond ASCII": (("get", "URL", "x", "--header", "x-name: Zoë"), "x-name"),
    "a header of two lines": (("get", "URL", "x", "--header", "x-name: a\nb: c"), "x-name"),
    "an unknown state": (("list", "URL", "--status", "bogus"), "input-required"),
    "a page size that is none": (("list", "URL", "--page-size", "many"), "--page-size"),
    "a page size out of range": (("list", "URL", "--page-size", "99999999999"), "--page-size"),
    "a history out of range": (("get", "URL", "x", "--history", "99999999999"), "--history"),
    "a timeout that is none": (("get", "URL", "x", "--timeout", "soon"), "--timeout"),
    "an address without a port": (("serve", "--http", "localhost"), "http: expected HOST:PORT"),
    "an address of another kind": (("serve", "--grpc", "grpc://127.0.0.1:1"), "grpc: "),
    "an agent without a name": (("serve", "--agent", "grpc://127.0.0.1:1"), "NAME=URL"),
    "an agent with a reserved name": (("serve", "--agent", "metrics=grpc://127.0.0.1:1"), "metrics"),
    "an agent with a bad URL": (("serve", "--agent", "a=127.0.0.1:1"), "expected a URL"),
    "a configuration that is not there": (("serve", "-c", "/no/such.yaml"), "/no/such.yaml: "),
    "nothing to check": (("check",), "--agent"),
}


@pytest.mark.parametrize("usage", WRONG)
def test_wrong_usage_says_what_is_wrong(cli: Launcher, agents: Agents, usage: str) -> None:
    arguments, named = WRONG[usage]
    ended = cli.run(*(agents.scribe if one == "URL" else one for one in arguments))
    assert named.lower() in ended.err.lower()
    assert "Traceback" not in ended.err
    assert (ended.code, ended.out) == (WRONG_USAGE, "")


def test_stdin_that_is_no_text_is_wrong_usage(cli: Launcher, agents: Agents) -> None:
    ended = cli.run("send", agents.scribe, "-", stdin=b"\xff\xfe\x00")
    assert "Traceback" not in ended.err
    assert (ended.code, ended.out) == (WRONG_USAGE, "")


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """HOST:PORT where nobody listens and nobody will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["grpc", "http", "grpcs", "https"])
@pytest.mark.parametrize("verb", [("stream", "hi"), ("card",)], ids=lambda verb: verb[0])
def test_an_agent_that_is_not_there_fails_without_its_address(
    cli: Launcher, nobody: str, scheme: str, verb: tuple[str, ...]
) -> None:
    ended = cli.run(verb[0], f"{scheme}://{nobody}", *verb[1:])
    assert (ended.code, ended.out) == (FAILED, "")
    assert ended.err == "UNAVAILABLE The agent cannot be reached\n"


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_host_without_an_address_fails(cli: Launcher, scheme: str) -> None:
    ended = cli.run("get", f"{scheme}://no-such-host.invalid:1", "x", "--timeout", "20")
    assert (ended.code, ended.out) == (FAILED, "")
    assert ended.err in (
        "UNAVAILABLE The agent's host has no address\n",
        "UNAVAILABLE The agent cannot be reached\n",
    )


def test_a_wrong_tenant_fails(cli: Launcher, served: Addresses) -> None:
    ended = cli.run("get", served.grpc, "x", "--tenant", "nobody")
    assert (ended.code, ended.err) == (FAILED, "INVALID_PARAMS There is no agent 'nobody'\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_names_every_verb(cli: Launcher, option: str) -> None:
    listed = [
        line.split()[0] for line in cli.run(option).done().out.partition("Commands:")[2].splitlines() if line.strip()
    ]
    assert listed == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--help"], prog_name="a2a-gateway")
    assert shown.exit_code == DONE
    assert shown.output.startswith(f"Usage: a2a-gateway {verb}")


def test_ctrl_c_ends_a_stream_quietly(cli: Launcher, agents: Agents) -> None:
    started = cli.start("stream", agents.words, "word " * 4000, "--json")
    assert started.line()
    started.signal(signal.SIGINT)
    ended = started.ends()
    assert ended.code == 130
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("READY", DONE),
        ("READY/", DONE),
        ("NOBODY", FAILED),
        ("AGENT", FAILED),
        ("nonsense", FAILED),
        ("http://a b/", FAILED),
    ],
)
def test_health(cli: Launcher, agents: Agents, served: Addresses, nobody: str, url: str, code: int) -> None:
    places = {"READY": served.http, "NOBODY": f"http://{nobody}", "AGENT": agents.words.replace("grpc", "http")}
    for name, place in places.items():
        url = url.replace(name, place)
    ended = cli.run("health", url)
    assert "Traceback" not in ended.err
    assert (ended.code, ended.out) == (code, "ready\n" if code == DONE else "")
    assert ended.err.startswith("not ready: ") is (code == FAILED)
