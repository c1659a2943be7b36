"""The receiving side: paths that only the gateway can make, bodies of both versions, and bounds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.malformed import Bounds, Malformed
from gateway.tasks.push import incoming

SECRET = bytes(range(32))
SUBJECTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(subject=SUBJECTS)
def test_a_token_gives_its_subject_back(subject: str) -> None:
    token = incoming.path_token(SECRET, subject)
    assert incoming.subject_of(SECRET, token) == subject
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(subject=SUBJECTS, data=st.data())
def test_a_token_that_was_touched_is_nobodys(subject: str, data: st.DataObject) -> None:
    token = incoming.path_token(SECRET, subject)
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([one for one in "AZaz09-_." if one != token[index]]))
    for touched in (token[:index] + other + token[index + 1 :], token[:index] + token[index + 1 :], token + "A"):
        assert incoming.subject_of(SECRET, touched) is None


@given(token=st.text())
def test_any_other_text_is_nobodys(token: str) -> None:
    assert incoming.subject_of(SECRET, token) is None


def test_another_store_made_another_token() -> None:
    token = incoming.path_token(SECRET, "task-1")
    assert incoming.subject_of(bytes(32), token) is None
    assert token == incoming.path_token(SECRET, "task-1")


def test_a_subject_fits_a_path() -> None:
    assert incoming.subject_of(SECRET, incoming.path_token(SECRET, "x" * 250)) == "x" * 250
    with pytest.raises(ValueError, match="too long"):
        incoming.path_token(SECRET, "x" * 1000)


OLD_STATUS = {"state": "working"}
READ: list[tuple[str, Any, str]] = [
    ("1.0 task", {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}, "task"),
    (
        "1.0 status",
        {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}},
        "status_update",
    ),
    (
        "1.0 artifact",
        {
            "artifactUpdate": {
                "taskId": "t",
                "contextId": "c",
                "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
            }
        },
        "artifact_update",
    ),
    (
        "1.0 message",
        {"message": {"messageId": "m", "taskId": "t", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}},
        "message",
    ),
    ("0.3 task", {"kind": "task", "id": "t", "contextId": "c", "status": OLD_STATUS}, "task"),
    ("0.3 task without its kind", {"id": "t", "contextId": "c", "status": OLD_STATUS}, "task"),
    (
        "0.3 status",
        {"kind": "status-update", "taskId": "t", "contextId": "c", "status": OLD_STATUS, "final": False},
        "status_update",
    ),
    (
        "0.3 message",
        {"kind": "message", "messageId": "m", "taskId": "t", "role": "agent", "parts": [{"kind": "text", "text": "x"}]},
        "message",
    ),
]


@pytest.mark.parametrize(("body", "field"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_bodies_of_both_versions_are_read(body: Any, field: str) -> None:
    response = incoming.read(json.dumps(body).encode(), Bounds())
    assert response.payload is not None
    assert response.payload.field == field
    assert incoming.task_id_of(response) == "t"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b'{"task": null}',
        b'{"task": {}, "message": {}}',
        b'{"kind": "what"}',
        b'{"kind": 1}',
        b'{"id": 1, "status": 2}',
        b'{"unknown": {}}',
        b'{"task": {"id": "t"}, "task": {"id": "u"}}',
        b"[" * 100_000,
        b'{"task": {"metadata": {"x": ' + b'{"x":' * 60 + b"1" + b"}" * 63,
    ],
)
def test_other_bodies_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        incoming.read(body, Bounds())


def test_a_body_is_bounded() -> None:
    body = json.dumps({"task": {"id": "t" * 1000, "status": {"state": "TASK_STATE_WORKING"}}}).encode()
    with pytest.raises(Malformed) as caught:
        incoming.read(body, Bounds(json_bytes=500))
    assert caught.value.too_large
