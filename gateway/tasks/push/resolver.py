"""The host names of webhooks, asked of the system.

In threads of their own: names that strangers choose may take long to answer, and must not hold up
the look-ups of agents, which share the event loop's few threads.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

_THREADS = 8


class SystemResolver:
    """What the system says of a host, from its hosts file and its name servers; nothing is kept."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="push-resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, the best first. Raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        return tuple(dict.fromkeys(found))

    def close(self) -> None:
        """Look-ups under way end unheard."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
