"""The gateway on either server: what the setting `grpc_server` chooses, and that callers need not know."""

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes.callers import H2Caller
from tests.northbound.asking import placed
from tests.northbound.transport.serving import PATIENCE_S

pytestmark = pytest.mark.anyio

GET_TASK = "/lf.a2a.v1.A2AService/GetTask"


async def test_the_setting_chooses_and_calls_are_served_alike(kind: str) -> None:
    async with placed(grpc_server=kind) as place:
        assert (await place.call()).ok
        refused = await place.call("nobody")
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PARAMS")
        async with H2Caller(place.gateway.grpc) as caller:
            answer = await caller.call(GET_TASK, a2a.GetTaskRequest(id="t").to_binary(), ("a2a-version", "1.0"))
        assert answer.grpc_status == 0
        by_grpcio = answer.header("grpc-accept-encoding") is not None  # which it says in every head, and ours does not
        assert by_grpcio == (kind == "library")


async def test_health_and_reflection_are_served_alike(kind: str) -> None:
    async with placed(grpc_server=kind) as place, grpc.aio.insecure_channel(place.gateway.grpc) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        known = await health.Check(health_pb2.HealthCheckRequest(service=""), timeout=PATIENCE_S)
        assert known.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=PATIENCE_S)
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        watching = health.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=PATIENCE_S)
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watching.cancel()
        asked = [reflection_pb2.ServerReflectionRequest(list_services="")] * 2
        told = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(asked), timeout=PATIENCE_S)
        answers = [answer async for answer in told]
        assert len(answers) == 2
        assert "lf.a2a.v1.A2AService" in {one.name for one in answers[0].list_services_response.service}


@pytest.mark.parametrize("path", ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"])
async def test_what_is_no_message_is_an_invalid_argument(kind: str, path: str) -> None:
    async with placed(grpc_server=kind) as place, H2Caller(place.gateway.grpc) as caller:
        assert (await caller.call(path, b"\xff\xff")).grpc_status == 3
