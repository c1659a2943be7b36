"""Every client verb against every agent, on both bindings, directly and through the gateway."""

import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from examples.answers import answer_to
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    ListTasksResponse,
    Part,
    SendMessageResponse,
    StreamResponse,
    Task,
    TaskState,
)
from tests.cli.conftest import Target

SAID = "Good morning, gateway"
ANSWER = "".join(answer_to(SAID).words)
LONG = "word " * 4000
"""Something that is answered for longer than any test takes."""
QUESTION = "What would you like me to repeat?"


@pytest.fixture(scope="session")
def finished(target: Target) -> Task:
    """A task that is completed."""
    answer = target.run("send", SAID, "--json").done().stdout
    return task_in(SendMessageResponse.from_json(answer))


@pytest.fixture
def under_way(target: Target) -> Task:
    """A task that is being worked on."""
    answer = target.run("send", LONG, "--return-immediately", "--json").done().stdout
    return task_in(SendMessageResponse.from_json(answer))


def task_in(answer: SendMessageResponse | StreamResponse) -> Task:
    assert answer.payload is not None
    assert isinstance(answer.payload.value, Task)
    return answer.payload.value


def texts(parts: Iterable[Part]) -> list[object]:
    return [part.content.value for part in parts if part.content]


def state_of(task: Task) -> TaskState:
    assert task.status is not None
    return task.status.state


def test_send_shows_text_on_stdout_and_the_task_on_stderr(target: Target) -> None:
    ended = target.run("send", SAID).done()
    assert ended.out == f"{ANSWER}\n"
    assert ended.err.startswith("task ")
    assert ended.err.endswith(" completed\n")


def test_send_for_machines_prints_one_answer(target: Target, finished: Task) -> None:
    assert state_of(finished) is TaskState.COMPLETED
    assert texts(part for artifact in finished.artifacts for part in artifact.parts) == answer_to(SAID).words


def test_stream_shows_text_on_stdout_and_the_task_on_stderr(target: Target) -> None:
    ended = target.run("stream", SAID).done()
    assert ended.out == f"{ANSWER}\n"
    assert [line.split()[-1] for line in ended.err.splitlines()] == ["submitted", "working", "completed"]


def test_stream_for_machines_prints_every_event_in_order(target: Target) -> None:
    ended = target.run("stream", SAID, "--json").done()
    events = [StreamResponse.from_json(line) for line in ended.stdout.splitlines()]
    kinds = [event.payload.field for event in events if event.payload]
    words = answer_to(SAID).words
    assert kinds == ["task", "status_update", *["artifact_update"] * len(words), "status_update"]
    assert [text_of(event) for event in ended.json() if "artifactUpdate" in event] == words
    assert ended.err == ""


def text_of(event: Any) -> str:
    return "".join(part["text"] for part in event["artifactUpdate"]["artifact"]["parts"])


def test_a_question_is_shown_and_answered_with_task(target: Target) -> None:
    asked = target.run("send", "Please ask me").done()
    assert asked.out == f"{QUESTION}\n"
    task_id = asked.err.removeprefix("task ").removesuffix(" input-required\n")
    ended = target.run("send", SAID, "--task", task_id, "--json").done()
    continued = task_in(SendMessageResponse.from_json(ended.stdout))
    assert continued.id == task_id
    assert state_of(continued) is TaskState.COMPLETED
    assert texts(part for said in continued.history for part in said.parts) == ["Please ask me", QUESTION, SAID]


def test_text_is_read_from_stdin(target: Target) -> None:
    assert target.run("stream", "-", stdin=SAID.encode()).done().out == f"{ANSWER}\n"


def test_get_shows_a_task(target: Target, finished: Task) -> None:
    ended = target.run("get", finished.id).done()
    assert (ended.out, ended.err) == (f"{ANSWER}\n", f"task {finished.id} completed\n")


def test_get_for_machines_prints_the_task(target: Target, finished: Task) -> None:
    ended = target.run("get", finished.id, "--json").done()
    assert Task.from_json(ended.stdout) == finished
    assert ended.out.count("\n") == 1


