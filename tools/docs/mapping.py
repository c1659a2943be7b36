"""The tables of mapped services: what gRPC statuses make of a task, and which names are inferred."""

from collections.abc import Mapping, Sequence

from gateway.errors import GrpcStatus
from gateway.southbound.mapped import inference
from gateway.southbound.mapped.statuses import OUTCOMES
from tools.docs.markdown import code, table


def outcomes() -> str:
    rows = (
        (status.name, code(outcome.state.name), code(outcome.after_output.name), outcome.words)
        for status in GrpcStatus
        for outcome in (OUTCOMES[status],)
    )
    return table("Status | Nothing produced yet | Something produced | What the task says", rows)


INFERRED: Mapping[str, Sequence[str]] = {
    "the string of a request that takes the text": inference.TEXT_IN,
    "the string of a response that is streamed as text": inference.TEXT_OUT,
    "the bytes that are a file": inference.BYTES,
    "beside such bytes, the string for their media type": inference.MEDIA_TYPE,
    "beside such bytes, the string for their file name": inference.FILE_NAME,
    "strings that are never taken for text": inference.NOT_TEXT,
}


def inferred_names() -> str:
    rows = ((what, ", ".join(map(code, names))) for what, names in INFERRED.items())
    return table("What | Names, best first", rows)
