"""A man in the middle that spoils one stream: it holds a response back until it is whole, edits it, and sends it on."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from benchmarks.wire import http2

Pieces = list[bytes]
Edit = Callable[[Pieces], Pieces]
"""Of the pieces of a response: its chunks, or its frames."""

_CHUNK = re.compile(rb"[0-9a-f]+\r\n")


def chunks(response: bytes) -> Pieces | None:
    """The head and the chunks of a response, each with its framing; None until it is whole."""
    if not response.endswith(b"\r\n0\r\n\r\n"):
        return None
    at = response.index(b"\r\n\r\n") + 4
    pieces = [response[:at]]
    while at < len(response):
        head = _CHUNK.match(response, at)
        assert head
        end = head.end() + int(head[0], 16) + 2
        pieces.append(response[at:end])
        at = end
    return pieces


def frames(response: bytes) -> Pieces | None:
    """The frames of a connection; None until a stream has ended."""
    pieces: Pieces = []
    ended = False
    for kind, flags, stream, payload in http2.Frames().feed(response):
        pieces.append(http2.frame(kind, flags, stream, payload))
        ended |= kind == http2.HEADERS and bool(flags & http2.END_STREAM)
    return pieces if ended else None


def of_event(number: int) -> Callable[[bytes], bool]:
    return lambda piece: b" e%08d " % number in piece


def index_of(pieces: Pieces, number: int) -> int:
    return next(index for index, piece in enumerate(pieces) if of_event(number)(piece))


class Liar:
    """Listens on `port` before an agent on another one."""

    def __init__(self, host: str, port: int, cut: Callable[[bytes], Pieces | None], edit: Edit) -> None:
        self._agent = (host, port)
        self._cut = cut
        self._edit = edit

    async def __aenter__(self) -> "Liar":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, caller: asyncio.StreamReader, to_caller: asyncio.StreamWriter) -> None:
        agent, to_agent = await asyncio.open_connection(*self._agent)
        up = asyncio.create_task(_copy(caller, to_agent))
        response = b""
        while data := await agent.read(65536):
            response += data
            if (pieces := self._cut(response)) is not None:
                to_caller.write(b"".join(self._edit(pieces)))
                response = b""
        to_caller.close()
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        to_agent.close()


async def _copy(source: asyncio.StreamReader, target: Any) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.close()
