"""What the SDKs of 0.3 disagree about, as settings: each with the side taken and why."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Choices:
    """How one peer that speaks 0.3 means what the protocol leaves open."""

    file_bytes: Literal["base64_text", "raw"] = "base64_text"
    """What `FilePart.file_with_bytes` holds on gRPC and HTTP+JSON: the base64 text of the bytes, as
    the Python and Go SDKs put there, or the bytes themselves, as the JavaScript SDK does and the
    definition says. Both cannot be told apart for sure, so nothing is guessed; the majority's is the
    default. The JSON-RPC dialect is not concerned."""

    blocking_when_absent: bool = True
    """Whether a request that does not say `blocking` waits for the task. The Python and Go SDKs wait,
    as 1.0 does, the JavaScript SDK does not. On gRPC a configuration always says it: false is what is
    not written; only a request without a configuration leaves it open."""

    final_on_interrupted: bool = False
    """Whether a status update to INPUT_REQUIRED or AUTH_REQUIRED is `final`, like one to a terminal
    state. The Go SDK says so for INPUT_REQUIRED, the Python and JavaScript SDKs do not. A client that
    is told `final` hangs up, and would miss what follows AUTH_REQUIRED on a stream that stays open;
    one that is not told sees the stream end."""


DEFAULT = Choices()
