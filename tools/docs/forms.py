"""The tables of what is served and what is spoken: the matrix, and what operations are called where."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.codec.form import FormOf
from gateway.codec.rest import ROUTES_1_0, Route
from gateway.codec.v0_3 import forms as v0_3
from gateway.codec.v0_3.choices import DEFAULT
from gateway.codec.v0_3.methods import METHODS as OF_0_3
from gateway.northbound import grpc, jsonrpc, rest
from gateway.operations import OPERATIONS, Operation
from gateway.southbound.upstream import SPOKEN
from tools.docs.markdown import code, table

Methods = Mapping[str, tuple[Operation, FormOf[Any]]]
Names = Mapping[Operation, Sequence[str]]
"""All that an operation is called."""


def _of_methods(methods: Methods, version: str) -> Names:
    spoken = [(operation, name) for name, (operation, form) in methods.items() if form(DEFAULT).version == version]
    return {operation: [name for other, name in spoken if other is operation] for operation, _ in spoken}


def _of_routes(routes: Iterable[Route]) -> Names:
    rows = [(route.operation, f"{route.method} {route.path}") for route in routes]
    return {operation: [name for other, name in rows if other is operation] for operation, _ in rows}


SERVED: Mapping[tuple[str, str], Names] = {
    (jsonrpc.BINDING, "1.0"): _of_methods(jsonrpc.METHODS, "1.0"),
    (rest.BINDING, "1.0"): _of_routes(ROUTES_1_0),
    (grpc.BINDING, "1.0"): _of_methods(grpc.METHODS, "1.0"),
    (jsonrpc.BINDING, "0.3"): _of_methods(jsonrpc.METHODS, "0.3"),
    (rest.BINDING, "0.3"): _of_routes(v0_3.ROUTES),
    (grpc.BINDING, "0.3"): _of_methods(grpc.METHODS, "0.3"),
}
"""By binding and version: the operations that callers have, and their names."""

ASKED: Mapping[str, Iterable[Operation]] = {"1.0": OPERATIONS, "0.3": OF_0_3}
"""By version: the operations that an agent can be asked."""

_SHOWN = {"JSONRPC": "JSON-RPC", "HTTP+JSON": "HTTP+JSON", "GRPC": "gRPC"}


def matrix() -> str:
    """How many operations a caller of each form has of an agent of each form."""
    to = [key for key in SERVED if key in SPOKEN]
    if len(to) != len(SPOKEN):
        raise ValueError(f"spoken and not served: {SPOKEN.keys() - SERVED.keys()}")
    rows = ((f"**{_shown(key)}**", *(_common(names, version) for _, version in to)) for key, names in SERVED.items())
    return table(" | ".join(["caller ↓ agent →", *map(_shown, to)]), rows)


def _common(names: Names, version: str) -> int:
    return len(names.keys() & set(ASKED[version]))


def _shown(key: tuple[str, str]) -> str:
    binding, version = key
    return f"{_SHOWN[binding]} {version}"


def operations() -> str:
    rows = (
        (
            code(one.name),
            code(one.request.desc().name),
            ("stream of " if one.streams else "") + code(one.response.desc().name),
        )
        for one in OPERATIONS
    )
    return table("Operation | Request | Answer", rows)


def operation_names(version: str) -> str:
    """What the operations are called on every binding of a version."""
    bindings = [binding for binding, of in SERVED if of == version]
    rows = (
        (code(one.name), *(_called(SERVED[binding, version].get(one, ())) for binding in bindings))
        for one in OPERATIONS
    )
    return table(" | ".join(["Operation", *(_SHOWN[binding] for binding in bindings)]), rows)


def _called(names: Sequence[str]) -> str:
    return ", ".join(map(code, names)) or "none"
