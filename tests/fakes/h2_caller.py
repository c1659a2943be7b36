"""An HTTP/2 caller that sends any header list and shows the answer as it came.

For what grpcio will not send: upper-case keys, duplicate pseudo headers, `grpc-*` and hop-by-hop
fields, broken timeouts, frames cut short. Cleartext, prior knowledge, one stream after another.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from tests.fakes.h2_steps import HeaderList, frame
from tests.fakes.loopback import linger_zero, stream_socket

_GOAWAY = 7


def grpc_headers(path: str, authority: str, *more: tuple[str, str]) -> HeaderList:
    """The header list of a correct gRPC request, and what follows it."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    ]


@dataclass(slots=True)
class H2Answer:
    """One response as it came: nothing merged, renamed or dropped."""

    headers: HeaderList = field(default_factory=list[tuple[str, str]])
    trailers: HeaderList = field(default_factory=list[tuple[str, str]])
    data: bytes = b""
    reset_code: int | None = None
    """The server's RST_STREAM."""
    goaway_code: int | None = None
    ended: bool = False
    """The stream was ended in order."""
    closed: bool = False
    """The connection ended before the stream did."""

    def header(self, name: str) -> str | None:
        """A value from the trailers, or else from the headers."""
        return dict(self.headers + self.trailers).get(name)

    @property
    def grpc_status(self) -> int | None:
        status = self.header("grpc-status")
        return int(status) if status is not None else None

    @property
    def messages(self) -> list[bytes]:
        """The whole length-prefixed messages."""
        found: list[bytes] = []
        at = 0
        while at + 5 <= len(self.data):
            end = at + 5 + int.from_bytes(self.data[at + 1 : at + 5], "big")
            if end > len(self.data):
                break
            found.append(self.data[at + 5 : end])
            at = end
        return found


class H2Caller:
    """One connection to `host:port`, opened by `async with`."""

    def __init__(self, address: str) -> None:
        self.authority = address
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding="latin-1",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self._socket = stream_socket()
        self._unframed = b""

    async def __aenter__(self) -> Self:
        host, _, port = self.authority.rpartition(":")
        self._socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(self._socket, (host, int(port)))
        self.h2.initiate_connection()
        await self.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def flush(self) -> None:
        await self.send(self.h2.data_to_send())

    async def send(self, data: bytes) -> None:
        """Bytes as they are, frames or not."""
        if data:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def reset(self) -> None:
        """End the connection by RST."""
        linger_zero(self._socket.fileno())
        self._socket.close()

    async def start(self, headers: HeaderList, body: bytes = b"", *, end: bool = True) -> int:
        """Open a stream with this header list and this body; the id of the stream."""
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, headers, end_stream=end and not body)
        if body:
            self.h2.send_data(stream_id, body, end_stream=end)
        await self.flush()
        return stream_id

    async def cancel(self, stream_id: int, code: int = 8) -> None:
        """RST_STREAM; 8 is CANCEL."""
        self.h2.reset_stream(stream_id, code)
        await self.flush()

    async def answer(self, stream_id: int, within_s: float = 5.0) -> H2Answer:
        """Read until the stream or the connection is over; TimeoutError if neither."""
        answer = H2Answer()
        async with asyncio.timeout(within_s):
            while not (answer.ended or answer.closed or answer.reset_code is not None):
                received = b""
                with suppress(ConnectionError):
                    received = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
                if not received:
                    answer.closed = True
                    break
                try:
                    happened = self.h2.receive_data(self._without_goaway(received, answer))
                except h2.exceptions.ProtocolError:
                    answer.closed = True
                    break
                for event in happened:
                    self._note(event, stream_id, answer)
                with suppress(ConnectionError):
                    await self.flush()
        return answer

    async def call(self, path: str, message: bytes = b"", *more: tuple[str, str]) -> H2Answer:
        """A correct unary gRPC request, but for the headers added to it."""
        return await self.answer(await self.start(grpc_headers(path, self.authority, *more), frame(message)))

    def _without_goaway(self, received: bytes, answer: H2Answer) -> bytes:
        """The whole frames, GOAWAY noted and taken out: h2 would refuse every frame after it."""
        self._unframed += received
        kept = b""
        while len(self._unframed) >= 9:
            end = 9 + int.from_bytes(self._unframed[:3], "big")
            if len(self._unframed) < end:
                break
            frame_bytes, self._unframed = self._unframed[:end], self._unframed[end:]
            if frame_bytes[3] == _GOAWAY:
                answer.goaway_code = int.from_bytes(frame_bytes[13:17], "big")
            else:
                kept += frame_bytes
        return kept

    def _note(self, event: h2.events.Event, stream_id: int, answer: H2Answer) -> None:
        if getattr(event, "stream_id", stream_id) != stream_id:
            return
        match event:
            case h2.events.ResponseReceived(headers=pairs):
                answer.headers = _texts(pairs)
            case h2.events.TrailersReceived(headers=pairs):
                answer.trailers = _texts(pairs)
            case h2.events.DataReceived(data=piece, flow_controlled_length=length):
                answer.data += piece
                self.h2.acknowledge_received_data(length, stream_id)
            case h2.events.StreamEnded():
                answer.ended = True
            case h2.events.StreamReset(error_code=code):
                answer.reset_code = int(code)
            case _:
                pass


def _texts(pairs: Iterable[tuple[str | bytes, str | bytes]]) -> HeaderList:
    return [(_text(name), _text(value)) for name, value in pairs]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
