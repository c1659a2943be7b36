"""gRPC server reflection of the gateway's services, from descriptors of a pool of their own.

The default pool of google.protobuf belongs to whoever else runs in the process.
"""

import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, struct_pb2, timestamp_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from gateway.codec.v0_3 import methods as v0_3
from gateway.operations import SERVICE
from generated.a2a.v0_3 import a2a_pb as a2a_0_3
from generated.a2a.v1 import a2a_pb as a2a_1_0

A2A_SERVICES = (SERVICE, v0_3.SERVICE)
"""The services of A2A, by version, newest first."""

_IMPORTED = (empty_pb2, struct_pb2, timestamp_pb2, health_pb2, reflection_pb2)


def enable_reflection(server: grpc.aio.Server) -> None:
    """Lets clients list the services and read their definitions."""
    names = (*A2A_SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=_pool())


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in _IMPORTED:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        pool.Add(file)
    for version in (a2a_1_0, a2a_0_3):
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(version.desc().proto.to_binary()))
    return pool
