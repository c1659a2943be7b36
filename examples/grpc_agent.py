"""An A2A 1.0 agent over gRPC, written with stock stubs and no SDK.

    python -m examples.grpc_agent [--address 127.0.0.1:50051] [--pause 0.15]

`listening on grpc://HOST:PORT` says when and where it is ready; port 0 takes any free port. What
the agent does is in answers.py; here it only speaks gRPC (specification section 10).
"""

# The service module that grpcio generates carries no types.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio
from google.protobuf import json_format
from protobuf.wkt.google.protobuf.any_pb import Any as PackedDetail

from examples.answers import AnsweringAgent, agent_card
from examples.grpc_messages import (
    read_history_length,
    read_message,
    read_query,
    write_event,
    write_task,
)
from examples.model import ERROR_DOMAIN, A2AError, Reason
from generated.a2a.v1 import a2a_pb2, a2a_pb2_grpc
from generated.google.rpc.error_details_pb import ErrorInfo
from generated.google.rpc.status_pb import Status as RpcStatus

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

STATUS_CODES = {
    Reason.TASK_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.TASK_NOT_CANCELABLE: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.PUSH_NOTIFICATION_NOT_SUPPORTED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.UNSUPPORTED_OPERATION: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CONTENT_TYPE_NOT_SUPPORTED: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.INVALID_PARAMS: grpc.StatusCode.INVALID_ARGUMENT,
}


class GrpcAgent(a2a_pb2_grpc.A2AServiceServicer):
    """A2AService: reads a request, asks the agent, writes what it answers."""

    def __init__(self, agent: AnsweringAgent, card: a2a_pb2.AgentCard) -> None:
        self._agent = agent
        self._card = card

    async def SendMessage(
        self, request: a2a_pb2.SendMessageRequest, context: Context
    ) -> a2a_pb2.SendMessageResponse:
        async with refusals(context):
            history_length = read_history_length(request.configuration)
            record = self._agent.receive(read_message(request.message))
            if not request.configuration.return_immediately:
                await record.rest()
            return a2a_pb2.SendMessageResponse(task=write_task(record.task, history_length))

    async def SendStreamingMessage(
        self, request: a2a_pb2.SendMessageRequest, context: Context
    ) -> AsyncIterator[a2a_pb2.StreamResponse]:
        async with refusals(context):
            history_length = read_history_length(request.configuration)
            record = self._agent.receive(read_message(request.message))
            async for event in record.follow():
                yield write_event(event, history_length)

    async def SubscribeToTask(
        self, request: a2a_pb2.SubscribeToTaskRequest, context: Context
    ) -> AsyncIterator[a2a_pb2.StreamResponse]:
        async with refusals(context):
            async for event in self._agent.tasks.find(request.id).follow():
                yield write_event(event)

    async def GetTask(self, request: a2a_pb2.GetTaskRequest, context: Context) -> a2a_pb2.Task:
        async with refusals(context):
            history_length = read_history_length(request)
            return write_task(self._agent.tasks.find(request.id).task, history_length)

    async def ListTasks(
        self, request: a2a_pb2.ListTasksRequest, context: Context
    ) -> a2a_pb2.ListTasksResponse:
        async with refusals(context):
            page = self._agent.tasks.page(read_query(request))
            return a2a_pb2.ListTasksResponse(
                tasks=[write_task(task) for task in page.tasks],
                next_page_token=page.next_page_token,
                page_size=page.page_size,
                total_size=page.total_size,
            )

    async def CancelTask(
        self, request: a2a_pb2.CancelTaskRequest, context: Context
    ) -> a2a_pb2.Task:
        async with refusals(context):
            record = self._agent.tasks.find(request.id)
            record.cancel()
            return write_task(record.task)

    async def GetExtendedAgentCard(
        self, request: a2a_pb2.GetExtendedAgentCardRequest, context: Context
    ) -> a2a_pb2.AgentCard:
        return self._card

    async def _refuse_push(self, request: object, context: Context) -> NoReturn:
        async with refusals(context):
            raise A2AError(
                Reason.PUSH_NOTIFICATION_NOT_SUPPORTED, "this agent sends no push notifications"
            )

    CreateTaskPushNotificationConfig = _refuse_push
    GetTaskPushNotificationConfig = _refuse_push
    ListTaskPushNotificationConfigs = _refuse_push
    DeleteTaskPushNotificationConfig = _refuse_push


class refusals:
    """Ends the rpc with the status of an A2AError, its reason in `grpc-status-details-bin`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, A2AError):
            code = STATUS_CODES[error.reason]
            info = ErrorInfo(reason=error.reason, domain=ERROR_DOMAIN)
            number: int = code.value[0]
            status = RpcStatus(
                code=number, message=error.message, details=[PackedDetail.pack(info)]
            )
            details = ("grpc-status-details-bin", status.to_binary())
            await self._context.abort(code, error.message, (details,))


async def serve(address: str, pause_s: float) -> None:
    # Without this option a second agent on the same port would start, and share its calls.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    host = address.rpartition(":")[0]
    address = f"{host}:{server.add_insecure_port(address)}"
    card = json_format.ParseDict(agent_card(address, "GRPC"), a2a_pb2.AgentCard())
    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcAgent(AnsweringAgent(pause_s), card), server)

    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await server.start()
    print(f"listening on grpc://{address}", flush=True)
    await stopped.wait()
    await server.stop(grace=None)


def main() -> None:
    parser = argparse.ArgumentParser(description="An A2A agent over gRPC.")
    parser.add_argument("--address", default="127.0.0.1:50051", metavar="HOST:PORT")
    parser.add_argument("--pause", type=float, default=0.15, metavar="SECONDS")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.address, arguments.pause))


if __name__ == "__main__":
    main()
