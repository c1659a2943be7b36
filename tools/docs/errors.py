"""The tables of errors: how each kind is spelled, and how what an agent answers is recognised."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from gateway.errors import (
    BY_GRPC_STATUS,
    BY_GRPC_STATUS_OF,
    BY_HTTP_STATUS,
    BY_JSONRPC_CODE,
    BY_OLD_HTTP_STATUS,
    AgentError,
    CallerError,
    ErrorKind,
    GatewayError,
    GatewayFault,
    GrpcStatus,
    StatusProfile,
)
from gateway.northbound import jsonrpc, rest
from gateway.northbound.exchange import BodyTooSlow, MethodNotAllowed
from gateway.relay.directory import NoSuchAgent
from tools.docs.markdown import code, table


def errors(domain: str) -> str:
    old, new = StatusProfile.V1_0_0, StatusProfile.V1_0_1

    def both(status: Callable[[StatusProfile], object]) -> str:
        return f"{status(new)}" if status(new) == status(old) else f"{status(new)}, in 1.0.0 {status(old)}"

    rows = (
        (
            code(kind.reason),
            kind.row.jsonrpc,
            both(lambda profile, kind=kind: kind.grpc_status(profile).name),
            both(kind.http_status),
            kind.row.message,
        )
        for kind in ErrorKind
        if kind.row.domain == domain
    )
    return table("Reason | JSON-RPC code | gRPC status | HTTP status | Meaning", rows)


def jsonrpc_codes() -> str:
    rows = [(number, code(kind.reason)) for number, kind in sorted(BY_JSONRPC_CODE.items())]
    return table("Code | Taken for", [*rows, ("any other", code(ErrorKind.INTERNAL_ERROR.reason))])


def grpc_statuses() -> str:
    rows: list[Sequence[object]] = []
    for status in GrpcStatus:
        if status is not GrpcStatus.OK:
            kind = BY_GRPC_STATUS.get(status, ErrorKind.UNKNOWN)
            special = [f"{code(k.reason)} from {name}" for (name, of), k in BY_GRPC_STATUS_OF.items() if of is status]
            rows.append((status.value, status.name, ", but ".join([code(kind.reason), *special])))
    return table("Number | Status | Taken for", rows)


def http_statuses() -> str:
    rows = [(status, code(kind.reason)) for status, kind in sorted(BY_HTTP_STATUS.items())]
    return table("HTTP status | Taken for", [*rows, ("any other but 200", code(ErrorKind.UNKNOWN.reason))])


def old_http_statuses() -> str:
    rows = [(status, code(kind.reason)) for status, kind in sorted(BY_OLD_HTTP_STATUS.items())]
    return table("HTTP status | Taken for", [*rows, ("any other", "as above")])


_BLAME: Mapping[type[GatewayError], str] = {
    AgentError: "the agent",
    BodyTooSlow: "the caller, whose body came too slowly",
    CallerError: "the caller",
    GatewayFault: "the gateway",
    NoSuchAgent: "the caller, who named an agent that is not there",
    MethodNotAllowed: "the caller, whose HTTP method the address does not have",
}


def jsonrpc_http() -> str:
    return _answers(jsonrpc.HTTP_STATUS, (200, "any other", "anyone"))


def rest_http() -> str:
    return _answers(rest.HTTP_STATUS, ("of the kind", "any other", "anyone"))


def _answers(rows: Iterable[tuple[type[GatewayError], ErrorKind, int]], last: Sequence[object]) -> str:
    told = [(status, code(kind.reason), _BLAME[error]) for error, kind, status in rows]
    return table("HTTP status | Reason | At fault", [*told, last])
