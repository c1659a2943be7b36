"""TLS towards agents: whom the gateway trusts and how it proves itself."""

import ssl

import grpc

from gateway.settings import Tls


def grpc_credentials(tls: Tls) -> grpc.ChannelCredentials:
    """Credentials of a gRPC channel; the system's trust where none is configured."""
    return grpc.ssl_channel_credentials(
        root_certificates=tls.ca.read_bytes() if tls.ca else None,
        private_key=tls.key.read_bytes() if tls.key else None,
        certificate_chain=tls.cert.read_bytes() if tls.cert else None,
    )


def ssl_context(tls: Tls) -> ssl.SSLContext:
    """The same for HTTP."""
    context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert:
        context.load_cert_chain(tls.cert, tls.key)
    return context
