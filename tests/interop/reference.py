"""What an SDK client must see through the gateway, told by what it sees when it talks to the SDK agent directly.

The rule: the gateway is transparent, so a client gets what it would get directly over its own binding, its binding's
error codes included. `DIFFERENCES` lists every check where the SDK's bindings disagree about more than that, and whose
answer is then the right one for all. `expected` and `comparable` apply both, so that a test through the gateway
reads `comparable(check, client, seen) == expected(check, client, direct)`.
"""

from dataclasses import dataclass
from typing import Any

from tests.interop.normalise import Json

# `data` is what the SDK keeps of ErrorInfo.metadata (JSON-RPC) or BadRequest (gRPC). Its JSON-RPC server puts a list of
# objects into that metadata, which is a map of strings in the specification and cannot cross to gRPC; `violations`
# says the same on both bindings and is compared.
NEVER_COMPARED = frozenset({"data"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the SDK's bindings disagree, and why."""

    reference: str | None
    """The binding whose direct answer holds for all clients; None where each keeps its own."""
    reason: str
    reached_by: frozenset[str] = frozenset()
    """That answer holds only where the gateway reaches the agent by one of these; by another, each keeps its own."""
    free: frozenset[str] = frozenset()
    """Members that a gateway may word."""


CRASH = Difference(
    reference="JSONRPC",
    reached_by=frozenset({"JSONRPC", "HTTP+JSON"}),
    reason="the SDK's gRPC server lets an exception of the executor through as a bare UNKNOWN, of which no client can be "
    "told more. Its JSON-RPC server says InternalError (-32603), and its HTTP+JSON server the same as an `unknown "
    "exception`, which its own client does not understand. None of them carries "
    "ErrorInfo: a gateway adds one. The text is the agent's and differs with its binding.",
    free=frozenset({"message", "reason", "domain"}),
)

DIFFERENCES: dict[str, Difference] = {
    "stream_line_separators": Difference(
        reference="GRPC",
        reason="the SDK writes U+2028, U+2029 and U+0085 raw into SSE data, as it may, and its own reader takes them "
        "for the end of a line. A gateway has to read them raw and write them escaped.",
    ),
    "crash": CRASH,
    "crash_blocking": CRASH,
    "no_task_id": Difference(
        reference=None,
        reason="an id is a segment of a path in HTTP+JSON, so a request without one finds no operation at all: no path "
        "at the SDK's agent, and one that is there for something else at a gateway with paths of its own.",
        free=frozenset({"error", "message"}),
    ),
}


REFUSED_BY_GATEWAY = frozenset({"invalid_request", "no_task_id", "push_configs_invalid"})
"""Checks of requests that lack a required field. A gateway refuses them before an agent sees them: the same error
about the same field, in words of its own."""


def expected(check: str, client: str, direct: dict[str, dict[str, Any]], reached_by: str = "") -> Any:
    """What `client` (a binding) must see for a check through the gateway, given the direct results by binding.

    `reached_by` is the binding by which the gateway reaches the agent.
    """
    difference = DIFFERENCES.get(check)
    reference = difference.reference if difference else None
    if difference and difference.reached_by and reached_by not in difference.reached_by:
        reference = client
    return comparable(check, client, direct[reference or client][check])


def comparable(check: str, client: str, result: Any) -> Any:
    """A result without what the rule leaves open. Codes belong to a binding, so another binding's are dropped."""
    difference = DIFFERENCES.get(check)
    dropped = NEVER_COMPARED | ({"message", "description"} if check in REFUSED_BY_GATEWAY else frozenset())
    if difference:
        dropped |= difference.free
        if difference.reference not in (None, client) or difference.free:
            dropped |= {"code"}
    return without(result, dropped)


def portable(result: Any) -> Any:
    """A result without what only one binding can say: for the comparison of one binding with the other."""
    return without(result, NEVER_COMPARED | {"code"})


def without(value: Json, members: frozenset[str]) -> Any:
    """The result with these members of every error removed; other objects are left alone."""
    match value:
        case {"error": str(), "message": str()}:
            return {key: without(member, members) for key, member in value.items() if key not in members}
        case {"field": str(), "description": str()}:
            return {key: member for key, member in value.items() if key not in members}
        case dict():
            return {key: without(member, members) for key, member in value.items()}
        case list():
            return [without(item, members) for item in value]
        case _:
            return value
