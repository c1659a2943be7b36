"""TLS towards agents: whom the gateway trusts and how it proves itself."""

import ssl
from functools import cache

from gateway.settings import ConfigurationError, Tls


def ssl_context(tls: Tls, *protocols: str) -> ssl.SSLContext:
    """The system's trust where none is configured; `protocols` are offered by ALPN.

    Raises ConfigurationError for files that hold no certificates.
    """
    if not (tls.ca or tls.cert):
        return _system_trust(protocols)
    try:
        context = _trusting(str(tls.ca) if tls.ca else None, protocols)
    except OSError as error:
        raise ConfigurationError(f"{tls.ca}: {error}") from None
    if tls.cert:
        try:
            context.load_cert_chain(tls.cert, tls.key)
        except OSError as error:
            raise ConfigurationError(f"{tls.cert} with {tls.key}: {error}") from None
    return context


@cache
def _system_trust(protocols: tuple[str, ...]) -> ssl.SSLContext:
    """One for all: reading the system's certificates takes tens of milliseconds and half a megabyte."""
    return _trusting(None, protocols)


def _trusting(ca: str | None, protocols: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context
