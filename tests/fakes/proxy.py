"""A hostile wire: a TCP proxy that forwards to a target and does to each connection what its plan says.

It understands no protocol. `up` is toward the target, `down` toward the client; offsets count the
bytes forwarded in that direction of that connection. Without a fault it is transparent, down to
who sent FIN or RST.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fakes.loopback import Connection, Cut, Loopback, linger_zero, stream_socket

_READ_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to the bytes of one direction. The default is nothing."""

    delay_s: float = 0.0
    """Each piece read is held back this long; later ones wait behind it."""
    rate_bytes_s: float | None = None
    cut: Cut | None = None
    """Forward so many bytes, then end both sides."""
    half_close_after: int | None = None
    """Forward so many bytes, then FIN in this direction only, and swallow the rest."""
    blackhole_after: int | None = None
    """Forward so many bytes, then nothing more either way; the sockets stay open."""
    garble_at: int | None = None
    """Invert the bits of the byte at this offset."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The fate of one connection."""

    up: Faults = Faults()
    down: Faults = Faults()
    reset_on_accept: bool = False
    stall_on_accept: bool = False
    """Accept, and never dial."""


TRANSPARENT = Plan()
Plans = Sequence[Plan] | Callable[[int], Plan]


@dataclass(slots=True)
class Link:
    """One proxied connection, with levers to pull while it lives."""

    client: Connection
    plan: Plan
    target: asyncio.StreamWriter | None = None
    bytes_up: int = 0
    bytes_down: int = 0
    blackholed: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def blackhole(self) -> None:
        """From now on forward nothing, neither bytes nor FIN nor RST, and close nothing."""
        self.blackholed = True

    def cut(self, *, reset: bool = False) -> None:
        """End both sides now."""
        if reset:
            self.client.reset()
        else:
            self.client.finish()
        if self.target is not None:
            if reset and (endpoint := self.target.get_extra_info("socket")) is not None and endpoint.fileno() >= 0:
                linger_zero(endpoint.fileno())
                self.target.transport.abort()
            else:
                self.target.close()
        self.ended.set()


class Proxy(Loopback):
    """Listens on `port`; connection n gets the n-th plan, the last plan for ever after."""

    def __init__(self, target_host: str, target_port: int, plans: Plans = (TRANSPARENT,)) -> None:
        super().__init__()
        self.target = (target_host, target_port)
        self.plans = plans
        self.links: list[Link] = []

    @property
    def bytes_up(self) -> int:
        return sum(link.bytes_up for link in self.links)

    @property
    def bytes_down(self) -> int:
        return sum(link.bytes_down for link in self.links)

    def plan_of(self, number: int) -> Plan:
        if callable(self.plans):
            return self.plans(number)
        return self.plans[min(number, len(self.plans) - 1)] if self.plans else TRANSPARENT

    async def serve(self, connection: Connection) -> None:
        link = Link(connection, self.plan_of(connection.number))
        self.links.append(link)
        if link.plan.reset_on_accept:
            return connection.reset()
        if link.plan.stall_on_accept:
            await asyncio.Event().wait()
        try:
            dialled = stream_socket()
            dialled.setblocking(False)
            await asyncio.get_running_loop().sock_connect(dialled, self.target)
        except OSError:
            return connection.reset()
        reader, writer = await asyncio.open_connection(sock=dialled)
        link.target = writer
        up = asyncio.create_task(self._pump(link, link.plan.up, connection.reader, writer, downward=False))
        down = asyncio.create_task(self._pump(link, link.plan.down, reader, connection.writer, downward=True))
        try:
            await asyncio.gather(up, down)
        finally:
            for task in (up, down):
                task.cancel()
            if not writer.is_closing():
                writer.close()
            link.ended.set()

    async def _pump(
        self, link: Link, faults: Faults, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, downward: bool
    ) -> None:
        """Forward until the sender's FIN, a fault, or the end of either side."""
        try:
            while data := await reader.read(_READ_BYTES):
                if not await self._forward(link, faults, data, writer, downward=downward):
                    while await reader.read(_READ_BYTES):
                        pass
                    return
            await _hold_if(link.blackholed)
            writer.write_eof()
        except (ConnectionError, RuntimeError, OSError):  # one side was reset, or is closed already
            await _hold_if(link.blackholed)
            link.cut(reset=True)

    async def _forward(
        self, link: Link, faults: Faults, data: bytes, writer: asyncio.StreamWriter, *, downward: bool
    ) -> bool:
        """Forward one piece as the faults have it; False when this direction is over."""
        if faults.delay_s:
            await asyncio.sleep(faults.delay_s)
        start = link.bytes_down if downward else link.bytes_up
        limits = (faults.cut and faults.cut.after_bytes, faults.half_close_after, faults.blackhole_after)
        limit = min((limit for limit in limits if limit is not None), default=None)
        piece = data if limit is None else data[: max(0, limit - start)]
        await _hold_if(link.blackholed)
        for slice_ in _slices(_garbled(piece, start, faults.garble_at), faults.rate_bytes_s):
            writer.write(slice_)
            await writer.drain()
            if downward:
                link.bytes_down += len(slice_)
            else:
                link.bytes_up += len(slice_)
            if faults.rate_bytes_s:
                await asyncio.sleep(len(slice_) / faults.rate_bytes_s)
            await _hold_if(link.blackholed)
        if limit is None or start + len(data) < limit:
            return True
        if faults.cut is not None and faults.cut.after_bytes == limit:
            link.cut(reset=faults.cut.reset)
        elif faults.half_close_after == limit:
            writer.write_eof()
        else:
            link.blackhole()
            await _hold_if(True)
        return False


def _garbled(piece: bytes, start: int, offset: int | None) -> bytes:
    if offset is None or not start <= offset < start + len(piece):
        return piece
    at = offset - start
    return piece[:at] + bytes([piece[at] ^ 0xFF]) + piece[at + 1 :]


def _slices(piece: bytes, rate_bytes_s: float | None) -> list[bytes]:
    """Pieces of a twentieth of a second each, or the whole."""
    step = len(piece) if rate_bytes_s is None else max(1, int(rate_bytes_s / 20))
    return [piece[at : at + step] for at in range(0, len(piece), step)] if piece else []


async def _hold_if(blackholed: bool) -> None:
    """Wait until the proxy is stopped."""
    if blackholed:
        await asyncio.Event().wait()
