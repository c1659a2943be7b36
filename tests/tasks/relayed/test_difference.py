"""What a snapshot adds to what is known: by examples, and for any work cut anywhere."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.tasks.projection import Projection
from gateway.tasks.relayed.difference import difference, history
from generated.a2a.v1.a2a_pb import StreamResponse, Task
from tests.fakes.events import COMPLETED, INPUT_REQUIRED, WORKING, Json, artifact, bare_message, bare_task, status
from tests.tasks.relayed.agents import Fold, said


def task(value: Json) -> Task:
    return Task.from_json(json.dumps(value))


def event(value: Json) -> StreamResponse:
    return StreamResponse.from_json(json.dumps(value))


def shown(updates: list[StreamResponse]) -> list[Any]:
    return [json.loads(update.to_json()) for update in updates]


def made(known: Json, found: Json, *sent: str) -> list[Any]:
    return shown(difference(task(known), task(found), sent))


def of(*artifacts: Json, **more: Any) -> Json:
    return bare_task(artifacts=list(artifacts), **more)


def parts(*texts: str, artifact_id: str = "artifact-1", **more: Any) -> Json:
    return {"artifactId": artifact_id, "parts": [{"text": text} for text in texts], **more}


USER: Json = bare_message("hi", message_id="request-1", role="ROLE_USER")
SAID: list[Json] = [bare_message(f"{number}", message_id=f"said-{number}") for number in range(4)]

ROWS: dict[str, tuple[Json, Json, list[Json]]] = {
    "nothing is new": (of(parts("ab")), of(parts("ab")), []),
    "the same text in other pieces is nothing new": (of(parts("ab")), of(parts("a", "b")), []),
    "text that grew": (of(parts("ab")), of(parts("a", "b", "cd")), [artifact("cd", append=True)]),
    "an artifact that is new": (of(), of(parts("ab")), [artifact("ab")]),
    "an artifact that is another one": (of(parts("ab")), of(parts("ax")), [artifact("ax")]),
    "an artifact that is shorter": (of(parts("ab")), of(parts("a")), [artifact("a")]),
    "an artifact that the agent leaves out": (of(parts("ab")), of(), []),
    "a name that is new": (
        of(parts("ab")),
        of(parts("ab", name="poem")),
        [{"artifactUpdate": {"taskId": "task-1", "contextId": "context-1", "artifact": parts("ab", name="poem")}}],
    ),
    "a state that is new": (of(), of(state=INPUT_REQUIRED), [status(INPUT_REQUIRED)]),
    "the end closes what grew": (
        of(parts("a")),
        of(parts("ab"), state=COMPLETED),
        [artifact("b", append=True, last_chunk=True), status(COMPLETED)],
    ),
    "nothing follows the end": (of(state=COMPLETED), of(parts("ab"), state=WORKING), []),
    "messages after the last one that is known": (
        of(history=[USER, SAID[0]]),
        of(history=[USER, SAID[0], SAID[1], SAID[2]]),
        [said("1", 1), said("2", 2)],
    ),
    "messages before it are old": (of(history=[SAID[1]]), of(history=[USER, SAID[0], SAID[1]]), []),
    "without one that is known, nobody can tell": (of(), of(history=[USER, SAID[0]]), []),
    "messages of callers are not the agent's": (
        of(history=[SAID[0]]),
        of(history=[SAID[0], {**USER, "messageId": "request-2"}]),
        [],
    ),
    "a message that the status has is said once": (
        of(history=[USER]),
        {**of(history=[USER, SAID[0], SAID[1]]), "status": {"state": WORKING, "message": SAID[1]}},
        [said("0", 0), said("1", 1)],
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_snapshot_adds(row: str) -> None:
    known, found, updates = ROWS[row]
    assert made(known, found) == updates


def test_what_a_caller_sent_is_known_too() -> None:
    assert made(of(), of(history=[USER, SAID[0]]), "request-1") == [said("0", 0)]


def test_a_history_that_the_agent_shortened_keeps_what_was_seen() -> None:
    known, found = task(of(history=[USER, SAID[0]])), task(of(history=[SAID[1]]))
    assert [message.message_id for message in history(known, found)] == ["request-1", "said-0", "said-1"]
    whole = task(of(history=[USER, SAID[0], SAID[1]]))
    assert list(history(known, whole)) == list(whole.history)


@st.composite
def works(draw: st.DrawFn) -> list[Json]:
    """Any work: pieces of two artifacts, messages, states."""
    events: list[Json] = []
    begun: set[str] = set()
    for number in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["piece", "piece", "piece", "data", "said", "status"]))
        name = draw(st.sampled_from(["artifact-1", "artifact-2"]))
        match kind:
            case "said":
                events.append(said(f"said {number}", number))
            case "status":
                events.append(status(draw(st.sampled_from([WORKING, INPUT_REQUIRED]))))
            case _:
                text = draw(st.sampled_from(["a", "aa", "b", "ab"]))
                piece = artifact(text, artifact_id=name, append=name in begun)
                if kind == "data":
                    body: Any = piece["artifactUpdate"]
                    body["artifact"]["parts"] = [{"data": f"number {number}"}]
                begun.add(name)
                events.append(piece)
    return [*events, status(COMPLETED)] if draw(st.booleans()) else events


def state_of(fold: Fold) -> tuple[Any, ...]:
    whole: Any = fold.task()
    contents = {
        one["artifactId"]: "".join(part.get("text", json.dumps(part.get("data"))) for part in one["parts"])
        for one in whole.get("artifacts", [])
    }
    messages = [message["messageId"] for message in whole.get("history", [])]
    last = whole["status"].get("message", {}).get("messageId")
    return contents, [*messages, *([last] if last else [])], whole["status"]["state"]


@settings(deadline=None)
@given(works(), st.data())
def test_a_hole_anywhere_in_any_work_is_closed_exactly(events: list[Json], data: st.DataObject) -> None:
    before = data.draw(st.integers(0, len(events)))
    start = bare_task(history=[USER])
    known, agents = Projection(task(start)), Fold(start)
    seen = Fold(start)
    for number, one in enumerate(events):
        agents.take(one)
        if number < before:
            known.apply(event(one))
            seen.take(one)
    found = task(agents.task())
    updates = difference(known.snapshot(), found)
    for update in updates:
        known.apply(update)
        seen.take(json.loads(update.to_json()))
    contents, messages, state = state_of(seen)
    assert (contents, state) == (state_of(agents)[0], state_of(agents)[2])
    assert sorted(messages) == sorted(state_of(agents)[1])
    assert difference(known.snapshot(), found) == []
