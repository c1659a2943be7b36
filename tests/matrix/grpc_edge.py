"""gRPC 1.0 on both sides of the gateway: a scripted agent and a bare caller in the words of `meaning`."""

from collections.abc import Sequence
from typing import Self, cast

import grpc

from gateway.errors import ErrorKind
from gateway.operations import BY_NAME, Operation
from generated.google.rpc.status_pb import Status
from tests.fakes import scripted_grpc, steps
from tests.fakes.callers import GrpcCaller as BareCaller
from tests.fakes.callers import Outcome
from tests.fakes.events import Json, from_wire, to_wire
from tests.fakes.grpc_caller import DETAILS_KEY
from tests.fakes.scripted_grpc import Call, ScriptedGrpcAgent
from tests.matrix.meaning import Asked, Failure, HeaderValue, Heard, Play, pack, unpack


def code(kind: ErrorKind) -> str:
    return kind.row.grpc.name


class GrpcAgent:
    """An agent over gRPC that follows a Play."""

    def __init__(self) -> None:
        self._agent = ScriptedGrpcAgent({})

    @property
    def url(self) -> str:
        return self._agent.url

    @property
    def address(self) -> str:
        """Where a caller of this binding reaches it."""
        return self._agent.address

    async def __aenter__(self) -> Self:
        await self._agent.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._agent.__aexit__(*exc)

    def plays(self, operation: Operation, play: Play) -> None:
        """What it does from now on; what it was asked before is forgotten."""
        self._agent.calls.clear()
        self._agent.scripts = {operation.name: _script(operation, play)}

    async def asked(self) -> Asked:
        """The one call that it got."""
        call = await self._only_call()
        return Asked(call.method, call.json(BY_NAME[call.method].request), dict(call.metadata))

    async def time_left_s(self) -> float | None:
        """What was left of the deadline when its one call came; None without one."""
        return (await self._only_call()).time_remaining_s

    async def freed(self, within_s: float) -> None:
        """Returns once its caller has gone away from the one call. Raises TimeoutError."""
        call = await self._only_call()
        await steps.until(call.cancelled.is_set, within_s)

    async def _only_call(self) -> Call:
        await steps.until(lambda: bool(self._agent.calls))
        (call,) = self._agent.calls
        return call


class GrpcCaller:
    """A caller over gRPC. The agent's `name` is the tenant of its requests."""

    def __init__(self, address: str, name: str = "") -> None:
        self._address = address
        self._name = name

    async def call(
        self,
        operation: Operation,
        request: Json,
        headers: Sequence[tuple[str, HeaderValue]] = (("a2a-version", "1.0"),),
        timeout_s: float | None = None,
    ) -> Heard:
        """Asks, and takes the answer to its end."""
        tenant: Json = {"tenant": self._name} if self._name else {}
        data = to_wire(operation.request, {**request, **tenant})
        async with BareCaller(self._address) as caller:
            outcome = await caller.call(operation.name, data, metadata=headers, timeout_s=timeout_s)
        results = tuple(from_wire(operation.response, message) for message in outcome.messages)
        extensions = cast(str, dict(outcome.initial).get("a2a-extensions", ""))
        return Heard(results, _failure(outcome), tuple(extensions.split(",")) if extensions else ())


def _script(operation: Operation, play: Play) -> scripted_grpc.Script:
    if play.silent:
        return (steps.hang(),)
    activated = ("a2a-extensions", ",".join(play.extensions))
    head = (scripted_grpc.initial_metadata(activated),) if play.extensions else ()
    results = [scripted_grpc.answer(result, operation.response) for result in play.results]
    return (*head, *results, *((_end(play.failure),) if play.failure else ()))


def _end(failure: Failure) -> scripted_grpc.Step:
    status = grpc.StatusCode[cast(str, failure.code)]
    if not failure.details:
        return scripted_grpc.end(status, failure.message)
    details = [pack(detail) for detail in failure.details]
    rich = Status(code=cast(tuple[int, str], status.value)[0], message=failure.message, details=details)
    return scripted_grpc.end(status, failure.message, (DETAILS_KEY, rich.to_binary()))


def _failure(outcome: Outcome) -> Failure | None:
    if outcome.ok:
        return None
    assert outcome.code is not None
    details = tuple(unpack(detail) for detail in outcome.status.details) if outcome.status else ()
    if outcome.status:
        assert outcome.status.message == outcome.details
        assert outcome.status.code == outcome.code.value[0]
    return Failure(outcome.code.name, outcome.details, details)


