"""What a notification is on the wire: its headers and its body, in the version of whoever asked for it. Pure.

1.0 posts a StreamResponse (specification section 4.3.3), 0.3 the bare task (its section 9.5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from protobuf import Oneof

from gateway import __version__
from gateway.codec.form import JSON_1_0
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.metadata import is_sendable
from gateway.codec.v0_3 import forms
from gateway.codec.v0_3.choices import Choices
from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import StreamResponse, Task, TaskPushNotificationConfig

TOKEN_HEADER = "x-a2a-notification-token"  # noqa: S105 # a name
OLD = "0.3"

_CONTENT_TYPE = "application/a2a+json"
_OLD_CONTENT_TYPE = "application/json"
_TRACE = ("traceparent", "tracestate")
"""Baggage stays: it is for whoever works on the task, and may name what is inside."""
_SCHEME = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110, as authentication schemes are."""
_MAX_HEADER_CHARS = 8 * 1024


@dataclass(frozen=True, slots=True)
class Notification:
    """One POST, ready to go. Its text shows no secret."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Notification({len(self.body)} bytes)"


def whole(task: Task) -> StreamResponse:
    """A task as the payload of a notification."""
    return StreamResponse(payload=Oneof("task", task))


def trimmed(task: Task) -> StreamResponse:
    """A task that is too large, down to what its owner needs to ask for it."""
    return whole(Task(id=task.id, context_id=task.context_id, status=task.status))


def notification(
    hook: Hook, response: StreamResponse, trace: Mapping[str, str], bounds: Bounds, choices: Choices
) -> Notification:
    """The POST of an update. For 0.3 it must be a task. Raises Malformed (`too_large`)."""
    form = forms.json_rpc(choices) if hook.version == OLD else JSON_1_0
    return Notification(hook.config.url, headers(hook, trace), form.write_event(response, bounds))


def headers(hook: Hook, trace: Mapping[str, str]) -> dict[str, str]:
    """What goes along with every notification of a webhook."""
    named = {
        "content-type": _OLD_CONTENT_TYPE if hook.version == OLD else _CONTENT_TYPE,
        "user-agent": f"a2a-gateway/{__version__}",
    }
    named |= {name: trace[name] for name in _TRACE if name in trace}
    if hook.config.token:
        named[TOKEN_HEADER] = hook.config.token
    authentication = hook.config.authentication
    if authentication is not None and authentication.scheme and authentication.credentials:
        named["authorization"] = f"{authentication.scheme} {authentication.credentials}"
    return named


def check_secrets(config: TaskPushNotificationConfig) -> None:
    """Raises Malformed, without the value, for a secret that no header can carry."""
    authentication = config.authentication
    if not _is_header(config.token):
        raise Malformed(_UNFIT, "token")
    if authentication is not None:
        if authentication.scheme and not _SCHEME.fullmatch(authentication.scheme):
            raise Malformed("is no authentication scheme", "authentication.scheme")
        if not _is_header(authentication.credentials):
            raise Malformed(_UNFIT, "authentication.credentials")


_UNFIT = f"cannot be sent in a header: up to {_MAX_HEADER_CHARS} printable ASCII characters can"


def _is_header(value: str) -> bool:
    return is_sendable(value) and len(value) <= _MAX_HEADER_CHARS and value == value.strip()
