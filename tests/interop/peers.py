"""The programs by name: start the SDK agent and the gateway, run the SDK client.

Imports no SDK and no gateway, like all that pytest itself loads here.
"""

import contextlib
import json
import re
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.interop.processes import Program, finished, python, running

BINDINGS = ("JSONRPC", "GRPC", "HTTP+JSON")
LOOPBACK = "127.0.0.1:0"
ALL = ("--jsonrpc", LOOPBACK, "--grpc", LOOPBACK, "--rest", LOOPBACK)


@contextlib.contextmanager
def sdk_agent(*flags: str, serving: tuple[str, ...] = ALL) -> Generator[Program]:
    """An SDK agent on free ports. `ready["jsonrpc"]` and `ready["rest"]` are URLs with its card, `ready["grpc"]` is a
    host:port."""
    with running(python("tests.interop.sdk_agent", *serving, *flags)) as program:
        yield program


@contextlib.contextmanager
def sdk03_agent(interpreter: Path, *flags: str, serving: tuple[str, ...] = ALL) -> Generator[Program]:
    """As `sdk_agent`, but of a2a-sdk 0.3; `interpreter` is the one of its environment, as of all `sdk03_…`."""
    with running([str(interpreter), "-m", "tests.interop.sdk03_agent", *serving, *flags]) as program:
        yield program


@contextlib.contextmanager
def gateway(*flags: str, env: dict[str, str] | None = None) -> Generator[Program]:
    """A gateway on free ports. `ready["http"]` is its base URL, `ready["grpc"]` a host:port."""
    serve = ("serve", "--http", LOOPBACK, "--grpc", LOOPBACK)
    with running(python("gateway", *serve, *flags), env=env, ready_line=serving_on) as program:
        yield program


def serving_on(line: str) -> dict[str, str]:
    """The ready line of the gateway."""
    if (match := re.fullmatch(r"serving on (http://\S+) and grpc://(\S+)", line)) is None:
        raise ValueError("not `serving on http://HOST:PORT and grpc://HOST:PORT`")
    return {"http": match[1], "grpc": match[2]}


def sdk_client(card_base_url: str, binding: str, *flags: str) -> dict[str, Any]:
    """What the SDK client printed: results by check, or the figures of `--count`."""
    return json.loads(finished(python("tests.interop.sdk_client", card_base_url, "--binding", binding, *flags)))


def sdk03_client(interpreter: Path, card_base_url: str, binding: str, *flags: str) -> Any:
    """What the client of a2a-sdk 0.3 printed: as `sdk_client`, or the events of `--stream`."""
    module = ("-m", "tests.interop.sdk03_client")
    return json.loads(finished([str(interpreter), *module, card_base_url, "--binding", binding, *flags]))


def side_by_side(run: Callable[[str], Any]) -> dict[str, Any]:
    """Runs a client on every binding at once: results by binding."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(BINDINGS, pool.map(run, BINDINGS), strict=True))
