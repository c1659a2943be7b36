"""grpc.health.v1: whether the gateway serves, for those who ask once and for those who watch."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from gateway.errors import GrpcStatus
from gateway.northbound.transport.server import Handler, Refused, Rpc, only_request

SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

_Answer = health_pb2.HealthCheckResponse


class Health:
    """The health of services, all of them SERVING until `stop`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(services)
        self._stopping = asyncio.Event()

    def handlers(self) -> Mapping[str, Handler]:
        """The rpcs, by path."""
        return {
            f"/{SERVICE}/Check": self._check,
            f"/{SERVICE}/List": self._list,
            f"/{SERVICE}/Watch": self._watch,
        }

    def stop(self) -> None:
        """Nothing serves any more."""
        self._stopping.set()

    async def _check(self, rpc: Rpc) -> None:
        service = await _asked(rpc)
        if service not in self._services:
            rpc.finish(GrpcStatus.NOT_FOUND, "There is no such service here")
            return
        await rpc.send((self._answer(service).SerializeToString(),))
        rpc.finish(GrpcStatus.OK)

    async def _list(self, rpc: Rpc) -> None:
        await only_request(rpc)
        statuses = {service: self._answer(service) for service in self._services}
        listed = cast(bytes, cast(Any, health_pb2).HealthListResponse(statuses=statuses).SerializeToString())
        await rpc.send((listed,))
        rpc.finish(GrpcStatus.OK)

    async def _watch(self, rpc: Rpc) -> None:
        service = await _asked(rpc)
        await rpc.send((self._answer(service).SerializeToString(),))
        if not self._stopping.is_set():
            await self._stopping.wait()
            await rpc.send((self._answer(service).SerializeToString(),))
        await asyncio.Event().wait()  # until the caller leaves, or the gateway

    def _answer(self, service: str) -> _Answer:
        if service not in self._services:
            return _Answer(status=_Answer.SERVICE_UNKNOWN)
        return _Answer(status=_Answer.NOT_SERVING if self._stopping.is_set() else _Answer.SERVING)


async def _asked(rpc: Rpc) -> str:
    """The service that a request is about. Raises Refused."""
    try:
        return health_pb2.HealthCheckRequest.FromString(await only_request(rpc)).service
    except DecodeError:
        raise Refused(GrpcStatus.INVALID_ARGUMENT, "The request cannot be read") from None
