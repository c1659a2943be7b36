"""TLS towards agents: whom the gateway trusts and how it proves itself."""

import ssl

import grpc

from gateway.settings import ConfigurationError, Tls


def grpc_credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Credentials of a gRPC channel; the system's trust where none is configured. Raises ConfigurationError."""
    ssl_context(tls)  # grpc itself would complain at the first call, and not say of what
    return grpc.ssl_channel_credentials(
        root_certificates=tls.ca.read_bytes() if tls.ca else None,
        private_key=tls.key.read_bytes() if tls.key else None,
        certificate_chain=tls.cert.read_bytes() if tls.cert else None,
    )


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """The same for HTTP. Raises ConfigurationError for files that hold no certificates."""
    try:
        context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    except OSError as error:
        raise ConfigurationError(f"{tls.ca}: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert:
        try:
            context.load_cert_chain(tls.cert, tls.key)
        except OSError as error:
            raise ConfigurationError(f"{tls.cert} with {tls.key}: {error}") from None
    return context
