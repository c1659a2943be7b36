"""`check` says of every agent whether it can be served, and what is wrong and where."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Agents
from tests.cli.launcher import DONE, FAILED, WRONG_USAGE, Ended, Launcher
from tests.fakes import events
from tests.fakes.events import Json
from tests.fakes.http_steps import JSON_HEAD, Script, Scripts, json_error, json_reply, reply
from tests.fakes.loopback import stream_socket
from tests.fakes.scripted_http import ScriptedHttpAgent

pytestmark = pytest.mark.anyio

NOT_FOUND = json_error(-32001, "Task not found")
HTML = reply(200, (("content-type", "text/html"),), b"<!doctype html><p>It works!</p>")


async def check(cli: Launcher, *arguments: str, env: dict[str, str] | None = None) -> Ended:
    return await asyncio.to_thread(cli.run, "check", *arguments, env=env)


def problems(ended: Ended) -> list[str]:
    """What is said, without its marks; a problem is one line."""
    return [line.strip() for line in ended.out.splitlines() if line.startswith("    ")]


async def test_agents_that_can_be_served(cli: Launcher, agents: Agents) -> None:
    ended = await check(cli, "--agent", f"words={agents.words}", "--agent", f"scribe={agents.scribe}")
    assert (ended.code, ended.out, ended.err) == (DONE, "✓ words\n✓ scribe\n", "")


async def test_one_agent_of_two_is_not_there(cli: Launcher, agents: Agents) -> None:
    with stream_socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"grpc://127.0.0.1:{nobody.getsockname()[1]}"
        ended = await check(cli, "--agent", f"words={agents.words}", "--agent", f"gone={gone}")
    assert ended.code == FAILED
    assert [line for line in ended.out.splitlines() if line[0] != " "] == ["✓ words", "✗ gone"]
    assert problems(ended) == ["card: The agent cannot be reached", "GetTask: UNAVAILABLE: The agent cannot be reached"]


def card(**changes: events.JsonValue) -> Script:
    named: Json = {**events.agent_card("http://127.0.0.1:1/"), **changes}
    return (reply(200, JSON_HEAD, json.dumps(named).encode()),)


def interface(binding: str, version: str) -> Json:
    return {"url": "http://127.0.0.1:1/", "protocolBinding": binding, "protocolVersion": version}


SPEAKS = "the gateway speaks GRPC 1.0, JSONRPC 1.0, HTTP+JSON 1.0, GRPC 0.3, JSONRPC 0.3, HTTP+JSON 0.3"

UNFIT: dict[str, tuple[Scripts, Script | None, list[str]]] = {
    "a web site": ({"*": [HTML]}, [HTML], ["card: ", "GetTask: "]),
    "a web site without the page": (
        {},
        [reply(404, (("content-type", "text/html"),), b"<p>Not here</p>")],
        ["card: Fetching the agent's card gave HTTP 404", "GetTask: UNAVAILABLE: Fetching"],
    ),
    "an agent of 0.2 only": (
        {"*": [NOT_FOUND]},
        card(supportedInterfaces=[interface("JSONRPC", "0.2")]),
        [f"GetTask: VERSION_NOT_SUPPORTED: The agent's card offers JSONRPC 0.2; {SPEAKS}"],
    ),
    "an agent of another binding only": (
        {"*": [NOT_FOUND]},
        card(supportedInterfaces=[interface("HTTP+XML", "1.0")]),
        [f"GetTask: VERSION_NOT_SUPPORTED: The agent's card offers HTTP+XML 1.0; {SPEAKS}"],
    ),
    "an agent without an interface": (
        {"*": [NOT_FOUND]},
        card(supportedInterfaces=[]),
        ["GetTask: VERSION_NOT_SUPPORTED: The agent's card offers no interface"],
    ),
    "an agent whose interface is elsewhere": (
        {"*": [NOT_FOUND]},
        card(),
        ["GetTask: UNAVAILABLE: The agent cannot be reached"],
    ),
    "an agent that has every task": (
        {"*": [json_reply(events.bare_task("x"))]},
        None,
        ["GetTask: answered a task that does not exist"],
    ),
    "an agent that answers nonsense": ({"*": [HTML]}, None, ["GetTask: INVALID_AGENT_RESPONSE: "]),
    "an agent that knows no A2A": (
        {"*": [json_error(-32601, "Method not found")]},
        None,
        ["GetTask: METHOD_NOT_FOUND"],
    ),
    "an agent that is out of order": (
        {"*": [reply(503, (), b"")]},
        None,
        ["GetTask: UNAVAILABLE: The agent answered HTTP 503"],
    ),
}


@pytest.mark.parametrize("agent", UNFIT)
async def test_agents_that_cannot_be_served(cli: Launcher, agent: str) -> None:
    scripts, shown, expected = UNFIT[agent]
    async with ScriptedHttpAgent(scripts, card=shown) as unfit:
        ended = await check(cli, "--agent", f"unfit={unfit.url}")
    assert ended.code == FAILED
    assert ended.out.splitlines()[0] == "✗ unfit"
    said = problems(ended)
    assert [line for line, begin in zip(said, expected, strict=True) if not line.startswith(begin)] == []


async def test_an_agent_that_wants_credentials_can_be_served(cli: Launcher) -> None:
    """It is an A2A agent; its callers will have them."""
    async with ScriptedHttpAgent({"*": [reply(401, (), b"")]}) as agent:
        ended = await check(cli, "--agent", f"shy={agent.url}")
    assert (ended.code, ended.out) == (DONE, "✓ shy\n")


@pytest.mark.parametrize("declares", [True, False])
async def test_an_agent_whose_notifications_are_relayed_declares_them(
    cli: Launcher, tmp_path: Path, declares: bool
) -> None:
    async with ScriptedHttpAgent({"*": [NOT_FOUND]}) as agent:
        told = {**events.agent_card(agent.url), "capabilities": {"pushNotifications": declares}}
        agent.card = (reply(200, JSON_HEAD, json.dumps(told).encode()),)
        file = tmp_path / "gateway.yaml"
        file.write_text(f"agents: [{{name: a, url: '{agent.url}', push: relay}}]")
        ended = await check(cli, "-c", str(file))
    said = [] if declares else ["push: relay needs push notifications, and its card does not declare them"]
    assert (ended.code, problems(ended)) == (DONE if declares else FAILED, said)


FILES: dict[str, tuple[str, str]] = {
    "no YAML": ("agents: [", "gateway.yaml: "),
    "no settings": ("- a\n- b\n", "gateway.yaml: expected settings by name"),
    "an unknown setting": ("agent: []\n", "gateway.yaml: agent: unknown setting"),
    "an unknown setting of an agent": (
        "agents: [{name: a, url: 'grpc://127.0.0.1:1', bogus: 1}]",
        "gateway.yaml: agents.0.bogus: unknown setting",
    ),
    "a bad URL": ("agents: [{name: a, url: 'a:1'}]", "gateway.yaml: agents.0.url: expected a URL"),
    "a bad name": ("agents: [{name: a/b, url: 'grpc://127.0.0.1:1'}]", "gateway.yaml: agents.0.name: "),
    "a reserved name": ("agents: [{name: livez, url: 'grpc://127.0.0.1:1'}]", "gateway.yaml: agents.0.name: 'livez'"),
    "two of a name": (
        "agents: [{name: a, url: 'grpc://127.0.0.1:1'}, {name: a, url: 'grpc://127.0.0.1:2'}]",
        "two agents are named 'a'",
    ),
    "a limit below its least": ("limits: {streams: 0}\nagents: []", "gateway.yaml: limits.streams: "),
    "a secret that is not set": (
        "agents: [{name: a, url: 'grpc://127.0.0.1:1', headers: {authorization: '${NO_SUCH_SECRET}'}}]",
        "gateway.yaml: the environment has no NO_SUCH_SECRET",
    ),
    "a binding that the URL is not": (
        "agents: [{name: a, url: 'grpcs://127.0.0.1:1', binding: JSONRPC}]",
        "gateway.yaml: agents.0: binding: grpcs:// is GRPC and not JSONRPC",
    ),
    "another binding that the URL is not": (
        "agents: [{name: a, url: 'grpc://127.0.0.1:1', binding: HTTP+JSON, version: '0.3'}]",
        "gateway.yaml: agents.0: binding: grpc:// is GRPC and not HTTP+JSON",
    ),
    "a key without its certificate": (
        "agents: [{name: a, url: 'grpcs://127.0.0.1:1', tls: {key: /dev/null}}]",
        "gateway.yaml: agents.0.tls: cert and key belong together",
    ),
    "trust that is not there": (
        "agents: [{name: a, url: 'grpcs://127.0.0.1:1', tls: {ca: /no/such.pem}}]",
        "gateway.yaml: agents.0.tls: there is no file /no/such.pem",
    ),
    "no agent": ("http: 127.0.0.1:0\n", "no agent to check"),
}


@pytest.mark.parametrize("file", FILES)
async def test_a_configuration_that_cannot_be_used_is_said_where(cli: Launcher, tmp_path: Path, file: str) -> None:
    text, named = FILES[file]
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    ended = await check(cli, "-c", str(path))
    assert named in ended.err
    assert "Traceback" not in ended.err
    assert (ended.code, ended.out) == (WRONG_USAGE, "")


CARDS: dict[str, tuple[str, str]] = {
    "a file that is not there": ("no-such-card.json", "no-such-card.json"),
    "a file that is no JSON": ("broken.json", "broken.json: "),
    "a file that is no card": ("list.json", "list.json: expected a JSON object"),
    "a card with a wrong member": ("wrong.json", "wrong.json: "),
}


@pytest.mark.parametrize("given", CARDS)
async def test_a_card_that_cannot_be_used_is_said_where(
    cli: Launcher, agents: Agents, tmp_path: Path, given: str
) -> None:
    name, named = CARDS[given]
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "wrong.json").write_text('{"name": 1}')
    path = tmp_path / "gateway.yaml"
    one = {"name": "words", "url": agents.words, "card": str(tmp_path / name)}
    path.write_text(json.dumps({"agents": [one]}))
    ended = await check(cli, "-c", str(path))
    assert (ended.code, ended.err) == (FAILED, "")
    assert ended.out.splitlines()[0] == "✗ words"
    (problem,) = problems(ended)
    assert named in problem


async def test_trust_that_is_no_certificate_is_said_of_its_agent(cli: Launcher, agents: Agents, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    path = tmp_path / "gateway.yaml"
    untrusting = {"name": "a", "url": agents.scribe, "tls": {"ca": str(tmp_path / "ca.pem")}}
    path.write_text(json.dumps({"agents": [untrusting, {"name": "words", "url": agents.words}]}))
    ended = await check(cli, "-c", str(path))
    assert "Traceback" not in ended.err
    assert ended.code == FAILED
    assert [line for line in ended.out.splitlines() if line[0] != " "] == ["✗ a", "✓ words"]
    (problem,) = problems(ended)
    assert "ca.pem" in problem


async def test_the_environment_fills_in_the_file(cli: Launcher, agents: Agents, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("agents: [{name: words, url: '${WORDS_URL}'}]")
    ended = await check(cli, "-c", str(path), env={"WORDS_URL": agents.words})
    assert (ended.code, ended.out) == (DONE, "✓ words\n")
