"""Where the bindings of A2A 0.3 disagree when the client of a2a-sdk 0.3 talks to an agent directly, and why.

There are two agents: `sdk03` is of a2a-sdk 0.3, `compat` of a2a-sdk 1.x with its 0.3 compatibility on. Every check that
is not listed gives the same on all bindings, once `comparable` has taken away what only one of them can say.
"""

from typing import Any

from tests.interop.normalise import Json
from tests.interop.reference import NEVER_COMPARED, without

STATUS_ALONE = (
    "HTTP+JSON has no error codes: the client knows an error by its HTTP status, and the class of it never. An error "
    "of a stream, even before its first event, breaks the connection."
)
CRASH = (
    "an exception of the executor is InternalError on JSON-RPC, a bare UNKNOWN on gRPC and an `unknown exception` on "
    "HTTP+JSON; a stream of HTTP+JSON is cut."
)
PATHS = "an id is a part of a resource's name in gRPC and HTTP+JSON, so one that is empty names no task."

DIFFERENCES: dict[str, dict[str, str]] = {
    "sdk03": {
        "extended_card": "the agent's gRPC server knows no extended card and answers with the public one.",
        "crash": f"{CRASH} JSON-RPC too is cut when it happens in a stream.",
        "crash_blocking": CRASH,
        "push_configs": "the agent can neither list nor delete by gRPC and HTTP+JSON. There a configuration without an "
        "id has an empty one and keeps it, and the client cannot read the name of that.",
        "push_configs_invalid": f"as push_configs; and {STATUS_ALONE}",
        "unknown_task": STATUS_ALONE,
        "terminal_task": STATUS_ALONE,
        "wrong_context": STATUS_ALONE,
        "no_task_id": PATHS,
        "invalid_request": f"a message without parts crashes the agent: {CRASH}",
    },
    "compat": {
        "crash": CRASH,
        "crash_blocking": CRASH,
        "push_configs": "the agent has no 0.3 operation to delete a configuration by HTTP+JSON.",
        "push_configs_invalid": STATUS_ALONE,
        "unknown_task": STATUS_ALONE,
        "terminal_task": STATUS_ALONE,
        "wrong_context": STATUS_ALONE,
        "no_task_id": PATHS,
        "invalid_request": STATUS_ALONE,
    },
}


def comparable(result: Any) -> Any:
    """A result without what only one binding can say: its codes, and on JSON-RPC when a status was set. Over the others
    an agent of 0.3 does not send that, and the client does not read it."""
    return without(_untimed(result), NEVER_COMPARED | {"code"})


def _untimed(value: Json) -> Any:
    match value:
        case dict():
            return {key: _untimed(member) for key, member in value.items() if key != "timestamp"}
        case list():
            return [_untimed(item) for item in value]
        case _:
            return value
