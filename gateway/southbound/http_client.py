"""The HTTP client towards one agent: its time limits, its trust, its sockets."""

import socket

import httpx

from gateway.settings import Limits, Tls
from gateway.southbound.trust import ssl_context


def http_client(limits: Limits, tls: Tls) -> httpx.AsyncClient:
    """A client that follows no redirects and never times out a stream that is alive."""
    probe_s = int(limits.ping_s)
    keep_alive = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", 0x10), probe_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ]
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(
            verify=ssl_context(tls),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30),
            socket_options=keep_alive,
        ),
        timeout=httpx.Timeout(connect=limits.connect_s, read=None, write=limits.body_s, pool=None),
        follow_redirects=False,
    )
