"""The protobuf types that cross the wire in the rpcs of A2A, of either version."""

from protobuf import Message

from gateway.codec.v0_3 import methods
from gateway.operations import Operation


def rpc_types(version: str, operation: Operation) -> tuple[type[Message], type[Message]]:
    """The request and the answer of an operation's rpc; of a stream, each event. Raises KeyError for one 0.3 lacks."""
    row = methods.METHODS[operation] if version == methods.VERSION else operation
    return row.request, row.response
