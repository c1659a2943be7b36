"""A service that knows nothing of A2A, three lines of configuration, and clients that know nothing of the gateway.

And a worker in a page of Python. The clients are stock: of a2a-sdk 1.3 and 0.3, a gRPC stub, and whatever reads SSE.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.conftest import Running
from tests.examples.conftest import running as example
from tests.interop.peers import BINDINGS, gateway, sdk03_client, side_by_side
from tests.interop.processes import Program, finished, python

pytestmark = pytest.mark.timeout(180)

PAUSE_S = 0.04
"""Before each word of the service."""
SAID = "Good morning world"
TRANSLATED = "guten Morgen Welt"
LONG = " ".join(["the cat"] * 40)
LONG_TRANSLATED = " ".join(["die Katze"] * 40)
ENDLESS = "cat " * 4000
"""Something that is answered for longer than any test takes."""
FILE = """\
agents:
  - name: translator
    url: {url}
    skills: auto
"""
WITH_WORKER = """\
  - name: poet
    url: python:examples.worker:Poet
"""


@pytest.fixture(scope="module")
def translator() -> Iterator[Running]:
    with example("examples.translator.server", PAUSE_S) as started:
        yield started


@pytest.fixture(scope="module")
def front(translator: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The gateway: of the service it is told the name, the address, and that it speaks no A2A."""
    folder = tmp_path_factory.mktemp("showcase")
    file = folder / "gateway.yaml"
    file.write_text(FILE.format(url=translator[1]) + WITH_WORKER)
    # Resolvers of 0.3 ask for a card without a version.
    env = {"A2A_GATEWAY_UNVERSIONED_CARD": "hybrid"}
    with gateway("--config", str(file), "--store", f"sqlite:///{folder / 'a2a.db'}", env=env) as program:
        yield program


@pytest.fixture(scope="module")
def sdk(front: Program) -> Callable[..., dict[str, dict[str, Any]]]:
    """What the client of a2a-sdk does, by binding and thing done."""

    def run(url: str, text: str, *what: str) -> dict[str, dict[str, Any]]:
        def one(binding: str) -> dict[str, Any]:
            flags = ("--binding", binding, "--text", text, "--do", *what)
            return json.loads(finished(python("tests.interop.sdk_showcase", url, *flags)))

        return side_by_side(one)

    return run


def cancelled(translator: Running) -> None:
    """The service says that one of its rpcs was cancelled."""
    stdout = translator[0].stdout
    assert stdout is not None
    assert stdout.readline() == "cancelled\n"


# The service


def test_the_sdk_streams_from_it_asks_its_status_and_comes_back_to_it(
    front: Program, sdk: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    seen = sdk(front.ready["http"], LONG, "stream", "status", "resume")
    assert list(seen) == list(BINDINGS)
    for did in seen.values():
        assert did["stream"] == {
            "text": LONG_TRANSLATED,
            "said": [],
            "states": ["SUBMITTED", "WORKING", "COMPLETED"],
        }
        assert did["status"] == {
            "meanwhile": "WORKING",
            "begun": True,
            "after": "COMPLETED",
            "text": LONG_TRANSLATED,
        }
        assert did["resume"]["goes_on"], "who dropped the stream cancelled nothing"
        assert did["resume"]["text"] == LONG_TRANSLATED
        assert did["resume"]["states"] == ["WORKING", "COMPLETED"]


def test_the_sdk_cancels_it_and_the_service_sees_its_rpc_cancelled(
    front: Program, translator: Running, sdk: Callable[..., dict[str, dict[str, Any]]]
) -> None:
    for did in sdk(front.ready["http"], ENDLESS, "cancel").values():
        assert did["cancel"] == {"answer": "CANCELED", "stream": "CANCELED", "status": "CANCELED", "keeps": True}
        cancelled(translator)


def test_the_older_sdk_streams_from_it(front: Program, sdk03: Path) -> None:
    seen = side_by_side(lambda binding: sdk03_client(sdk03, front.ready["http"], binding, "--stream", SAID))
    for events in seen.values():
        texts = [
            part["text"]
            for event in events
            if "artifactUpdate" in event
            for part in event["artifactUpdate"]["artifact"]["parts"]
        ]
        assert texts == ["guten", " Morgen", " Welt"]
        assert events[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


# Resume without loss


def sse(url: str, method: str, params: dict[str, Any], takes: int = 0, **headers: str) -> list[tuple[str, Any]]:
    """The cursor and the result of each event; no more than `takes` pieces of the answer where that is said."""
    found: list[tuple[str, Any]] = []
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    with httpx.stream(
        "POST", url, json=call, headers={"A2A-Version": "1.0", **headers}, trust_env=False, timeout=30
    ) as answer:
        cursor, pieces = "", 0
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                cursor = value
            elif name == "data":
                found.append((cursor, json.loads(value)["result"]))
                pieces += "artifactUpdate" in found[-1][1]
                if pieces == takes != 0:
                    break
    return found


def asked(text: str) -> dict[str, Any]:
    return {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]}}


