"""What an SDK client must see through the gateway, told by what it sees when it talks to the SDK agent directly.

The rule: the gateway is transparent, so a client gets what it would get directly over its own binding, its binding's
error codes included. `DIFFERENCES` lists every check where the SDK's two bindings disagree about more than that, and
whose answer is then the right one for both. `expected` and `comparable` apply both, so that a test through the gateway
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
    """`reference` is the binding whose direct answer holds for all clients; `free` are members a gateway may word."""

    reference: str
    reason: str
    free: frozenset[str] = frozenset()


CRASH = Difference(
    reference="JSONRPC",
    reason="the SDK's gRPC server lets an exception of the executor through as a bare UNKNOWN; its JSON-RPC server "
    "says InternalError (-32603), which a client can act on. Neither carries ErrorInfo: a gateway adds INTERNAL_ERROR, "
    "or the SDK's gRPC client does not see the class. The text is the agent's and differs with its binding.",
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
}


def expected(check: str, client: str, direct: dict[str, dict[str, Any]]) -> Any:
    """What `client` (a binding) must see for a check through the gateway, given the direct results by binding."""
    difference = DIFFERENCES.get(check)
    return comparable(check, client, direct[difference.reference if difference else client][check])


def comparable(check: str, client: str, result: Any) -> Any:
    """A result without what the rule leaves open. Codes belong to a binding, so another binding's are dropped."""
    difference = DIFFERENCES.get(check)
    dropped = NEVER_COMPARED
    if difference:
        dropped |= difference.free
        if difference.reference != client or difference.free:
            dropped |= {"code"}
    return without(result, dropped)


def portable(result: Any) -> Any:
    """A result without what only one binding can say: for the comparison of one binding with the other."""
    return without(result, NEVER_COMPARED | {"code"})


def without(value: Json, members: frozenset[str]) -> Any:
    """The result with these members of every error removed; other objects are left alone."""
    match value:
        case {"error": str(), "message": str()}:
            return {key: member for key, member in value.items() if key not in members}
        case dict():
            return {key: without(member, members) for key, member in value.items()}
        case list():
            return [without(item, members) for item in value]
        case _:
            return value
