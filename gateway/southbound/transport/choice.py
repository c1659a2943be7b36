"""Which transports there are: what an agent's setting `transport` names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.settings import Limits, Tls
from gateway.southbound.transport.channel import Channel
from gateway.southbound.transport.grpcio_channel import GrpcioChannel
from gateway.southbound.transport.h2_channel import H2Channel
from gateway.southbound.transport.http import HttpClient
from gateway.southbound.transport.http1_client import Http1Client
from gateway.southbound.transport.httpx_client import HttpxClient


@dataclass(frozen=True, slots=True)
class Transport:
    """How agents are connected to. Both raise ConfigurationError for TLS files that cannot be used."""

    channel: Callable[[str, Limits, Tls], Channel]
    """To `grpc://HOST:PORT` or `grpcs://HOST:PORT`."""
    http: Callable[[Limits, Tls], HttpClient]


TRANSPORTS: Mapping[str, Transport] = {
    "native": Transport(H2Channel, Http1Client),
    "library": Transport(GrpcioChannel, HttpxClient),
}
