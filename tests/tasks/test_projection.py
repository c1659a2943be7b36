"""What events make of a task: the fold costs nothing of what it says, and says it once."""

from hypothesis import given
from hypothesis import strategies as st
from protobuf import Oneof

from gateway.tasks.projection import Projection
from generated.a2a.v1.a2a_pb import Artifact, Part, StreamResponse, Task, TaskArtifactUpdateEvent, TaskState
from tests.tasks.store.making import change, message, task, token

TEXTS = st.text(alphabet="ab", max_size=3)


def piece(artifact_id: str, parts: list[Part], append: bool) -> StreamResponse:
    update = TaskArtifactUpdateEvent(artifact=Artifact(artifact_id=artifact_id, parts=parts), append=append)
    return StreamResponse(payload=Oneof("artifact_update", update))


def text(value: str, media_type: str = "") -> Part:
    return Part(content=Oneof("text", value), media_type=media_type)


def texts_of(task: Task) -> dict[str, list[str]]:
    return {
        artifact.artifact_id: [str(part.content.value) for part in artifact.parts if part.content is not None]
        for artifact in task.artifacts
    }


@given(st.lists(st.tuples(st.sampled_from("xy"), TEXTS, st.booleans()), max_size=20), st.data())
def test_pieces_make_the_artifact_whenever_it_is_looked_at(
    pieces: list[tuple[str, str, bool]], data: st.DataObject
) -> None:
    looked_at, once = Projection(task()), Projection(task())
    expected: dict[str, str] = {}
    for artifact_id, value, append in pieces:
        expected[artifact_id] = (expected.get(artifact_id, "") if append else "") + value
        for projection in (looked_at, once):
            projection.apply(piece(artifact_id, [text(value)], append))
        if data.draw(st.booleans()):
            before = looked_at.snapshot()
            kept = before.to_binary()
            looked_at.apply(piece(artifact_id, [text("")], append=True))
            assert before.to_binary() == kept, "a snapshot never changes"
    assert texts_of(once.snapshot()) == {name: [value] for name, value in expected.items()}
    assert texts_of(looked_at.snapshot()) == texts_of(once.snapshot())
    assert list(texts_of(once.snapshot())) == list(expected), "artifacts keep their order"


def test_only_plain_text_is_joined() -> None:
    projection = Projection(task())
    for part in (text("a"), text("b"), text("c", "text/html"), text("d"), text("e"), Part(content=Oneof("raw", b"f"))):
        projection.apply(piece("x", [part], append=True))
    assert texts_of(projection.snapshot()) == {"x": ["ab", "c", "de", "b'f'"]}


def test_updates_are_not_changed_by_what_follows() -> None:
    first = token("a", append=False)
    kept = first.to_binary()
    projection = Projection(task())
    projection.apply(first)
    projection.apply(token("b"))
    projection.snapshot()
    projection.apply(piece("result", [Part(content=Oneof("raw", b"x"))], append=True))
    assert first.to_binary() == kept


def test_every_message_is_there_once_in_the_history_or_in_the_status() -> None:
    projection = Projection(task())
    projection.apply(change(TaskState.WORKING, text="one"))
    projection.apply(change(TaskState.WORKING))
    projection.apply(change(TaskState.INPUT_REQUIRED, text="two"))
    asked = projection.snapshot()
    projection.say(message("three"))
    projection.apply(change(TaskState.COMPLETED, text="four"))
    done = projection.snapshot()

    def said(task: Task) -> list[str]:
        return [str(part.content.value) for one in task.history for part in one.parts if part.content is not None]

    assert said(asked) == ["one"]
    assert asked.status is not None
    assert asked.status.message is not None
    assert said(done) == ["one", "two", "three"]
    assert done.status is not None
    assert done.status.message is not None


def test_what_is_no_update_changes_nothing() -> None:
    projection = Projection(task())
    before = projection.snapshot()
    projection.apply(StreamResponse())
    projection.apply(StreamResponse(payload=Oneof("message", message("x"))))
    projection.apply(StreamResponse(payload=Oneof("artifact_update", TaskArtifactUpdateEvent())))
    assert projection.snapshot() == before
