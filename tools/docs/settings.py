"""The tables of settings, from the models that validate them."""

import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal

from annotated_types import Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.settings import (
    AgentSettings,
    ArtifactMapping,
    DescriptorSource,
    Limits,
    OldPeers,
    PushSettings,
    ResponseMapping,
    Signing,
    TaskSettings,
    Tls,
)
from gateway.settings.skills import ExistingFile, ExistingFolder, JmesPath, Skills
from gateway.settings.values import Address, Bytes, Count, HeaderName, HeaderValue, HttpUrl, Seconds, Speed
from tools.docs.markdown import code, table

_UNITS = {"_s": "s", "_ms": "ms", "_bytes": "bytes"}
_TYPES: Mapping[object, str] = {
    str: "text",
    bool: "`true` or `false`",
    Address: "`HOST:PORT`",
    HttpUrl: "URL",
    Seconds: "number above 0",
    Speed: "number above 0, at most 1,000",
    Bytes: "integer above 0",
    Count: "integer above 0",
    HeaderName: "header name",
    Path: "file",
    Tls: "see TLS",
    OldPeers: "see A2A 0.3",
    Signing: "see Signing",
    Skills: "`auto` or list of skills",
    ResponseMapping: "see Responses",
    ArtifactMapping: "see Artifacts",
    DescriptorSource: "see Descriptors",
    JmesPath: "JMESPath",
    ExistingFile: "file",
    ExistingFolder: "folder",
    AgentSettings: "agent",
    Limits: "see Limits",
    PushSettings: "see Push notifications",
    TaskSettings: "see Tasks",
    IPv4Network: "network",
    dict[HeaderName, HeaderValue]: "map of header names to text",
    dict[str, Any]: "card",
}


def settings_of(model: type[BaseModel], variable: str = "") -> str:
    hints = typing.get_type_hints(model, include_extras=True)
    rows: list[Sequence[object]] = []
    for name, field in model.model_fields.items():
        named = (code(variable + name.upper()),) if variable else ()
        rows.append((code(name), *named, _type(hints[name], field), _default(name, field), field.description))
    environment = " Environment |" if variable else ""
    return table(f"Setting |{environment} Type | Default | What for", rows)


def _type(hint: object, field: FieldInfo) -> str:
    most = next((f", at most {rule.le}" for rule in field.metadata if isinstance(rule, Le)), "")
    return f"{_type_name(hint)}{most}"


def _type_name(hint: object) -> str:
    known = next((name for one, name in _TYPES.items() if one == hint), None)
    if known is not None:
        return known
    arguments = [one for one in typing.get_args(hint) if one not in (types.NoneType, Ellipsis, IPv6Network)]
    match typing.get_origin(hint):
        case typing.Annotated:
            return _type_name(arguments[0])
        case origin if origin is Literal:
            return " or ".join(code(one) for one in arguments)
        case origin if origin is tuple:
            return f"list of {_type_name(arguments[0])}s"
        case origin if origin in (types.UnionType, typing.Union):
            return " or ".join(_type_name(one) for one in arguments)
        case _ if isinstance(hint, type) and issubclass(hint, Enum):
            return " or ".join(code(one.value) for one in hint)
        case _:
            raise TypeError(f"the documentation has no name for the type {hint}")


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: object = field.get_default(call_default_factory=True, validated_data={})
    unit = next((f" {unit}" for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")
    match value:
        case BaseModel():
            return "see below"
        case None | () | {} | "":
            return "none"
        case Enum():
            return code(value.value)
        case bool():
            return code(str(value).lower())
        case int() | float():
            return f"{value:,g}{unit}" if isinstance(value, float) else f"{value:,}{unit}"
        case _:
            return code(value)
