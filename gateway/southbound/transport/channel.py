"""The port under agents over gRPC: rpcs of one request and any number of answers, all in bytes.

What is in the bytes, and what a status means to A2A, is the business of those above.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.errors import GrpcStatus

Pairs = Sequence[tuple[str, str | bytes]]
"""Metadata: lower-case names to text, or to bytes where the name ends in `-bin`."""


class RpcFailed(Exception):
    """An rpc ended with another status than OK: the agent's own, or what the way to it came to.

    `text` holds no address where the transport itself speaks.
    """

    def __init__(self, status: GrpcStatus, text: str, trailers: Pairs = ()) -> None:
        super().__init__(f"{status.name}: {text}")
        self.status = status
        self.text = text
        self.trailers = trailers


class Rpc(Protocol):
    """One rpc under way. One reader at a time; the reader cancels it in the end, whatever came of it."""

    @property
    def trailers(self) -> Pairs:
        """Trailing metadata, once the rpc has ended well."""
        ...

    async def head(self) -> Pairs:
        """The initial metadata as soon as it is there; empty where the rpc failed without any.

        To be awaited before the first burst, which tells the failure.
        """
        ...

    async def burst(self) -> Sequence[bytes] | None:
        """The answers that have arrived, at least one, in order; None once the rpc has ended with OK.

        Nothing is taken from the agent ahead of the reader but what flow control lets it send. What
        came before a failure is given before the failure is raised, as far as the transport can.
        Raises RpcFailed; Malformed for what is no gRPC message, or is too large a one.
        """
        ...

    def cancel(self) -> None:
        """Frees the agent's side at once. May be called more than once, and after the end."""
        ...


class Channel(Protocol):
    """The way to one gRPC agent. It connects when it is needed, and again when it has to."""

    def call(self, path: str, request: bytes, metadata: Pairs, timeout_s: float | None) -> Rpc:
        """Begins an rpc. Nothing is sent twice, unless the agent said that it has not looked at it."""
        ...

    async def close(self) -> None:
        """Gives back the connection. Rpcs under way fail."""
        ...
