"""How the runner talks to its processes: a JSON object on a line of stdin, and one on stdout for each."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Json = dict[str, Any]
Verb = Callable[[Json], Awaitable[Json]]


async def commands(verbs: Mapping[str, Verb]) -> None:
    """Does what each line's `do` names, until stdin ends. A verb that fails answers `{"error": …}`."""
    reader = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command: Json = json.loads(line)
        try:
            answer = await verbs[command["do"]](command)
        except (OSError, TimeoutError, ValueError, LookupError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
