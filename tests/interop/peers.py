"""The two SDK programs by name: start the agent, run the client. Imports no SDK, like all that pytest itself loads."""

import contextlib
import json
from collections.abc import Generator
from typing import Any

from tests.interop.processes import Program, finished, python, running

BINDINGS = ("JSONRPC", "GRPC")
LOOPBACK = "127.0.0.1:0"
BOTH = ("--jsonrpc", LOOPBACK, "--grpc", LOOPBACK)


@contextlib.contextmanager
def sdk_agent(*flags: str, serving: tuple[str, ...] = BOTH) -> Generator[Program]:
    """An SDK agent on free ports. `ready["jsonrpc"]` is the base URL of its card too, `ready["grpc"]` a host:port."""
    with running(python("tests.interop.sdk_agent", *serving, *flags)) as program:
        yield program


def sdk_client(card_base_url: str, binding: str, *flags: str) -> dict[str, Any]:
    """What the SDK client printed: results by check, or the figures of `--count`."""
    return json.loads(finished(python("tests.interop.sdk_client", card_base_url, "--binding", binding, *flags)))