def test_list_pages_and_filters(target: Target) -> None:
    context = uuid.uuid4().hex
    tasks: list[Task] = []
    for text in ("Good day", "Please ask me"):
        answer = target.run("send", text, "--context", context, "--json").done()
        tasks.append(task_in(SendMessageResponse.from_json(answer.stdout)))
    shown: list[str] = []
    more: tuple[str, ...] = ()
    for _ in tasks:
        ended = target.run("list", "--context", context, "--page-size", "1", *more, "--json").done()
        page = ListTasksResponse.from_json(ended.stdout)
        assert page.total_size == len(tasks)
        shown += [task.id for task in page.tasks]
        more = ("--page-token", page.next_page_token)
    assert shown == [task.id for task in reversed(tasks)]
    assert more == ("--page-token", "")
    waiting = target.run("list", "--context", context, "--status", "input-required", "--artifacts", "--json").done()
    assert [task.id for task in ListTasksResponse.from_json(waiting.stdout).tasks] == [tasks[1].id]


def test_cancel_stops_a_task_and_its_subscribers_are_told(target: Target, under_way: Task) -> None:
    follower = target.start("subscribe", under_way.id, "--json")
    first = StreamResponse.from_json(follower.line())
    assert task_in(first).id == under_way.id
    canceled = target.run("cancel", under_way.id, "--json").done()
    assert state_of(Task.from_json(canceled.stdout)) is TaskState.CANCELED
    seen = follower.ends().done()
    last = seen.json()[-1]["statusUpdate"]
    assert (last["taskId"], last["status"]["state"]) == (under_way.id, "TASK_STATE_CANCELED")


def test_card_shows_the_agent(target: Target) -> None:
    ended = target.run("card").done()
    assert ended.out.startswith("Example agent 1.0.0\nRepeats what it is told, one word at a time.\n")
    assert "  skill answer: Answers a message" in ended.out
    assert target.url.partition("://")[2].partition("/")[0] in ended.out


@pytest.mark.parametrize("which", [(), ("--extended",)], ids=["public", "extended"])
def test_card_for_machines_prints_the_card(target: Target, which: tuple[str, ...]) -> None:
    ended = target.run("card", *which, "--json").done()
    card = AgentCard.from_json(ended.stdout)
    assert card.name == "Example agent"
    assert target.url.partition("://")[2].partition("/")[0] in card.supported_interfaces[0].url + "".join(
        interface.url for interface in card.supported_interfaces
    )
    assert ended.out.count("\n") == 1


@pytest.mark.parametrize(
    ("verb", "more"),
    [("get", ()), ("cancel", ()), ("subscribe", ())],
    ids=["get", "cancel", "subscribe"],
)
def test_an_unknown_task_fails(agent: Target, verb: str, more: tuple[str, ...]) -> None:
    ended = agent.run(verb, "none-such", *more)
    assert (ended.code, ended.out, ended.err) == (1, "", "TASK_NOT_FOUND there is no task 'none-such'\n")


@pytest.mark.parametrize("verb", ["send", "stream"])
def test_continuing_an_unknown_task_fails_for_machines_too(target: Target, verb: str) -> None:
    ended = target.run(verb, SAID, "--task", "none-such", "--json")
    (answer,) = ended.json()
    assert ended.code == 1
    assert answer["error"]["code"] == -32001
    assert answer["error"]["data"][0]["reason"] == "TASK_NOT_FOUND"
    assert ended.err == ""


def test_a_task_that_fails_is_no_failure_of_the_call(agent: Target) -> None:
    ended = agent.run("stream", "Please fail").done()
    assert ended.out.endswith("\nI lost the thread, as I was told to.\n")
    assert ended.err.splitlines()[-1].endswith(" failed")


def test_a_timeout_ends_the_call(target: Target) -> None:
    ended = target.run("stream", LONG, "--timeout", "0.2")
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith("DEADLINE_EXCEEDED ")
