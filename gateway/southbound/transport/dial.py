"""A TCP connection to an agent: its addresses tried side by side, its dead peers noticed."""

import asyncio
import contextlib
import errno
import itertools
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

P = TypeVar("P", bound=asyncio.Protocol)

NEXT_ADDRESS_S = 0.25
"""Before the next address of a host is tried beside one that does not answer (RFC 8305 section 5)."""

Option = tuple[int, int, int]
"""Level, name and value of a socket option."""
_Address = tuple[int, tuple[Any, ...]]  # Any: what an address is made of differs by its family


async def dial(
    host: str, port: int, options: Sequence[Option], tls: ssl.SSLContext | None, make: Callable[[], P]
) -> P:
    """A protocol whose connection is made, and whose handshake is done where there is TLS.

    Raises OSError, whatever does not work on the way; ssl.SSLError is one.
    """
    connected = await _first_of(_literal(host, port) or await _resolved(host, port), options)
    try:
        _, protocol = await asyncio.get_running_loop().create_connection(
            make, sock=connected, ssl=tls, server_hostname=host if tls else None
        )
    except BaseException:
        connected.close()
        raise
    return protocol


def keep_alive(probe_s: float) -> list[Option]:
    """Options that have the kernel probe a silent connection, and drop it after three probes in half that time."""
    seconds = max(1, int(probe_s))
    options = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, seconds // 6)),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ]
    if hasattr(socket, "TCP_KEEPIDLE"):
        options.append((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds))
    return options


def _literal(host: str, port: int) -> list[_Address]:
    """The address that a host is written as, which takes no thread to look up; none where it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return [(family, (host, port))]
    return []


async def _resolved(host: str, port: int) -> list[_Address]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return _by_turns([(family, address) for family, _, _, _, address in found])


def _by_turns(addresses: list[_Address]) -> list[_Address]:
    """The addresses with their families by turns, so that a broken IPv6 does not hold up IPv4."""
    families = dict.fromkeys(family for family, _ in addresses)
    columns = ([one for one in addresses if one[0] == family] for family in families)
    return [one for row in itertools.zip_longest(*columns) for one in row if one is not None]


async def _first_of(addresses: list[_Address], options: Sequence[Option]) -> socket.socket:
    """A socket that is connected to the first address that answers."""
    failure: OSError | None = None
    trying: set[asyncio.Task[socket.socket]] = set()
    waiting = list(addresses)
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.create_task(_connected(*waiting.pop(0), options)))
            done, trying = await asyncio.wait(
                trying, timeout=NEXT_ADDRESS_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                if (error := attempt.exception()) is None:
                    return attempt.result()
                if not isinstance(error, OSError):
                    raise error
                failure = error
        raise failure or OSError("the host has no address")
    finally:
        for attempt in trying:
            attempt.cancel()
            attempt.add_done_callback(_close)


async def _connected(family: int, address: tuple[Any, ...], options: Sequence[Option]) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY.
    connecting = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        connecting.setblocking(False)
        for option in options:
            connecting.setsockopt(*option)
        code = connecting.connect_ex(address)
        if code == errno.EINPROGRESS:
            await _decided(connecting)
            code = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        connecting.close()
        raise
    return connecting


async def _decided(connecting: socket.socket) -> None:
    """Waits until an attempt has come to something. The loop's own `sock_connect` looks the address up in a thread."""
    loop = asyncio.get_running_loop()
    decided: asyncio.Future[None] = loop.create_future()

    def decide() -> None:
        if not decided.done():
            decided.set_result(None)

    loop.add_writer(connecting, decide)
    try:
        await decided
    finally:
        loop.remove_writer(connecting)


def _close(late: "asyncio.Task[socket.socket]") -> None:
    """What connected after another had answered."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()
