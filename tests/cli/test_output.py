"""What an agent says is shown, and only shown: it steers neither the terminal nor the program."""

import asyncio
import base64
import json
import unicodedata
from pathlib import Path

import pytest

from generated.a2a.v1.a2a_pb import Part
from tests.cli.launcher import Ended, Launcher
from tests.fakes import events
from tests.fakes.events import Json
from tests.fakes.http_steps import JSON_HEAD, Script, Scripts, json_error, json_reply, reply, sse
from tests.fakes.scripted_http import ScriptedHttpAgent

pytestmark = pytest.mark.anyio

HOSTILE = "a\x1b[2Jb\x07c\x9b31md\x7fe\x00f\rg\u202eh\u2066i\x08j"
"""Clears the screen, rings, colours, overwrites, turns the line round."""
SHOWN = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in HOSTILE)
MARKUP = "[bold]x[/bold] [link=file:///]y[/link] [/never-opened] :warning:"


async def run(cli: Launcher, *arguments: str, stdin: bytes = b"") -> Ended:
    return await asyncio.to_thread(cli.run, *arguments, stdin=stdin)


async def answered(cli: Launcher, verb: str, scripts: Scripts, *more: str, card: Script | None = None) -> Ended:
    """What a verb shows of an agent that follows a script."""
    async with ScriptedHttpAgent(scripts, card=card) as agent:
        return await run(cli, verb, agent.url, *more)


