"""The way to a gRPC agent on grpc.aio.

Unary rpcs are called like streams: grpc.aio takes none for an answer and waits for ever after two.
"""

from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

import grpc
import grpc.aio

from gateway.errors import GrpcStatus
from gateway.settings import Limits, Tls
from gateway.southbound.transport.channel import Pairs, RpcFailed
from gateway.southbound.trust import ssl_context

_LONGEST_S = 1e8
"""What grpc can still count; longer deadlines would wrap around to the past."""
_OWN_TEXTS = (
    ("failed to connect", "The agent cannot be reached"),
    ("DNS resolution failed", "The agent's host has no address"),
    ("errors resolving", "The agent's host has no address"),
    ("Socket closed", "The connection to the agent broke"),
    ("Connection reset", "The connection to the agent broke"),
    ("recvmsg", "The connection to the agent broke"),
    ("Stream removed", "The connection to the agent broke"),
    ("keepalive watchdog", "The agent stopped answering"),
)
"""How grpc begins what it says itself, with addresses in it, and what is told instead."""
TRANSPORT_WORDS = frozenset(said for _, said in _OWN_TEXTS)

Call = grpc.aio.UnaryStreamCall[bytes, bytes]


class GrpcioChannel:
    """A channel of grpc.aio to `grpc://` or `grpcs://`. Raises ConfigurationError for papers that are none."""

    def __init__(self, url: str, limits: Limits, tls: Tls) -> None:
        self._channel = open_channel(url, limits, tls)
        self._rpcs: dict[str, grpc.aio.UnaryStreamMultiCallable[bytes, bytes]] = {}

    def call(self, path: str, request: bytes, metadata: Pairs, timeout_s: float | None) -> "GrpcioRpc":
        if (rpc := self._rpcs.get(path)) is None:
            rpc = self._rpcs[path] = self._channel.unary_stream(path)
        timeout_s = None if timeout_s is None else min(max(timeout_s, 0.0), _LONGEST_S)
        return GrpcioRpc(rpc(request, metadata=tuple(metadata), timeout=timeout_s))

    async def close(self) -> None:
        await self._channel.close()


class GrpcioRpc:
    """One rpc of grpc.aio. It gives its answers one by one."""

    def __init__(self, call: Call) -> None:
        self.trailers: Pairs = ()
        self._call = call

    async def head(self) -> Pairs:
        return pairs_of(await self._call.initial_metadata())

    async def burst(self) -> Sequence[bytes] | None:
        try:
            data = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise failed(error.code(), error.details(), error.trailing_metadata()) from None
        if isinstance(data, bytes):
            return (data,)
        # The mark of the end.
        code, trailers = await self._call.code(), await self._call.trailing_metadata()
        if code is not grpc.StatusCode.OK:
            raise failed(code, await self._call.details(), trailers)
        self.trailers = pairs_of(trailers)
        return None

    def cancel(self) -> None:
        self._call.cancel()


def open_channel(url: str, limits: Limits, tls: Tls) -> grpc.aio.Channel:
    """A channel to `grpc://` or `grpcs://HOST:PORT`, which connects on the first call. Raises ConfigurationError."""
    parts = urlsplit(url)
    if parts.scheme == "grpcs":
        return grpc.aio.secure_channel(parts.netloc, _credentials(tls), _options(limits))
    return grpc.aio.insecure_channel(parts.netloc, _options(limits))


def _options(limits: Limits) -> list[tuple[str, int]]:
    header_bytes = 8 * limits.header_bytes  # room for a long status text, whose code would be lost otherwise
    return [
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_receive_message_length", limits.message_bytes),
        # Equal, because between the soft and the hard limit grpc refuses at random.
        ("grpc.max_metadata_size", header_bytes),
        ("grpc.absolute_max_metadata_size", header_bytes),
        # A window that grows with the link would let an agent run megabytes ahead of a slow caller.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", limits.stream_buffer_bytes),
        ("grpc.keepalive_time_ms", int(limits.agent_ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.enable_retries", 0),
        ("grpc.min_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", int(limits.reconnect_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        # Agents of one address do not share a connection, so one cannot starve the other.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    """The system's trust where none is configured. Raises ConfigurationError."""
    ssl_context(tls)  # grpc itself would complain at the first call, and not say of what
    return grpc.ssl_channel_credentials(
        root_certificates=tls.ca.read_bytes() if tls.ca else None,
        private_key=tls.key.read_bytes() if tls.key else None,
        certificate_chain=tls.cert.read_bytes() if tls.cert else None,
    )


def failed(code: grpc.StatusCode, text: str | None, trailers: object) -> RpcFailed:
    """A call that ended with this status, in words without an address where they are grpc's own."""
    text = text or ""
    told = next((said for begin, said in _OWN_TEXTS if text.startswith(begin)), text)
    return RpcFailed(GrpcStatus[code.name], told, pairs_of(trailers))


def pairs_of(pairs: object) -> Pairs:
    """Metadata as grpc gives it, typed."""
    return list(cast(Pairs, pairs or ()))
