"""How a call to a mapped service ends: every gRPC status to the state of the task and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.codec.jsontext import JsonValue
from gateway.codec.status import to_data
from gateway.errors import AgentError, ErrorKind, GrpcStatus
from gateway.southbound.transport.grpcio_channel import TRANSPORT_WORDS
from gateway.worker import Status
from generated.a2a.v1.a2a_pb import TaskState

_G = GrpcStatus
_S = TaskState


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a status makes of a task."""

    state: TaskState
    """Where nothing was produced before it."""
    after_output: TaskState
    """Where something was: it stays."""
    words: str
    """What the task says; the service's own words follow."""


def _refused(words: str) -> Outcome:
    return Outcome(_S.REJECTED, _S.FAILED, words)


def _failed(words: str) -> Outcome:
    return Outcome(_S.FAILED, _S.FAILED, words)


OUTCOMES: Mapping[GrpcStatus, Outcome] = {
    _G.OK: Outcome(_S.COMPLETED, _S.COMPLETED, ""),
    _G.CANCELLED: _failed("The service cancelled the call"),
    _G.UNKNOWN: _failed("The service failed"),
    _G.INVALID_ARGUMENT: _refused("The service does not accept this request"),
    _G.DEADLINE_EXCEEDED: _failed("The service did not finish in time"),
    _G.NOT_FOUND: _refused("The service does not find what the request names"),
    _G.ALREADY_EXISTS: _refused("What the request would make exists already"),
    _G.PERMISSION_DENIED: _refused("The service does not permit this"),
    _G.RESOURCE_EXHAUSTED: _failed("A limit was reached"),
    _G.FAILED_PRECONDITION: _refused("The service is not in a state for this request"),
    _G.ABORTED: _failed("The service aborted the operation"),
    _G.OUT_OF_RANGE: _refused("The request goes beyond what the service has"),
    _G.UNIMPLEMENTED: _failed("The service does not have this method"),
    _G.INTERNAL: _failed("The service failed"),
    _G.UNAVAILABLE: _failed("The service cannot be reached"),
    _G.DATA_LOSS: _failed("The service lost data"),
    _G.UNAUTHENTICATED: Outcome(
        _S.AUTH_REQUIRED, _S.AUTH_REQUIRED, "The service requires authentication; send the request again with it"
    ),
}
"""Every status. A test holds that none is missing, and `docs/mapping.md` is written from here."""

IN_DOUBT = frozenset({_G.UNAVAILABLE, _G.UNIMPLEMENTED, _G.INTERNAL})
"""Statuses after which the service may be another one than it was: its definitions are read again."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended."""

    status: GrpcStatus
    error: AgentError | None = None
    """For every status but OK: its text, without addresses, and its details."""
    trailers: Mapping[str, str] | None = None
    """Trailing metadata that the settings let through."""


def final_status(ending: Ending, *, produced: bool, note: str = "") -> Status:
    """The last status of a task whose call has ended; `note` is said in addition."""
    outcome = OUTCOMES[ending.status]
    state = outcome.after_output if produced else outcome.state
    words = outcome.words
    own = ending.error.message if ending.error is not None else ""
    if own in TRANSPORT_WORDS:
        words = own
    elif ending.error is not None and own != ending.error.kind.row.message:
        words = f"{words}: {own}"
    words = ". ".join(one for one in (words, note) if one)
    return Status(state, words or None, {"grpc": _about(ending)} if _about(ending) else {})


def failure(words: str, kind: ErrorKind = ErrorKind.INVALID_AGENT_RESPONSE) -> Status:
    """The last status of a task whose service answered what cannot be used."""
    return Status(TaskState.FAILED, words, {"error": kind.reason})


def _about(ending: Ending) -> dict[str, JsonValue]:
    about: dict[str, JsonValue] = {}
    if ending.status is not GrpcStatus.OK:
        about["code"] = ending.status.name
    if ending.error is not None and ending.error.details:
        # `to_data` puts first what identifies the kind of error in A2A; that is ours and not the service's.
        given = to_data(ending.error)
        about["details"] = given[len(given) - len(ending.error.details) :]
    if ending.trailers:
        about["trailers"] = dict(ending.trailers)
    return about

