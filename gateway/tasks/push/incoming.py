"""The receiving side: notifications that agents post to the gateway for the tasks of its callers. Pure.

A path of the gateway's own webhooks carries what it is for and a proof that the gateway made it, so
nothing needs to be looked up to turn strangers away.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from protobuf import Oneof

from gateway.codec import jsontext
from gateway.codec.form import JSON_1_0
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3 import forms
from gateway.codec.v0_3.choices import Choices
from generated.a2a.v1.a2a_pb import (
    Message,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
)

_PURPOSE = b"a2a-gateway push webhook v1\0"
"""Keeps what the store's secret proves here from proving anything elsewhere."""
_TOKEN_PURPOSE = b"a2a-gateway push notification token v1\0"
_MAX_TOKEN_CHARS = 512


def path_token(secret: bytes, subject: str) -> str:
    """A path segment that carries a subject of up to 250 bytes, and that only who has the secret can make.

    The subject is what the notification is about, such as a task's id, or the id of a subscription
    made before its task; whoever has the token can read it. Raises ValueError for one too long.
    """
    carried = _base64(subject.encode())
    token = f"{carried}.{_proof(secret, carried)}"
    if len(token) > _MAX_TOKEN_CHARS:
        raise ValueError("the subject is too long for a path")
    return token


def subject_of(secret: bytes, token: str) -> str | None:
    """The subject of a token of ours; None for anything else."""
    if len(token) > _MAX_TOKEN_CHARS or not token.isascii():
        return None
    carried, dot, proof = token.rpartition(".")
    if not dot or not hmac.compare_digest(proof, _proof(secret, carried)):
        return None
    try:
        return base64.urlsafe_b64decode(carried + "=" * (-len(carried) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def notification_token(secret: bytes, subject: str) -> str:
    """What an agent is given to send in a header: unlike the path, no log on the way holds it."""
    return _base64(hmac.digest(secret, _TOKEN_PURPOSE + subject.encode(), hashlib.sha256))


def is_proven(secret: bytes, subject: str, given: Iterable[str]) -> bool:
    """Whether one of the tokens given is the subject's, in a time that tells nothing of it."""
    wanted = notification_token(secret, subject).encode()
    # Summed up, so that every one is compared.
    return sum(hmac.compare_digest(wanted, one.encode()) for one in given) > 0


def read(body: bytes, bounds: Bounds, choices: Choices | None = None) -> StreamResponse:
    """The update that a notification tells of, in whichever version. Raises Malformed.

    1.0 wraps what it tells in one member; 0.3 posts the task itself, and some of its agents any
    event, told by `kind`.
    """
    value = jsontext.load(body, bounds)
    if not isinstance(value, dict):
        raise Malformed("expected an object")
    if "kind" in value or ("id" in value and "status" in value):
        response = forms.json_rpc(choices or Choices()).read_event(value, bounds)
    else:
        response = JSON_1_0.read_event(value, bounds)
    if response.payload is None:
        raise Malformed("tells of no task, message or update")
    return response


def task_id_of(response: StreamResponse) -> str:
    """The task that an update is about; empty where it does not say. Receivers must check it (section 4.3.3)."""
    match response.payload:
        case Oneof(value=Task() as task):
            return task.id
        case Oneof(value=(TaskStatusUpdateEvent() | TaskArtifactUpdateEvent() | Message()) as update):
            return update.task_id
        case _:
            return ""


def _proof(secret: bytes, carried: str) -> str:
    return _base64(hmac.digest(secret, _PURPOSE + carried.encode(), hashlib.sha256))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
