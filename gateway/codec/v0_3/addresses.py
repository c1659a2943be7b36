"""The addresses of an agent: one list in 1.0; a preferred one and others in 0.3, all of one version.

A 1.0 card may list addresses of several versions; a 0.3 card can only show those of its own.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.codec.malformed import Malformed
from gateway.codec.v0_3.methods import VERSION

DEFAULT_TRANSPORT = "JSONRPC"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an agent is, what is spoken there and in which version."""

    url: str
    transport: str
    version: str


def speaks_0_3(version: str) -> bool:
    """Whether a 0.3 client may use an address of that version; one that names none is taken for old."""
    return not version or re.fullmatch(r"0\.([3-9]|[1-9][0-9]+)(\..*)?", version) is not None


def of_0_3(addresses: Iterable[Address]) -> list[Address]:
    """Those that a 0.3 card can show, the preferred one first. Raises Malformed where there is none."""
    found = [
        Address(address.url, address.transport or DEFAULT_TRANSPORT, address.version or VERSION)
        for address in addresses
        if speaks_0_3(address.version)
    ]
    if not found:
        raise Malformed("none speaks A2A 0.3", "supportedInterfaces")
    return found


def all_of(url: str, transport: str, version: str, additional: Iterable[tuple[str, str]]) -> Iterator[Address]:
    """The addresses of a 0.3 card as 1.0 lists them, each once: the additional ones often repeat the first."""
    seen: set[tuple[str, str]] = set()
    for where, spoken in ((url, transport), *additional):
        place = where, spoken or DEFAULT_TRANSPORT
        if where and place not in seen:
            seen.add(place)
            yield Address(*place, version or VERSION)
