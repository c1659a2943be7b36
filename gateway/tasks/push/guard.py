"""Which webhooks may be called: the guard against requests that a caller has the gateway make to inner hosts.

A URL is judged by its text, then by every address that its host has, at its creation and again for
each notification; the connection goes to one of the addresses that were judged. What is refused by
address and what cannot be looked up is told to callers in the same words.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import Literal

from gateway.settings import PushSettings
from gateway.tasks.push.addresses import Address, carried, may_be_called

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host for a port, as text. Raises OSError."""

_NOWHERE = "is at no address that this gateway calls"
"""One text for all that depends on the network: callers learn nothing of who is there."""

_URL = re.compile(r"(?P<scheme>[^:/?#]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?")
_CHARACTERS = re.compile(r"[!-\[\]-~]*")
"""Visible ASCII without the backslash, which some readers take for a slash."""
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{0,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that makes a host an IPv4 address in the eyes of browsers and of C libraries."""
_LOCALHOST = re.compile(r"(?:.+\.)?localhost")
"""Loopback, without asking anybody (RFC 6761 section 6.3)."""
_PORTS = {"https": 443, "http": 80}


class Refused(Exception):
    """A webhook that is not called; the text says to its owner what to change."""


class Unresolved(Refused):
    """A webhook whose host cannot be looked up now; later it may."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is, taken apart once, so that nobody reads its URL in another way."""

    scheme: Literal["http", "https"]
    host: str
    """In lower case, without brackets and without a last dot."""
    port: int
    path: str
    """With the query, as it stands on the request line."""
    addresses: tuple[Address, ...] = ()
    """Judged addresses to connect to, the best first; none until they are looked up."""

    @property
    def authority(self) -> str:
        """As it stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Guard:
    """Lets pass the webhooks that the settings allow."""

    def __init__(self, settings: PushSettings, resolve: Resolve) -> None:
        self._settings = settings
        self._resolve = resolve

    def check(self, url: str) -> Target:
        """A URL by its text alone; it has addresses if its host is one. Raises Refused."""
        if len(url) > self._settings.url_chars:
            raise Refused(f"has over {self._settings.url_chars} characters")
        if not _CHARACTERS.fullmatch(url):
            raise Refused("holds characters that no URL has; percent-encode them, and write the host in ASCII (xn--)")
        match = _URL.fullmatch(url)
        scheme = match["scheme"].lower() if match else ""
        if match is None or not (scheme == "https" or (scheme == "http" and self._settings.allow_http)):
            raise Refused(f"must begin with https://{' or http://' if self._settings.allow_http else ''}")
        if "@" in match["authority"]:
            raise Refused("holds a user name; credentials belong into `authentication`")
        authority = _AUTHORITY.fullmatch(match["authority"])
        if authority is None:
            raise Refused("names no host and port")
        port = int(authority["port"] or _PORTS[scheme])
        if not 0 < port < 65536:
            raise Refused("names no port from 1 to 65535")
        host, address = _host(authority["host"].lower())
        path = (match["path"] or "/") + (match["query"] or "")
        target = Target("https" if scheme == "https" else "http", host, port, path)
        return target if address is None else replace(target, addresses=(self._judged(address),))

    async def target(self, url: str) -> Target:
        """A URL with the addresses that its host has now, all of which may be called. Raises Refused."""
        target = self.check(url)
        if target.addresses:
            return target
        try:
            async with asyncio.timeout(self._settings.connect_s):
                found = await self._resolve(target.host, target.port)
        except (OSError, UnicodeError):  # TimeoutError is an OSError
            raise Unresolved(_NOWHERE) from None
        if not found:
            raise Unresolved(_NOWHERE)
        # One bad address damns all: whoever gave it may have meant the gateway to take it.
        return replace(target, addresses=tuple(self._judged(_address(text)) for text in found))

    def _judged(self, address: Address) -> Address:
        if not may_be_called(address, self._settings.allow_networks):
            raise Refused(_NOWHERE)
        mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
        return carried(address) if mapped else address


def _host(written: str) -> tuple[str, Address | None]:
    """A host as it is called, and its address if that is what it is. Raises Refused."""
    if written.startswith("["):
        try:
            address = IPv6Address(written[1:-1])
        except AddressValueError:
            raise Refused(_NOWHERE) from None
        return str(address), address
    host = written.removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Only the four decimal numbers: other spellings mean different hosts to different readers.
        try:
            return host, IPv4Address(host)
        except AddressValueError:
            raise Refused(_NOWHERE) from None
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise Refused("names no host and port")
    return host, IPv4Address("127.0.0.1") if _LOCALHOST.fullmatch(host) else None


def _address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise Refused(_NOWHERE) from None
