"""What one check of the client of a2a-sdk 0.3 works with. The counterpart of `sdk_session`, with the same results.

The SDK's client is used wherever it has the operation; it never learned to list and delete push notification
configurations, so for these its transports' own means to send are used.
"""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextvars import ContextVar
from typing import Any, get_args

import grpc
import httpx
from a2a.client import A2AClientHTTPError, Client, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientJSONRPCError
from a2a.client.transports.grpc import GrpcTransport
from a2a.client.transports.jsonrpc import JsonRpcTransport
from a2a.client.transports.rest import RestTransport
from a2a.grpc import a2a_pb2
from a2a.types import (
    A2AError,
    AgentCard,
    DeleteTaskPushNotificationConfigParams,
    DeleteTaskPushNotificationConfigRequest,
    DeleteTaskPushNotificationConfigResponse,
    GetTaskPushNotificationConfigParams,
    JSONRPCErrorResponse,
    ListTaskPushNotificationConfigParams,
    ListTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigResponse,
    Message,
    MessageSendConfiguration,
    MessageSendParams,
    Part,
    PushNotificationConfig,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskIdParams,
    TaskPushNotificationConfig,
    TaskQueryParams,
    TaskStatusUpdateEvent,
    TextPart,
)
from a2a.utils.proto_utils import FromProto
from google.protobuf.json_format import ParseDict

from tests.interop import sdk03_shape as shape
from tests.interop.normalise import Names

HTTP_TIMEOUT_S = 10.0
Event = Task | Message | TaskStatusUpdateEvent | TaskArtifactUpdateEvent
Showable = Event | TaskPushNotificationConfig | Sequence["Showable"] | None
ERRORS: dict[int, str] = {
    kind.model_fields["code"].default: kind.__name__ for kind in get_args(A2AError.model_fields["root"].annotation)
}

_error_body: ContextVar[Any] = ContextVar("_error_body", default=None)


async def remember_error(response: httpx.Response) -> None:
    """httpx hook: keeps the body of a refusal, because the SDK's client tells no more of it than its status."""
    _error_body.set(None)
    if response.is_error:
        await response.aread()
        with contextlib.suppress(ValueError):
            _error_body.set(response.json())


class Clients:
    """The SDK's clients for one card and binding: `streaming` streams its messages, `blocking` waits for the answer."""

    def __init__(self, card: AgentCard, binding: str, http: httpx.AsyncClient) -> None:
        self.card = card
        interfaces = {card.preferred_transport: card.url}
        interfaces |= {item.transport: item.url for item in card.additional_interfaces or []}
        self.bindings = list(interfaces)
        self.url = interfaces[binding]
        self.streaming, self.blocking = (
            ClientFactory(
                ClientConfig(
                    streaming=streaming,
                    httpx_client=http,
                    grpc_channel_factory=grpc.aio.insecure_channel,
                    supported_transports=[binding],
                )
            ).create(card)
            for streaming in (True, False)
        )

    async def close(self) -> None:
        await self.streaming.close()
        await self.blocking.close()


