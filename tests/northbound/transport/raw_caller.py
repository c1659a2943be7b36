"""A caller that writes what it likes and reads frame by frame, giving credit only when it is told to."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Self

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.fakes.h2_caller import grpc_headers
from tests.fakes.h2_steps import HeaderList, frame
from tests.fakes.loopback import stream_socket
from tests.northbound.transport.serving import PATH, PATIENCE_S

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class RawCaller:
    """One connection. `greets` says whether the preface and SETTINGS go out at once."""

    def __init__(
        self, address: str, settings: Mapping[int, int] | None = None, *, greets: bool = True, acks: bool = True
    ) -> None:
        self.address = address
        self.frames: list[Frame] = []
        """What was read so far."""
        self.closed = False
        self.encoder = Encoder()
        self.decoder = Decoder()
        self._settings = dict(settings or {})
        self._greets = greets
        self._acks = acks
        self._unread = b""
        self._next = 1
        self.socket = stream_socket()

    async def __aenter__(self) -> Self:
        host, _, port = self.address.rpartition(":")
        self.socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(self.socket, (host, int(port)))
        if self._greets:
            await self.send(PREFACE + SettingsFrame(0, settings=self._settings).serialize())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.socket.close()

    async def send(self, data: bytes) -> None:
        """Bytes as they are; what the server does not take any more is lost."""
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self.socket, data)

    def head(self, stream_id: int, pairs: HeaderList, *flags: str) -> bytes:
        return HeadersFrame(stream_id, data=self.encoder.encode(pairs), flags=["END_HEADERS", *flags]).serialize()

    def new_stream(self) -> int:
        number, self._next = self._next, self._next + 2
        return number

    def request(self, *more: tuple[str, str], message: bytes = b"request", path: str = PATH) -> bytes:
        """The frames of a whole request, on the next stream."""
        number = self.new_stream()
        pairs = grpc_headers(path, self.address, *more)
        return self.head(number, pairs) + DataFrame(number, data=frame(message), flags=["END_STREAM"]).serialize()

    async def open(self, window: int = 0) -> None:
        """Credit on the connection."""
        await self.send(WindowUpdateFrame(0, window_increment=window or 2**31 - 1 - 65_535).serialize())

    async def read(self, enough: Callable[[Frame], bool]) -> Frame:
        """Reads until a frame is what is looked for. Raises ConnectionError where the connection ends before."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while (found := self._frame()) is not None:
                    self.frames.append(found)
                    if isinstance(found, PingFrame) and "ACK" not in found.flags and self._acks:
                        await self.send(PingFrame(0, opaque_data=found.opaque_data, flags=["ACK"]).serialize())
                    if enough(found):
                        return found
                await self._more()

    async def until_closed(self) -> GoAwayFrame | None:
        """Reads to the end of the connection; the last GOAWAY."""
        with suppress(ConnectionError):
            await self.read(lambda _: False)
        farewells = [one for one in self.frames if isinstance(one, GoAwayFrame)]
        return farewells[-1] if farewells else None

    async def answer(self, stream_id: int) -> "Answer":
        """Reads until a stream is over."""
        await self.read(
            lambda one: one.stream_id == stream_id and ("END_STREAM" in one.flags or isinstance(one, RstStreamFrame))
        )
        return self.answered(stream_id)

    def answered(self, stream_id: int) -> "Answer":
        """What was read of a stream so far."""
        return Answer([one for one in self.frames if one.stream_id == stream_id])

    def _frame(self) -> Frame | None:
        if len(self._unread) < 9:
            return None
        found, length = Frame.parse_frame_header(memoryview(self._unread[:9]))
        if len(self._unread) < 9 + length:
            return None
        found.parse_body(memoryview(self._unread[9 : 9 + length]))
        self._unread = self._unread[9 + length :]
        if isinstance(found, HeadersFrame):
            found.fields = self.decoder.decode(found.data)  # type: ignore[attr-defined] # beside it, in order
        return found

    async def _more(self) -> None:
        received = await asyncio.get_running_loop().sock_recv(self.socket, 65_536)
        if not received:
            self.closed = True
            raise ConnectionResetError("the server closed")
        self._unread += received


class Answer:
    """What came on one stream."""

    def __init__(self, frames: list[Frame]) -> None:
        self.fields = dict[str, str]()
        self.data = b""
        self.reset_code: int | None = None
        for one in frames:
            if isinstance(one, HeadersFrame):
                self.fields.update(one.fields)  # type: ignore[attr-defined] # as above
            elif isinstance(one, DataFrame):
                self.data += one.data
            elif isinstance(one, RstStreamFrame):
                self.reset_code = one.error_code

    @property
    def status(self) -> int | None:
        value = self.fields.get("grpc-status")
        return None if value is None else int(value)

    @property
    def messages(self) -> list[bytes]:
        """The messages that are whole."""
        found, at = list[bytes](), 0
        while at + 5 <= len(self.data):
            end = at + 5 + int.from_bytes(self.data[at + 1 : at + 5], "big")
            if end > len(self.data):
                break
            found.append(self.data[at + 5 : end])
            at = end
        return found
