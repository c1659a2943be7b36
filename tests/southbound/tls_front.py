"""A TLS server in front of a plain one: what an agent behind `https://` or `grpcs://` looks like."""

import asyncio
import ssl
from contextlib import suppress
from typing import Self

from tests.fakes.loopback import HOST


class TlsFront:
    """Takes TLS on `port` and passes what is inside to `target`, HOST:PORT; entered while it serves."""

    def __init__(self, target: str, context: ssl.SSLContext) -> None:
        self.port = 0
        self.alpn: list[str | None] = []
        """What each connection agreed to speak inside."""
        self.names: list[str] = []
        """The common names of the clients that proved who they are."""
        self._target = target.rpartition(":")
        self._context = context
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        inside: ssl.SSLObject = writer.get_extra_info("ssl_object")
        self.alpn.append(inside.selected_alpn_protocol())
        if certificate := inside.getpeercert():
            self.names += [value for pairs in certificate["subject"] for name, value in pairs if name == "commonName"]
        plain_reader, plain_writer = await asyncio.open_connection(self._target[0], int(self._target[2]))
        try:
            ways = (_pass(reader, plain_writer), _pass(plain_reader, writer))
            await asyncio.wait([asyncio.ensure_future(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._passing.discard(task)
            plain_writer.close()
            writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