def words_of(events: list[tuple[str, Any]]) -> list[str]:
    return [
        part["text"]
        for _, event in events
        if "artifactUpdate" in event
        for part in event["artifactUpdate"]["artifact"]["parts"]
    ]


@pytest.mark.parametrize("takes", [1, 2, 7])
def test_a_stream_that_was_cut_goes_on_with_its_next_event(front: Program, takes: int) -> None:
    url = f"{front.ready['http']}/"
    heard = sse(url, "SendStreamingMessage", asked(LONG), takes)
    cursors = [cursor for cursor, _ in heard]
    assert all(cursors)
    assert len(set(cursors)) == len(cursors)
    task_id = heard[0][1]["task"]["id"]
    rest = sse(url, "SubscribeToTask", {"id": task_id}, **{"Last-Event-ID": cursors[-1]})
    assert "task" not in rest[0][1], "no snapshot: it goes on"
    assert words_of(heard) + words_of(rest) == [
        word if index == 0 else f" {word}" for index, word in enumerate(LONG_TRANSLATED.split())
    ]
    assert rest[-1][1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("takes", [1, 5])
def test_a_stock_stub_goes_on_by_metadata(front: Program, takes: int) -> None:
    seen = json.loads(finished(python("tests.interop.stub_resume", front.ready["grpc"], LONG, "--takes", str(takes))))
    assert seen["echoed"] == "urn:a2a-gateway:extension:resume:v1"
    assert len(seen["before"]) == takes
    assert "".join([*seen["before"], *seen["after"]]) == LONG_TRANSLATED
    assert seen["kinds"] == ["artifact_update", "status_update"]
    assert seen["state"] == "TASK_STATE_COMPLETED"


def test_a_cursor_of_another_task_is_told_to_be_none(front: Program) -> None:
    url = f"{front.ready['http']}/"
    other = sse(url, "SendStreamingMessage", asked(SAID))
    heard = sse(url, "SendStreamingMessage", asked(LONG), 2)
    rest = sse(url, "SubscribeToTask", {"id": heard[0][1]["task"]["id"]}, **{"Last-Event-ID": other[-1][0]})
    task = rest[0][1]["task"]
    assert task["metadata"]["urn:a2a-gateway:extension:resume:v1"] == {"gap": "unknown"}
    shown = "".join(part["text"] for artifact in task["artifacts"] for part in artifact["parts"])
    assert shown + "".join(words_of(rest)) == LONG_TRANSLATED


# The worker


def test_the_sdk_and_a_worker(front: Program, sdk: Callable[..., dict[str, dict[str, Any]]]) -> None:
    poem = "Of rain I sing, \nfor rain is all there is \nuntil the next request. \n"
    said = ["I am thinking of a first line.", "That was a poem about rain."]
    for did in sdk(f"{front.ready['http']}/poet", "rain", "stream", "cancel", "answer").values():
        assert did["stream"]["text"] == poem
        assert did["stream"]["said"] == said
        assert did["stream"]["states"][-1] == "COMPLETED"
        assert did["cancel"] == {"answer": "CANCELED", "stream": "CANCELED", "status": "CANCELED", "keeps": True}
        assert did["answer"]["asked"]["said"] == ["What shall it be about?"]
        assert did["answer"]["asked"]["states"][-1] == "INPUT_REQUIRED"
        assert did["answer"]["answered"]["text"] == poem
        assert did["answer"]["answered"]["said"] == ["What shall it be about?", *said]
        assert did["answer"]["answered"]["states"][-1] == "COMPLETED"
