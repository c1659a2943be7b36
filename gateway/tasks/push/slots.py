"""How many notifications are on their way at once: over all, and to one host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from gateway.settings import PushSettings


class Slots:
    """Room for POSTs, in the order in which it was asked for."""

    def __init__(self, settings: PushSettings) -> None:
        self._per_host = settings.connections_per_host
        self._all = asyncio.Semaphore(settings.connections)
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def slot(self, url: str) -> AsyncIterator[None]:
        """Room for one POST to a URL; waited for.

        Room with the host comes first: what waits for a slow one takes nothing from the others.
        """
        host = _host(url)
        of_host = self._hosts.get(host)
        if of_host is None:
            self._hosts[host] = of_host = asyncio.Semaphore(self._per_host)
        async with of_host, self._all:
            yield


def _host(url: str) -> str:
    """What tells hosts apart, port or not; of any text."""
    authority = url.partition("://")[2].partition("/")[0].lower()
    host, colon, port = authority.rpartition(":")
    return host if colon and port.isdecimal() else authority
