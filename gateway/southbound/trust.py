"""TLS towards agents: whom the gateway trusts and how it proves itself."""

import ssl

from gateway.settings import ConfigurationError, Tls


def ssl_context(tls: Tls, *protocols: str) -> ssl.SSLContext:
    """The system's trust where none is configured; `protocols` are offered by ALPN.

    Raises ConfigurationError for files that hold no certificates.
    """
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    except OSError as error:
        raise ConfigurationError(f"{tls.ca}: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if tls.cert:
        try:
            context.load_cert_chain(tls.cert, tls.key)
        except OSError as error:
            raise ConfigurationError(f"{tls.cert} with {tls.key}: {error}") from None
    return context
