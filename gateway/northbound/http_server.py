"""The HTTP side's server: uvicorn's protocol on asyncio's own server, which ends without waiting for a clock."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from gateway.northbound.connection import bounded_protocol
from gateway.settings import Limits

_LAST_BYTES_S = 1.0
"""For what was written last to leave, once every call has ended."""


@asynccontextmanager
async def serving_http(app: ASGIApp, listener: socket.socket, limits: Limits) -> AsyncIterator[None]:
    """Serves `app` on a socket that is bound; by its end every call must have ended."""
    protocol = bounded_protocol(limits)
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.idle_connection_s),
    )
    config.load()
    state = ServerState()
    dating = asyncio.create_task(_keep_date(state))
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), sock=listener, backlog=2048
    )
    try:
        yield
    finally:
        dating.cancel()
        server.close()
        await _end(state)


async def _keep_date(state: ServerState) -> None:
    """The header `date` of every answer (RFC 9110 section 6.6.1)."""
    while True:
        state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        await asyncio.sleep(1)


async def _end(state: ServerState) -> None:
    """Closes every connection, once what was written to it has left, or it takes too long."""
    for connection in list(state.connections):
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_BYTES_S):
            while state.connections or state.tasks:
                await asyncio.sleep(0.002)
    for connection in list(state.connections):
        connection.transport.abort()
