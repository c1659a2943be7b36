"""The sockets that callers connect to."""

import socket

from gateway.settings import ConfigurationError, Limits


def listen(name: str, address: str, limits: Limits, *, shared: bool) -> socket.socket:
    """A socket that listens on HOST:PORT; others may do so too if it is `shared`.

    Raises ConfigurationError, which names the setting.
    """
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted; else small replies wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What is written to a caller that takes nothing dies with its connection, not much later.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.send_stall_s * 1000))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.stream_buffer_bytes)
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"{name}: {address} cannot be listened on: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener
