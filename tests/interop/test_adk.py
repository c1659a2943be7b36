"""kagenti-adk, the published package of the delta extension, on both sides of the gateway: its agent before our clients,
its client before a mapped service and a Python worker.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from protobuf import Oneof

from gateway.agent import CallContext
from gateway.deltas.changes import (
    ArtifactDelta,
    ArtifactReplaced,
    Change,
    Gap,
    MessageAbandoned,
    MessageReplaced,
    StatusChanged,
    TextDelta,
)
from gateway.deltas.client import Client
from gateway.deltas.extension import URI
from gateway.operations import SEND_STREAMING_MESSAGE
from gateway.settings import AgentSettings, Limits
from gateway.southbound.upstream import Upstream
from generated.a2a.v1.a2a_pb import Message, Part, Role, SendMessageRequest, StreamResponse
from tests.deltas.given import View
from tests.interop.adk import Adk, adk_agent
from tests.interop.peers import gateway
from tests.interop.processes import Program, python, running
from tests.interop.test_wire import listening_on

# The first test may have to make the environment.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

BINDINGS = ("JSONRPC", "HTTP+JSON", "GRPC")
WORDS = ("talk", "interrupt", "empty", "artifact", "ask")
"""What its agent can be told, but for what fails."""


@pytest.fixture(scope="module")
def served(adk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A gateway before an agent of kagenti-adk, by two names, a mapped service and a worker."""
    folder = tmp_path_factory.mktemp("adk")
    with (
        adk_agent(adk) as agent,
        running(
            python("examples.translator.server", "--address", "127.0.0.1:0", "--pause", "0.01"), ready_line=listening_on
        ) as translator,
    ):
        of_adk = {"url": agent.ready["url"], "stream_contract": "lenient"}
        agents = [
            {"name": "adk", **of_adk},
            {"name": "chunks", **of_adk, "without_deltas": "chunks"},
            {"name": "translator", "url": translator.ready["url"], "skills": "auto"},
            {"name": "talker", "url": "python:tests.interop.workers:Talker"},
        ]
        file = folder / "gateway.yaml"
        file.write_text(json.dumps({"store": f"sqlite:///{folder / 'a2a.db'}", "agents": agents}))
        with gateway("--config", str(file)) as program:
            yield program


@dataclass
class Shown:
    """What somebody is shown of a stream, and in the end."""

    view: View = field(default_factory=View)
    artifacts: dict[str, str] = field(default_factory=dict[str, str])
    changes: list[Change] = field(default_factory=list[Change])
    active: bool = False
    """Whether the answer said that the extension is."""

    def content(self) -> Any:
        parts = {number: self.view.parts[one] for number, one in enumerate(self.view.complete)}
        states = dict.fromkeys(change.state.name for change in self.changes if isinstance(change, StatusChanged))
        metadata = [self.view.metadata.get(one, {}) for one in self.view.complete]
        return parts, self.artifacts, metadata, [*states]

    def take(self, change: Change) -> None:
        self.changes.append(change)
        self.view.show(change)
        match change:
            case ArtifactReplaced(artifact=artifact):
                self.artifacts[artifact.artifact_id] = text_in(artifact.parts)
            case ArtifactDelta(artifact_id=artifact_id, parts=parts):
                self.artifacts[artifact_id] += text_in(parts)
            case _:
                pass

    def count(self, kind: type[Change]) -> int:
        return sum(isinstance(change, kind) for change in self.changes)


def text_in(parts: Any) -> str:
    return "".join(part.content.value for part in parts)


async def heard(served: Program, name: str, binding: str, text: str, *, speaks: bool) -> Shown:
    """What our client makes of the answer to a message."""
    url = f"grpc://{served.ready['grpc']}" if binding == "GRPC" else f"{served.ready['http']}/{name}/"
    own = {"tenant": name} if binding == "GRPC" else {"binding": binding}
    agent = Upstream(AgentSettings.model_validate({"name": name, "url": url, **own}), Limits.model_validate({}))
    message = Message(message_id="said", role=Role.USER, parts=[Part(content=Oneof("text", text))])
    client, shown = Client(), Shown()
    try:
        context = CallContext(extensions=(URI,) if speaks else ())
        stream = await agent.open(SEND_STREAMING_MESSAGE, SendMessageRequest(message=message), context)
        shown.active = URI in stream.head.extensions
        while (burst := await stream.burst()) is not None:
            for event in burst:
                assert isinstance(event.response, StreamResponse)
                for change in client.feed(event.response):
                    shown.take(change)
        await stream.close()
    finally:
        await agent.close()
    return shown


