"""The kinds of values that settings have, with what makes them valid."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.codec.metadata import is_forwardable, is_sendable


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the place and the mend."""


_WORKER = re.compile(r"python:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("expected HOST:PORT")
    return value


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host, by what its name says."""
    host = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def agent_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme == "python":
        if not _WORKER.fullmatch(value):
            raise ValueError("expected python:MODULE:NAME")
        return value
    if parts.scheme == "recording":
        if not Path(value.removeprefix("recording:")).is_file():
            raise ValueError(f"there is no file {value.removeprefix('recording:')}")
        return value
    if parts.scheme not in ("grpc", "grpcs", "http", "https"):
        raise ValueError("expected a URL that begins with grpc://, grpcs://, http://, https://, python: or recording:")
    if parts.scheme.startswith("grpc") and (parts.port is None or parts.path.strip("/")):
        raise ValueError(f"expected {parts.scheme}://HOST:PORT")
    _ = parts.port  # raises ValueError for one that is none
    if not parts.hostname or parts.username is not None:
        raise ValueError("expected a host and no user name")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://HOST or https://HOST")
    return value.rstrip("/")


def keys_source(value: str) -> str:
    if value.startswith("http://"):
        raise ValueError("expected https://, since keys that anyone on the way can replace prove nothing")
    if not value.startswith("https://") and not Path(value).is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _header_name(value: str) -> str:
    if not is_forwardable(value.lower()):
        raise ValueError(f"{value!r} may not be forwarded")
    return value.lower()


def _header_value(value: str) -> str:
    if not is_sendable(value):
        raise ValueError("expected printable ASCII")
    return value


Address = Annotated[str, AfterValidator(_address)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Speed = Annotated[float, Field(gt=0, le=1000)]
Bytes = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
