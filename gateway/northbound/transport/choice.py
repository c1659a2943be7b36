"""Which servers there are: what the setting `grpc_server` names."""

from collections.abc import Callable, Mapping

from gateway.northbound.transport.grpcio_server import GrpcioServer
from gateway.northbound.transport.h2_server import H2Server
from gateway.northbound.transport.server import Server
from gateway.settings import Limits

SERVERS: Mapping[str, Callable[[Limits], Server]] = {"native": H2Server, "library": GrpcioServer}