# Its agent, our clients


@pytest.mark.parametrize("word", WORDS)
async def test_its_agent_says_the_same_to_everybody(served: Program, word: str) -> None:
    """On every binding, with and without the extension, and where messages are delivered as artifacts but for those."""
    seen = {
        (binding, speaks): await heard(served, "adk", binding, word, speaks=speaks)
        for binding, speaks in product(BINDINGS, (True, False))
    }
    first = next(iter(seen.values())).content()
    assert first[0], "a message was said"
    for (_, speaks), shown in seen.items():
        assert shown.content() == first
        assert shown.active == speaks
        assert shown.count(MessageReplaced) == (speaks and word == "empty"), "nothing is shown anew"
        assert shown.count(Gap) == (speaks and word == "empty"), "only what its patches say of an empty text is wrong"
    with_deltas, without = seen["JSONRPC", True], seen["JSONRPC", False]
    assert with_deltas.count(TextDelta) > without.count(TextDelta)


EXPECTED: dict[str, tuple[list[list[str]], dict[str, str], str]] = {
    "talk": ([["Hello w\U0001f600rld", "!"]], {}, "COMPLETED"),
    "interrupt": ([["One and", "a half."], ["Two more."]], {}, "COMPLETED"),
    "empty": ([["Hello world"]], {}, "COMPLETED"),
    "artifact": ([["Writing: done."]], {"text": "one two three"}, "COMPLETED"),
    "ask": ([["Let me see. ", "Which?"]], {}, "INPUT_REQUIRED"),
}


@pytest.mark.parametrize("word", EXPECTED)
async def test_its_agent_says_what_it_was_written_to_say(served: Program, word: str) -> None:
    messages, artifacts, state = EXPECTED[word]
    shown = await heard(served, "adk", "GRPC", word, speaks=True)
    parts, seen_artifacts, _, states = shown.content()
    assert [[part.content.value for part in message] for message in parts.values()] == messages
    assert seen_artifacts == artifacts
    assert states[-1] == state


@pytest.mark.parametrize("binding", BINDINGS)
async def test_its_messages_are_artifacts_that_grow_by_setting(served: Program, binding: str) -> None:
    shown = await heard(served, "chunks", binding, "talk", speaks=False)
    assert [*shown.artifacts.values()] == ["Hello w\U0001f600rld!"]
    assert shown.count(ArtifactDelta) >= 3
    assert not shown.active


@pytest.mark.parametrize("binding", BINDINGS)
async def test_what_it_had_said_before_it_failed_is_seen_by_who_speaks_it(served: Program, binding: str) -> None:
    """It forgets what it had said; who asked for no patches has no chance to see it."""
    shown = await heard(served, "adk", binding, "break", speaks=True)
    (partial,) = [change.message_id for change in shown.changes if isinstance(change, MessageAbandoned)]
    assert text_in(shown.view.parts[partial]) == "Half a sentence"
    assert shown.content()[3][-1] == "FAILED"
    without = await heard(served, "adk", binding, "break", speaks=False)
    assert without.content()[3][-1] == "FAILED"
    chunked = await heard(served, "chunks", binding, "break", speaks=False)
    assert "Half a sentence" in chunked.artifacts.values()


# Its client, a mapped service and a worker


def streamed(peer: Adk, served: Program, name: str, binding: str, text: str, *, speaks: bool) -> dict[str, Any]:
    url = f"{served.ready['http']}/{name}"
    seen = peer("streamed", {"url": url, "binding": binding, "text": text, "speaks": speaks})
    assert seen["error"] == ""
    assert seen["offered"]
    return seen


def printed(seen: dict[str, Any]) -> str:
    """What somebody sees who prints every part and every delta of a text."""
    return "".join(delta.get("delta", delta.get("part", {}).get("text", "")) for delta in seen["deltas"])


def kinds(seen: dict[str, Any]) -> list[str]:
    return [delta["type"] for delta in seen["deltas"]]


OF_IT = ("JSONRPC", "HTTP+JSON")
"""The bindings that its client has."""


