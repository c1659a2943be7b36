"""`stream` and `subscribe` as a person reads them: text as it grows and each piece of it once, patches or not."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gateway.deltas.extension import URI
from tests.cli.launcher import Ended, Launcher
from tests.fakes import events
from tests.fakes.events import Json
from tests.fakes.http_steps import JSON_HEAD, reply, sse, sse_error
from tests.fakes.scripted_http import ScriptedHttpAgent

pytestmark = pytest.mark.anyio


def said(state: str, text: str, message_id: str = "m") -> Json:
    """A status with a message."""
    update = events.status(state)["statusUpdate"]
    assert isinstance(update, dict)
    message = events.bare_message(text, message_id=message_id)
    return {"statusUpdate": {**update, "status": {"state": state, "message": message}}}


def patch(seq: int | None, *ops: Json, message_id: str = "m", artifact_id: str = "") -> Json:
    about: Json = {"message_id": message_id, "message_update": [*ops]}
    numbered: Json = {} if seq is None else {"seq": seq}
    shows: Json = {"artifact_id": artifact_id} if artifact_id else {}
    return events.status(events.WORKING, metadata={URI: {**about, **numbered, **shows}})


def begins(text: str, message_id: str = "m") -> Json:
    return {"op": "replace", "path": "", "value": {"message_id": message_id, "parts": [{"text": text}]}}


def goes_on(text: str, pos: int) -> Json:
    return {"op": "str_ins", "path": "/parts/0/text", "pos": pos, "value": text}


FILE: Json = {"url": "https://x.example/f", "filename": "f", "mediaType": "text/plain"}
DATA: Json = {"data": {"n": 1}}
DONE = events.status(events.COMPLETED)


@dataclass(frozen=True)
class Row:
    events: Sequence[Json]
    out: str
    notes: Sequence[str] = ("working", "completed")
    """Of stderr, the last words of each line."""


ROWS: dict[str, Row] = {
    "a message that grows": Row(
        [patch(0, begins("Hel")), patch(1, goes_on("lo", 3)), said(events.COMPLETED, "Hello")], "Hello\n"
    ),
    "a message that comes whole": Row([said(events.COMPLETED, "Hello")], "Hello\n"),
    "a message that says more than was shown of it": Row(
        [patch(0, begins("Hel")), said(events.COMPLETED, "Hello")], "Hello\n"
    ),
    "a message that is another than was shown": Row(
        [patch(0, begins("Hel")), said(events.COMPLETED, "Goodbye")],
        "Hel\nGoodbye\n",
        ("working", "changed:", "completed"),
    ),
    "messages one after the other": Row(
        [
            patch(0, begins("One")),
            said(events.WORKING, "One."),
            patch(0, begins("Two", "n"), message_id="n"),
            said(events.COMPLETED, "Two.", "n"),
        ],
        "One.\nTwo.\n",
        ("working", "working", "completed"),
    ),
    "messages at once": Row(
        [
            patch(0, begins("a")),
            patch(0, begins("x", "n"), message_id="n"),
            patch(1, goes_on("b", 1)),
            said(events.WORKING, "xy", "n"),
            said(events.COMPLETED, "ab"),
        ],
        "a\nx\nb\ny\n",
        ("working", "working", "completed"),
    ),
    "an artifact in pieces": Row(
        [events.artifact("Hel"), events.artifact("lo", append=True, last_chunk=True), DONE], "Hello\n"
    ),
    "an artifact that grows by patches and then comes whole": Row(
        [
            patch(0, begins("Hel", "artifact:a"), message_id="artifact:a", artifact_id="a"),
            patch(1, goes_on("lo", 3), message_id="artifact:a", artifact_id="a"),
            events.artifact("Hello!", artifact_id="a"),
            DONE,
        ],
        "Hello!\n",
    ),
    "an artifact that is replaced": Row(
        [events.artifact("one"), events.artifact("two"), DONE], "one\ntwo\n", ("working", "changed:", "completed")
    ),
    "artifacts by turns": Row(
        [
            events.artifact("a", artifact_id="a"),
            events.artifact("x", artifact_id="b"),
            events.artifact("b", artifact_id="a", append=True),
            DONE,
        ],
        "a\nx\nb\n",
    ),
    "a message beside an artifact": Row(
        [patch(0, begins("so")), events.artifact("text"), said(events.COMPLETED, "so far")],
        "so\ntext\n far\n",
    ),
    "parts of every kind": Row(
        [
            patch(0, begins("see")),
            patch(1, {"op": "add", "path": "/parts/-", "value": FILE}),
            patch(2, {"op": "add", "path": "/parts/-", "value": DATA}),
            DONE,
        ],
        'see\n{\n  "n": 1\n}\n',
        ("working", "https://x.example/f", "finished", "completed"),
    ),
    "a gap": Row(
        [
            patch(0, begins("Hel")),
            patch(2, goes_on("lo", 3)),
            patch(3, goes_on("!", 5)),
            said(events.COMPLETED, "Hello!"),
        ],
        "Hel\nlo!\n",
        ("working", "complete", "completed"),
    ),
    "who joins late": Row(
        [patch(7, begins("Hel")), patch(8, goes_on("lo", 3)), said(events.COMPLETED, "Hello")], "Hello\n"
    ),
    "a message that is never finished": Row(
        [patch(0, begins("Half a")), events.status(events.FAILED)], "Half a\n", ("working", "finished", "failed")
    ),
    "patches without numbers": Row(
        [patch(None, begins("Hel")), patch(None, goes_on("lo", 3)), said(events.COMPLETED, "Hello")], "Hello\n"
    ),
}


async def run(cli: Launcher, verb: str, sent: Sequence[Json], *more: str) -> tuple[Ended, ScriptedHttpAgent]:
    """What the verb shows of events that follow the task."""
    async with ScriptedHttpAgent({"*": [*map(sse, [events.task(), *sent])]}) as agent:
        what = "hi" if verb == "stream" else "task-1"
        return await asyncio.to_thread(cli.run, verb, agent.url, what, *more), agent


@pytest.mark.parametrize("verb", ["stream", "subscribe"])
@pytest.mark.parametrize("row", ROWS)
async def test_a_person_reads_each_piece_once(cli: Launcher, row: str, verb: str) -> None:
    ended, _ = await run(cli, verb, ROWS[row].events)
    ended.done()
    assert ended.out == ROWS[row].out
    assert [line.split()[-1] for line in ended.err.splitlines()] == [*ROWS[row].notes]


async def test_a_machine_reads_every_event_as_it_came(cli: Launcher) -> None:
    sent = ROWS["a message that grows"].events
    ended, agent = await run(cli, "stream", sent, "--json")
    assert ended.done().json() == [events.task(), *sent]
    assert asked(agent, "SendStreamingMessage") is None


ASKED: dict[tuple[str, ...], str | None] = {
    (): URI,
    ("--no-deltas",): None,
    ("--json",): None,
    ("--json", "--deltas"): URI,
    ("--extension", "urn:other"): f"urn:other,{URI}",
    ("--extension", URI): URI,
    ("--extension", URI, "--no-deltas"): URI,
    ("--extension", "urn:other", "--no-deltas"): "urn:other",
}


def asked(agent: ScriptedHttpAgent, rpc: str) -> str | None:
    (request,) = agent.calls(rpc)
    return request.header("a2a-extensions")


@pytest.mark.parametrize("verb", ["stream", "subscribe"])
@pytest.mark.parametrize("options", ASKED)
async def test_token_deltas_are_asked_for_unless_told(cli: Launcher, verb: str, options: tuple[str, ...]) -> None:
    ended, agent = await run(cli, verb, [said(events.COMPLETED, "Hello")], *options)
    ended.done()
    assert asked(agent, "SendStreamingMessage" if verb == "stream" else "SubscribeToTask") == ASKED[options]


async def test_what_was_shown_before_a_failure_stays(cli: Launcher) -> None:
    script = [sse(events.task()), sse(patch(0, begins("Half a"))), sse_error(-32603, "broken")]
    async with ScriptedHttpAgent({"*": script}) as agent:
        ended = await asyncio.to_thread(cli.run, "stream", agent.url, "hi")
    assert ended.code == 1
    assert ended.out == "Half a\n"
    assert "broken" in ended.err


OLD_FILE: Json = {"kind": "file", "file": {"uri": "https://x.example/f", "name": "f", "mimeType": "text/plain"}}


async def test_patches_of_an_agent_of_0_3_are_read_in_its_dialect(cli: Launcher) -> None:
    ids: Json = {"taskId": "t", "contextId": "c"}

    def working(*ops: Json) -> Json:
        about: Json = {"message_id": "m", "message_update": [*ops]}
        return {
            "kind": "status-update",
            **ids,
            "status": {"state": "working"},
            "final": False,
            "metadata": {URI: about},
        }

    root: Json = {"message_id": "m", "parts": [{"kind": "text", "text": "see"}]}
    sent: list[Json] = [
        {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "working"}},
        working({"op": "replace", "path": "", "value": root}),
        working({"op": "add", "path": "/parts/-", "value": OLD_FILE}),
        {"kind": "status-update", **ids, "status": {"state": "failed"}, "final": True},
    ]
    async with ScriptedHttpAgent({"message/stream": [*map(sse, sent)]}) as agent:
        card: Json = {
            **events.agent_card(agent.url),
            "protocolVersion": "0.3.0",
            "url": agent.url,
            "preferredTransport": "JSONRPC",
        }
        del card["supportedInterfaces"]
        agent.card = [reply(200, JSON_HEAD, json.dumps(card).encode())]
        ended = await asyncio.to_thread(cli.run, "stream", agent.url, "hi")
        machine = await asyncio.to_thread(cli.run, "stream", agent.url, "hi", "--json", "--deltas")
    assert ended.done().out == "see\n"
    assert "file f text/plain at https://x.example/f" in ended.err
    ops = machine.done().json()[2]["statusUpdate"]["metadata"][URI]["message_update"]
    assert ops == [{"op": "add", "path": "/parts/-", "value": FILE}]
