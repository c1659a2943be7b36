"""How a connection writes: what one turn of the loop brings together goes out in one."""

import asyncio

_MOST_BYTES = 65_536
"""After which nothing is waited for."""


class Outlet:
    """The writing end of a transport.

    What is put waits for the tasks that are ready to run now, and for nothing else: they may have
    something to say on other streams of the connection.
    """

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._size = 0

    def put(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what was put; to be called before the transport is closed, or asked what it has not sent."""
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces and not self._transport.is_closing():
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))
