"""gRPC server reflection of the gateway's services, from descriptors of a pool of their own.

The default pool of google.protobuf belongs to whoever else runs in the process. Version 1 has the
messages of v1alpha under another package, so both are answered alike.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import cast

from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, struct_pb2, timestamp_pb2
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from gateway.codec.v0_3 import methods as v0_3
from gateway.errors import GrpcStatus
from gateway.northbound import health
from gateway.northbound.transport.server import Handler, Refused, Rpc
from gateway.operations import SERVICE
from generated.a2a.v0_3 import a2a_pb as a2a_0_3
from generated.a2a.v1 import a2a_pb as a2a_1_0

A2A_SERVICES = (SERVICE, v0_3.SERVICE)
"""The services of A2A, by version, newest first."""

_ALPHA = reflection.SERVICE_NAME
_STABLE = _ALPHA.replace("v1alpha", "v1")
_Answers = Callable[
    [AsyncIterator[reflection_pb2.ServerReflectionRequest], None],
    AsyncIterator[reflection_pb2.ServerReflectionResponse],
]
_IMPORTED = (empty_pb2, struct_pb2, timestamp_pb2, health_pb2, reflection_pb2)


def reflection_handlers() -> Mapping[str, Handler]:
    """Lets clients list the services and read their definitions; the rpcs, by path."""
    servicer = reflection.aio.ReflectionServicer((*A2A_SERVICES, health.SERVICE, _STABLE, _ALPHA), _pool())
    answers = cast(_Answers, servicer.ServerReflectionInfo)  # its types take it for a coroutine

    async def reflect(rpc: Rpc) -> None:
        async for answer in answers(_requests(rpc), None):
            await rpc.send((answer.SerializeToString(),))
        rpc.finish(GrpcStatus.OK)

    return {f"/{service}/ServerReflectionInfo": reflect for service in (_STABLE, _ALPHA)}


async def _requests(rpc: Rpc) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    while (message := await rpc.read()) is not None:
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(message)
        except DecodeError:
            raise Refused(GrpcStatus.INVALID_ARGUMENT, "The request cannot be read") from None


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for module in _IMPORTED:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        pool.Add(file)
        if module is reflection_pb2:
            pool.Add(_stable(file))
    for version in (a2a_1_0, a2a_0_3):
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(version.desc().proto.to_binary()))
    return pool


def _stable(alpha: descriptor_pb2.FileDescriptorProto) -> descriptor_pb2.FileDescriptorProto:
    """The definition of reflection v1 out of that of v1alpha."""
    file = descriptor_pb2.FileDescriptorProto()
    file.CopyFrom(alpha)
    file.name, file.package = (name.replace("v1alpha", "v1") for name in (alpha.name, alpha.package))
    fields = (field for message in file.message_type for field in message.field)
    methods = (method for service in file.service for method in service.method)
    for one in fields:
        if one.type_name:
            one.type_name = one.type_name.replace("v1alpha", "v1")
    for one in methods:
        one.input_type, one.output_type = (name.replace("v1alpha", "v1") for name in (one.input_type, one.output_type))
    return file