def steering(text: str) -> list[str]:
    """The characters of a text that are not for reading."""
    return [char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t"]


def hostile_card(url: str) -> Script:
    card = events.agent_card(url, version="1.0")
    named: Json = {
        "name": HOSTILE,
        "description": HOSTILE,
        "version": HOSTILE,
        "skills": [{"id": HOSTILE, "name": HOSTILE, "description": HOSTILE, "tags": [HOSTILE]}],
        "supportedInterfaces": [
            {"url": HOSTILE, "protocolBinding": HOSTILE, "protocolVersion": "1.0", "tenant": HOSTILE}
        ],
    }
    return (reply(200, JSON_HEAD, json.dumps({**card, **named}).encode()),)


PARTS: dict[str, Json] = {
    "text": {"text": HOSTILE},
    "file": {"raw": base64.b64encode(b"12345").decode(), "filename": HOSTILE, "mediaType": HOSTILE},
    "file elsewhere": {"url": HOSTILE, "filename": HOSTILE, "mediaType": HOSTILE},
    "data": {"data": {HOSTILE: [HOSTILE]}},
}

SAID: dict[str, tuple[str, Scripts, tuple[str, ...]]] = {
    **{
        f"a {name} part": (
            "send",
            {"*": [json_reply({"message": {**events.bare_message(), "parts": [part]}})]},
            ("hi",),
        )
        for name, part in PARTS.items()
    },
    "a task": (
        "get",
        {
            "*": [
                json_reply(
                    events.bare_task(
                        HOSTILE,
                        context_id=HOSTILE,
                        artifacts=[{"artifactId": HOSTILE, "parts": list(PARTS.values())}],
                    )
                )
            ]
        },
        ("x",),
    ),
    "a list": (
        "list",
        {
            "*": [
                json_reply(
                    {
                        "tasks": [events.bare_task(HOSTILE, context_id=HOSTILE)],
                        "nextPageToken": HOSTILE,
                        "pageSize": 1,
                        "totalSize": 1,
                    }
                )
            ]
        },
        (),
    ),
    "a stream": (
        "stream",
        {
            "*": [
                sse(events.task(HOSTILE)),
                sse(events.artifact(HOSTILE, artifact_id=HOSTILE, task_id=HOSTILE)),
                sse(events.status(events.COMPLETED, text=HOSTILE, task_id=HOSTILE)),
            ]
        },
        ("hi",),
    ),
    "an error": ("get", {"*": [json_error(-32001, HOSTILE)]}, ("x",)),
}


@pytest.mark.parametrize("said", SAID)
async def test_a_person_is_shown_no_control_characters(cli: Launcher, said: str) -> None:
    verb, scripts, more = SAID[said]
    ended = await answered(cli, verb, scripts, *more)
    assert steering(ended.out + ended.err) == []
    assert "Traceback" not in ended.err
    assert (json.dumps(HOSTILE)[1:5] if said == "a data part" else SHOWN) in ended.out + ended.err.replace("\n", "")


async def test_a_card_shows_no_control_characters(cli: Launcher) -> None:
    ended = await answered(cli, "card", {}, card=hostile_card("http://x/"))
    assert steering(ended.out + ended.err) == []
    assert ended.out.count(SHOWN) == 8


@pytest.mark.parametrize("said", SAID)
async def test_a_machine_is_shown_control_characters_escaped(cli: Launcher, said: str) -> None:
    verb, scripts, more = SAID[said]
    ended = await answered(cli, verb, scripts, *more, "--json")
    assert [char for char in ended.out if char < " " and char != "\n"] == []
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(ended.json())
    assert ended.err == ""


MARKED: dict[str, tuple[str, Scripts, tuple[str, ...]]] = {
    "text": ("send", {"*": [json_reply(events.message(MARKUP))]}, ("hi",)),
    "task id": ("get", {"*": [json_reply(events.bare_task(MARKUP, state=events.COMPLETED))]}, ("x",)),
    "error": ("get", {"*": [json_error(-32001, MARKUP)]}, ("x",)),
    "file name": (
        "send",
        {"*": [json_reply({"message": {**events.bare_message(), "parts": [{"url": "u", "filename": MARKUP}]}})]},
        ("hi",),
    ),
}


@pytest.mark.parametrize("where", MARKED)
async def test_markup_in_what_an_agent_says_is_shown_as_it_is(cli: Launcher, where: str) -> None:
    verb, scripts, more = MARKED[where]
    ended = await answered(cli, verb, scripts, *more)
    assert MARKUP in ended.out + ended.err
    assert "Traceback" not in ended.err
    assert ended.code == (1 if where == "error" else 0)


async def test_a_listed_task_is_one_line(cli: Launcher) -> None:
    task = events.bare_task("t" * 36, context_id="c" * 36, state=events.INPUT_REQUIRED)
    page: Json = {"tasks": [task, task], "nextPageToken": "n" * 80, "pageSize": 2, "totalSize": 3}
    ended = await answered(cli, "list", {"*": [json_reply(page)]})
    line = f"{'t' * 36}  input-required  context {'c' * 36}"
    assert ended.err.splitlines() == [line, line, "2 of 3 tasks", f"more: --page-token {'n' * 80}"]


async def test_parts_of_every_kind_are_shown(cli: Launcher) -> None:
    parts: list[events.JsonValue] = [
        {"text": "said"},
        {"data": {"n": 1, "who": "Zoë"}},
        {"raw": base64.b64encode(b"12345").decode(), "filename": "a.bin", "mediaType": "application/octet-stream"},
        {"url": "https://example.com/b", "mediaType": "text/plain"},
    ]
    said: Json = {"message": {**events.bare_message(), "parts": parts}}
    ended = (await answered(cli, "send", {"*": [json_reply(said)]}, "hi")).done()
    assert ended.out.startswith('said{\n  "n": 1')
    assert '"who": "Zoë"\n}\n' in ended.out
    assert ended.err.splitlines() == [
        "file a.bin application/octet-stream 5 bytes",
        "file (unnamed) text/plain at https://example.com/b",
    ]


# What goes out.


def sent(agent: ScriptedHttpAgent) -> events.Json:
    (request,) = agent.calls("SendMessage")
    params = request.member("params")
    assert isinstance(params, dict)
    return params


async def test_text_data_and_files_are_sent_in_order(cli: Launcher, tmp_path: Path) -> None:
    picture, note = tmp_path / "cat.png", tmp_path / "note"
    picture.write_bytes(b"\x89PNG")
    note.write_bytes(b"plain")
    files = ("--file", str(picture), "--file", str(note))
    async with ScriptedHttpAgent({"*": [json_reply(events.message())]}) as agent:
        data = '{"a": [1, null, "é"], "deep": {"b": true}}'
        (await run(cli, "send", agent.url, "look", "--data", data, *files, "--context", "c-1")).done()
        message = sent(agent)["message"]
    assert isinstance(message, dict)
    assert isinstance(message["parts"], list)
    assert [Part.from_json(json.dumps(part)) for part in message["parts"]] == [
        Part.from_json(text)
        for text in (
            '{"text": "look"}',
            json.dumps({"data": json.loads(data)}),
            json.dumps({"raw": "iVBORw==", "filename": "cat.png", "mediaType": "image/png"}),
            json.dumps({"raw": "cGxhaW4=", "filename": "note", "mediaType": "application/octet-stream"}),
        )
    ]
    assert (message["role"], message["contextId"]) == ("ROLE_USER", "c-1")
    assert message["messageId"]


async def test_options_of_a_call_are_sent(cli: Launcher) -> None:
    async with ScriptedHttpAgent({"*": [json_reply(events.message())]}) as agent:
        options = ("--return-immediately", "--history", "3", "--task", "t-1", "--tenant", "acme")
        headers = ("-H", "Authorization: Bearer x: y", "--header", "X-Acme:7")
        extensions = ("--extension", "https://example.com/e", "--extension", "https://example.com/f")
        (await run(cli, "send", agent.url, "hi", *options, *headers, *extensions)).done()
        (request,) = agent.calls("SendMessage")
        params = sent(agent)
    assert params["configuration"] == {"returnImmediately": True, "historyLength": 3}
    assert params["tenant"] == "acme"
    assert isinstance(params["message"], dict)
    assert params["message"]["taskId"] == "t-1"
    assert request.header("authorization") == "Bearer x: y"
    assert request.header("x-acme") == "7"
    assert request.header("a2a-extensions") == "https://example.com/e,https://example.com/f"
    assert request.header("a2a-version") == "1.0"


async def test_a_reader_that_leaves_is_no_crash(cli: Launcher) -> None:
    """`a2a-gateway stream … | head -1`"""
    more = [sse(events.artifact("x" * 1000, append=True)) for _ in range(200)]
    ending = sse(events.status(events.COMPLETED))
    async with ScriptedHttpAgent({"*": [sse(events.task()), *more, ending]}) as agent:
        started = await asyncio.to_thread(cli.start, "stream", agent.url, "hi", "--json")
        await asyncio.to_thread(started.line)
        started.out.close()
        ended = await asyncio.to_thread(started.ends)
    assert "Traceback" not in ended.err
