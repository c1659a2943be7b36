"""The addresses that the gateway gives of itself: configured, else as its caller sees it.

`Forwarded` and `X-Forwarded-*` count only from a proxy that the settings trust; anyone else could
make cards point elsewhere.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.relay.published import Addresses
from gateway.settings import Settings

JWKS = ".well-known/jwks.json"

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_FORWARDED = re.compile(r'(?:^|;)\s*(proto|host)\s*=\s*(?:"([^"]*)"|([^;,\s"]*))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Site:
    """The gateway as one caller reaches it."""

    http: str
    """Root URL, without a slash at its end."""
    grpc: str
    """HOST:PORT."""
    shared: bool = True
    """Whether every caller is told the same, so that caches may keep it for all."""

    def addresses(self, name: str) -> Addresses:
        """Where one agent is; the default one where `name` is empty."""
        http = f"{self.http}/{name}/" if name else f"{self.http}/"
        return Addresses(http, self.grpc, name, f"{self.http}/{JWKS}")


@dataclass(frozen=True, slots=True)
class Sites:
    """Makes the site of each call. `http` and `grpc` are HOST:PORT as they were bound."""

    settings: Settings
    http: str
    grpc: str

    def bound(self) -> Site:
        """The site where nothing is known of how the caller came."""
        return self._site(f"http://{self.http}", shared=True)

    def seen_by(self, headers: Mapping[str, str], peer: str) -> Site:
        """The site as the sender of these HTTP headers (lower-case names) sees it."""
        if self.settings.public_url is not None:
            return self.bound()
        scheme, host, prefix = "http", headers.get("host", ""), ""
        if self._trusts(peer):
            forwarded = {
                match[1].lower(): match[2] or match[3]
                for match in _FORWARDED.finditer(headers.get("forwarded", "").partition(",")[0])
            }
            scheme = forwarded.get("proto") or _first(headers, "x-forwarded-proto") or scheme
            host = forwarded.get("host") or _first(headers, "x-forwarded-host") or host
            prefix = _first(headers, "x-forwarded-prefix").rstrip("/")
        if scheme not in ("http", "https") or not _HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
            return self.bound()
        return self._site(f"{scheme}://{host}{prefix}", shared=False)

    def _site(self, http: str, *, shared: bool) -> Site:
        http = self.settings.public_url or http
        host = urlsplit(http).hostname or ""
        host = f"[{host}]" if ":" in host else host
        return Site(http, self.settings.public_grpc or f"{host}:{self.grpc.rpartition(':')[2]}", shared)

    def _trusts(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.settings.trusted_proxies)


def _first(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").partition(",")[0].strip()
