"""Whom the console is for: pages of its own origin, reached by an address that is the gateway's own.

The wire shows what other callers say. So a page from elsewhere may not read it, and neither may a
name from elsewhere that was made to lead here (DNS rebinding): of names, only `localhost` and that
of `public_url` count; an address says where it leads by itself.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway.settings import Settings, is_loopback

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""On everything that the console answers."""

_WRONG_HOST = "Open the console by the gateway's own address: an IP address, localhost, or the host of public_url"
_FOREIGN = "The console answers its own pages only"


def refusal(headers: Mapping[str, str], settings: Settings, *, page: bool) -> str | None:
    """Why a request (headers by lower-case name) is not answered; None where it is.

    A `page` may be come to by a link from anywhere.
    """
    host = headers.get("host", "")
    if not _is_own(host, settings):
        return _WRONG_HOST
    if page:
        return None
    # Browsers say it in secure contexts. Where they do not, what crosses origins says its own.
    site = headers.get("sec-fetch-site", "same-origin")
    origin = headers.get("origin")
    if site not in ("same-origin", "none") or (origin is not None and not _is_same(origin, host, settings)):
        return _FOREIGN
    return None


def _is_same(origin: str, host: str, settings: Settings) -> bool:
    """Whether a page's origin is where the console is: the host that was asked, or `public_url` before a proxy."""
    own = {host} if settings.public_url is None else {host, urlsplit(settings.public_url).netloc}
    return urlsplit(origin).netloc in own


def _is_own(host: str, settings: Settings) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if settings.public_url is not None and name == urlsplit(settings.public_url).hostname:
        return True
    if is_loopback(name):
        return True
    if is_loopback(settings.http.rpartition(":")[0]):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