@pytest.mark.parametrize("binding", OF_IT)
async def test_its_client_sees_the_text_of_a_mapped_service_as_deltas_and_then_the_artifact(
    peer: Adk, served: Program, binding: str
) -> None:
    seen = streamed(peer, served, "translator", binding, "Good morning world", speaks=True)
    assert printed(seen) == "guten Morgen Welt"
    assert kinds(seen) == ["StateChange", "PartDelta", "TextDelta", "TextDelta", "ArtifactDelta", "StateChange"]
    (artifact,) = seen["task"]["artifacts"]
    assert artifact == {"artifactId": "result", "parts": [{"text": "guten Morgen Welt"}]}
    assert seen["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("binding", OF_IT)
async def test_without_the_extension_its_client_sees_pieces_of_the_artifact(
    peer: Adk, served: Program, binding: str
) -> None:
    seen = streamed(peer, served, "translator", binding, "Good morning world", speaks=False)
    assert printed(seen) == ""
    pieces = [delta["event"] for delta in seen["deltas"] if delta["type"] == "ArtifactDelta"]
    texts = [part["text"] for piece in pieces for part in piece["artifact"]["parts"]]
    assert texts == ["guten", " Morgen", " Welt"]


@pytest.mark.parametrize("binding", OF_IT)
@pytest.mark.parametrize("speaks", [True, False])
async def test_its_client_sees_what_a_worker_says_once(peer: Adk, served: Program, binding: str, speaks: bool) -> None:
    seen = streamed(peer, served, "talker", binding, "talk", speaks=speaks)
    assert printed(seen) == "Hello w\U0001f600rld"
    assert (kinds(seen).count("TextDelta") > 1) == speaks
    final = seen["deltas"][-1]
    assert final["state"] == "TASK_STATE_COMPLETED"
    assert final["message"]["parts"] == [
        {"text": "Hello w\U0001f600rld"},
        {"data": {"n": 1.0}, "mediaType": "application/json"},
    ]
    assert final["message"]["metadata"] == {"model": "small", "seen": [1.0, 2.0]}
    described = [delta["metadata"] for delta in seen["deltas"] if delta["type"] == "MetadataDelta"]
    assert described[-1]["seen"] == [1.0, 2.0]


@pytest.mark.parametrize("speaks", [True, False])
async def test_its_client_sees_several_messages_of_a_worker_and_its_artifacts(
    peer: Adk, served: Program, speaks: bool
) -> None:
    seen = streamed(peer, served, "talker", "JSONRPC", "interrupt", speaks=speaks)
    assert printed(seen) == "One anda half.Two more."
    seen = streamed(peer, served, "talker", "JSONRPC", "both", speaks=speaks)
    assert printed(seen) == "One two three"
    (artifact,) = seen["task"]["artifacts"]
    assert "".join(part["text"] for part in artifact["parts"]) == "first second"


async def test_its_client_sees_how_far_a_worker_came_that_failed(peer: Adk, served: Program) -> None:
    seen = streamed(peer, served, "talker", "JSONRPC", "break", speaks=True)
    assert printed(seen).startswith("Half a sentence")
    assert printed(seen).count("Half a sentence") == 1
    assert seen["deltas"][-1]["state"] == "TASK_STATE_FAILED"


@pytest.mark.parametrize("speaks", [True, False])
@pytest.mark.parametrize("word", ["talk", "interrupt", "artifact"])
async def test_its_client_sees_its_agent_as_if_nothing_were_between(
    peer: Adk, served: Program, word: str, speaks: bool
) -> None:
    seen = streamed(peer, served, "adk", "JSONRPC", word, speaks=speaks)
    messages, artifacts, _ = EXPECTED[word]
    assert printed(seen) == "".join("".join(parts) for parts in messages)
    whole = "".join(
        part["text"] for artifact in (seen["task"] or {}).get("artifacts", []) for part in artifact["parts"]
    )
    assert whole == "".join(artifacts.values())


async def test_our_clients_see_a_worker_alike(served: Program) -> None:
    for word in ("talk", "interrupt", "both"):
        seen = [
            await heard(served, "talker", binding, word, speaks=speaks)
            for binding, speaks in product(BINDINGS, (True, False))
        ]
        assert all(shown.content() == seen[0].content() for shown in seen)
        assert not any(shown.count(Gap) + shown.count(MessageReplaced) for shown in seen)
