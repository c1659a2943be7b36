"""The port of a caller: lanes that carry one call at a time, over whatever wire."""

from typing import Protocol

from benchmarks.load.grpc import GrpcCaller
from benchmarks.load.http import HttpCaller
from benchmarks.load.recording import Recording
from benchmarks.load.target import Binding, Target


class Lane(Protocol):
    """Carries one call after the other."""

    def call(self, recording: Recording, *, stream: bool) -> None:
        """Sends the request of the recording's plan, and writes down what comes."""
        ...

    def leave(self) -> None:
        """Walks away from the call under way."""
        ...


class Caller(Protocol):
    """Reaches one target."""

    async def lane(self) -> Lane: ...

    def close(self) -> None:
        """Ends all connections. Only then are the headers of recordings there."""
        ...


def caller(target: Target) -> Caller:
    return GrpcCaller(target) if target.binding is Binding.GRPC else HttpCaller(target)
