"""gRPC on both sides of the gateway: a scripted agent and a bare caller in the words of `meaning`.

In 0.3 the words of an error may have the name of its class before them, which the caller here takes off.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self, cast

import grpc

from gateway.errors import ErrorKind
from gateway.operations import Operation
from generated.google.rpc.status_pb import Status
from tests.fakes import scripted_grpc, steps
from tests.fakes.callers import GrpcCaller as BareCaller
from tests.fakes.callers import Outcome
from tests.fakes.events import Json, JsonValue
from tests.fakes.grpc_caller import DETAILS_KEY
from tests.fakes.scripted_grpc import Call, ScriptedGrpcAgent
from tests.matrix.jsonrpc_edge import extensions_in
from tests.matrix.languages import NEW
from tests.matrix.meaning import Asked, Failure, HeaderValue, Heard, Language, Play, pack, unpack

_CLASS_NAME = re.compile(r"[A-Z]\w+Error: ")


def code(kind: ErrorKind) -> str:
    return kind.row.grpc.name


class GrpcAgent:
    """An agent over gRPC that follows a Play."""

    def __init__(self, language: Language, paths: Mapping[Operation, str]) -> None:
        self._language = language
        self._paths = paths
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

    def plays(self, operation: Operation, *plays: Play) -> None:
        """What it does from now on, call by call, the last again and again; what it was asked before is forgotten."""
        self._agent.calls.clear()
        scripts = [_script(self._language, operation, play) for play in plays]

        def script(call: Call) -> scripted_grpc.Script:
            if call.path != self._paths.get(operation):
                return (scripted_grpc.end(grpc.StatusCode.UNIMPLEMENTED, f"no play of {call.path}"),)
            return scripts[min(len(self._agent.calls), len(scripts)) - 1]

        self._agent.scripts = script

    def asked(self) -> list[Asked]:
        """What it got, call by call."""
        by_path = {path: operation for operation, path in self._paths.items()}
        return [self._asked(by_path[call.path], call) for call in self._agent.calls]

    async def time_left_s(self) -> float | None:
        """What was left of the deadline when its one call came; None without one."""
        return (await self._only_call()).time_remaining_s

    async def freed(self, within_s: float) -> None:
        """Returns once its caller has gone away from the one call. Raises TimeoutError."""
        call = await self._only_call()
        await steps.until(call.cancelled.is_set, within_s)

    def _asked(self, operation: Operation, call: Call) -> Asked:
        return Asked(operation, self._language.request_of(operation, call.request), dict(call.metadata))

    async def _only_call(self) -> Call:
        await steps.until(lambda: bool(self._agent.calls))
        (call,) = self._agent.calls
        return call


class GrpcCaller:
    """A caller over gRPC. The agent's `name` is the tenant of its requests, and metadata where none has a tenant."""

    def __init__(self, language: Language, paths: Mapping[Operation, str], address: str, name: str = "") -> None:
        self._language = language
        self._paths = paths
        self._address = address
        has_tenants = language is NEW
        self._tenant: Json = {"tenant": name} if name and has_tenants else {}
        self._named = (("a2a-agent", name),) if name and not has_tenants else ()

    async def call(
        self,
        operation: Operation,
        request: JsonValue,
        headers: Sequence[tuple[str, HeaderValue]] | None = None,
        timeout_s: float | None = None,
    ) -> Heard:
        """Asks, and takes the answer to its end."""
        given = (("a2a-version", self._language.version),) if headers is None else headers
        data = self._language.wire_request(operation, {**cast(Json, request), **self._tenant})
        async with BareCaller(self._address) as caller:
            outcome = await caller.call(
                self._paths[operation], data, metadata=(*given, *self._named), timeout_s=timeout_s
            )
        results = tuple(self._language.result_of(operation, message) for message in outcome.messages)
        version = cast(str | None, dict(outcome.initial).get("a2a-version"))
        failure = _failure(outcome)
        if failure is not None and self._language is not NEW:
            failure = replace(failure, message=_CLASS_NAME.sub("", failure.message, count=1))
        return Heard(results, failure, extensions_in(self._language, outcome.initial), version)


def _script(language: Language, operation: Operation, play: Play) -> scripted_grpc.Script:
    if play.silent:
        return (steps.hang(),)
    activated = (language.extensions, ",".join(play.extensions))
    head = (scripted_grpc.initial_metadata(activated),) if play.extensions else ()
    wires = [language.wire_result(operation, result[language.spelling]) for result in play.results]
    return (*head, *map(scripted_grpc.raw, wires), *((_end(play.failure),) if play.failure else ()))


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