class Session:
    """One check's view of the agent. Objects of the SDK come out of the verbs; `show` makes them part of a result."""

    def __init__(self, clients: Clients) -> None:
        self.card = clients.card
        self.bindings = clients.bindings
        self.url = clients.url
        self.client: Client = clients.streaming
        self._blocking = clients.blocking
        self._transport: Any = vars(clients.streaming)["_transport"]
        self.names = Names()

    def show(self, value: Showable) -> Any:
        """An object, or every one of a list, as normalised JSON in the shape of 1.0; nothing stays nothing."""
        match value:
            case list() | tuple():
                return [self.show(item) for item in value]
            case TaskPushNotificationConfig():
                return self.names.apply(shape.push_config(written(value)))
            case None:
                return None
            case _:
                return self.names.apply(shape.result(written(value)))

    def show_task(self, task: Task) -> Any:
        """A task that was asked for, which needs no wrapping."""
        return self.show(task)["task"]

    @staticmethod
    def new_context() -> str:
        return str(uuid.uuid4())

    @staticmethod
    def message(text: str | None, *, task_id: str | None = None, context_id: str | None = None) -> Message:
        parts = [] if text is None else [Part(root=TextPart(text=text))]
        return Message(
            message_id=str(uuid.uuid4()), role=Role.user, parts=parts, task_id=task_id, context_id=context_id
        )

    async def send(self, message: Message | str, **configuration: Any) -> Event:
        """SendMessage without streaming: the one answer."""
        answers = [answer async for answer in _events(self._blocking, message, configuration)]
        assert len(answers) == 1, f"SendMessage gave {len(answers)} answers"
        return answers[0]

    async def send_with_config(self, message: Message | str, config: PushNotificationConfig) -> Event:
        """The SDK's client fails to send one by gRPC and HTTP+JSON when it is given with the message."""
        if isinstance(message, str):
            message = self.message(message)
        configuration = MessageSendConfiguration(blocking=True, push_notification_config=config)
        return await self._transport.send_message(MessageSendParams(message=message, configuration=configuration))

    async def send_for_task(self, message: Message | str, **configuration: Any) -> Task:
        answer = await self.send(message, **configuration)
        assert isinstance(answer, Task), f"no task in the answer: {answer}"
        return answer

    def stream(self, message: Message | str, **configuration: Any) -> AsyncIterator[Event]:
        return _events(self.client, message, configuration)

    async def subscribe(self, task_id: str) -> AsyncIterator[Event]:
        async for task, update in self.client.resubscribe(TaskIdParams(id=task_id)):
            yield (update or task).model_copy(deep=True)

    async def get(self, task_id: str, history_length: int | None = None) -> Task:
        return await self.client.get_task(TaskQueryParams(id=task_id, history_length=history_length))

    async def cancel(self, task_id: str) -> Task:
        return await self.client.cancel_task(TaskIdParams(id=task_id))

    async def set_config(self, config: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
        return await self.client.set_task_callback(config)

    async def get_config(self, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        params = GetTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
        return await self.client.get_task_callback(params)

    async def list_configs(self, task_id: str) -> list[TaskPushNotificationConfig]:
        match self._transport:
            case JsonRpcTransport() as transport:
                params = ListTaskPushNotificationConfigParams(id=task_id)
                request = ListTaskPushNotificationConfigRequest(id=str(uuid.uuid4()), params=params)
                answer = await transport._send_request(written(request))
                return _result(ListTaskPushNotificationConfigResponse.model_validate(answer).root)
            case GrpcTransport() as transport:
                listed = await transport.stub.ListTaskPushNotificationConfig(
                    a2a_pb2.ListTaskPushNotificationConfigRequest(parent=f"tasks/{task_id}")
                )
            case RestTransport() as transport:
                answer = await transport._send_get_request(f"/v1/tasks/{task_id}/pushNotificationConfigs", {})
                listed = ParseDict(answer, a2a_pb2.ListTaskPushNotificationConfigResponse())
            case other:
                raise TypeError(f"no transport: {other}")
        return [FromProto.task_push_notification_config(config) for config in listed.configs]

    async def delete_config(self, task_id: str, config_id: str) -> None:
        match self._transport:
            case JsonRpcTransport() as transport:
                params = DeleteTaskPushNotificationConfigParams(id=task_id, push_notification_config_id=config_id)
                request = DeleteTaskPushNotificationConfigRequest(id=str(uuid.uuid4()), params=params)
                answer = await transport._send_request(written(request))
                # The SDK's agent forgets the `result` of null that the SDK's own model of this answer demands.
                _result(DeleteTaskPushNotificationConfigResponse.model_validate({"result": None} | answer).root)
            case GrpcTransport() as transport:
                await transport.stub.DeleteTaskPushNotificationConfig(
                    a2a_pb2.DeleteTaskPushNotificationConfigRequest(
                        name=f"tasks/{task_id}/pushNotificationConfigs/{config_id}"
                    )
                )
            case RestTransport() as transport:
                url = f"{transport.url}/v1/tasks/{task_id}/pushNotificationConfigs/{config_id}"
                await transport._send_request(transport.httpx_client.build_request("DELETE", url))
            case other:
                raise TypeError(f"no transport: {other}")

    async def show_stream(self, events: AsyncIterator[Event]) -> list[Any]:
        """Every event to the end; an error that ends the stream is the last item."""
        shown: list[Any] = []
        try:
            async for event in events:
                shown.append(self.show(event))
        except Exception as error:
            shown.append(self.show_error(error))
        return shown

    async def outcome(self, call: Awaitable[Any]) -> Any:
        """The answer of one call, or the error it ended with."""
        try:
            return self.show(await call)
        except Exception as error:
            return self.show_error(error)

    def show_error(self, error: BaseException) -> dict[str, Any]:
        """The A2A error where the binding names it, otherwise what the client raised, with the binding's code."""
        match error:
            case A2AClientJSONRPCError():
                told = error.error
                name = ERRORS.get(told.code, type(told).__name__)
                shown = {"error": name, "message": told.message, "code": told.code}
                return self._masked(shown | ({"data": told.data} if told.data else {}))
            case grpc.aio.AioRpcError():
                details = error.details() or ""
                name, _, text = details.partition(": ")
                if name not in ERRORS.values():
                    name, text = type(error).__name__, details
                named = {"error": name, "message": text}
                return self._masked(named | {"code": error.code().name})
            case A2AClientHTTPError():
                refused = isinstance(error.__cause__, httpx.HTTPStatusError)
                text = (refused and _message(_error_body.get())) or error.message
                return self._masked({"error": type(error).__name__, "message": text, "code": error.status_code})
            case _:
                return self._masked({"error": type(error).__name__, "message": str(error)})

    def _masked(self, shown: dict[str, Any]) -> dict[str, Any]:
        shown["message"] = self.names.text(shown["message"] or "").replace(self.url.removesuffix("/"), "<url>")
        return shown


def written(value: Any) -> dict[str, Any]:
    """An object of the SDK as JSON on the wire of JSON-RPC."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _events(client: Client, message: Message | str, configuration: dict[str, Any]) -> AsyncIterator[Event]:
    """What came, one by one. The client gives a task with the update that changed it, and goes on to change both."""
    if isinstance(message, str):
        message = Session.message(message)
    sending = MessageSendConfiguration(**configuration)
    async for answer in client.send_message(message, configuration=sending):
        if isinstance(answer, Message):
            yield answer
        else:
            task, update = answer
            yield (update or task).model_copy(deep=True)


def _result(root: Any) -> Any:
    if isinstance(root, JSONRPCErrorResponse):
        raise A2AClientJSONRPCError(root)
    return root.result


def _message(body: Any) -> str | None:
    """What an agent says beside its HTTP status: `message`, which an agent of a2a-sdk 1.x puts into an `error`."""
    match body:
        case {"message": str(text)} | {"error": {"message": str(text)}} | {"detail": str(text)}:
            return text
        case _:
            return None
