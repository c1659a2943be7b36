"""The tables of A2A 0.3 in the words of 1.0: what becomes of each field, and what is lost."""

from gateway.codec.v0_3.table import CONVERSIONS
from tools.docs.markdown import code, table


def conversions() -> str:
    rows = ((code(one.new), one.json or "none", one.proto or "none", one.rule) for one in CONVERSIONS)
    return table("In 1.0 | In 0.3, JSON-RPC | In 0.3, gRPC and HTTP+JSON | Rule", rows)


def losses() -> str:
    rows = (
        (code(one.new), one.lost_to_0_3 or "nothing", one.lost_to_1_0 or "nothing")
        for one in CONVERSIONS
        if one.lost_to_0_3 or one.lost_to_1_0
    )
    return table("Of | Lost from 1.0 to 0.3 | Lost from 0.3 to 1.0", rows)
