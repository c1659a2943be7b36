"""What one check of the SDK client works with: two clients of one binding, ids of its own, and normalised answers.

`Session` hides which binding is spoken, with one exception: an error is recorded with what its binding carried.
"""

import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextvars import ContextVar
from typing import Any

import grpc
import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message as ProtoMessage
from google.rpc import error_details_pb2, status_pb2

from tests.interop.normalise import Json, Names

HTTP_TIMEOUT_S = 10.0
Showable = ProtoMessage | Sequence["Showable"] | None
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

_http_error: ContextVar[dict[str, Json] | None] = ContextVar("_http_error", default=None)


async def remember_error(response: httpx.Response) -> None:
    """httpx hook: keeps the error object of a JSON body, because the SDK's exceptions drop most of its details."""
    _http_error.set(None)
    if "json" in response.headers.get("content-type", ""):
        await response.aread()
        with contextlib.suppress(ValueError):
            body: Json = response.json()
            match body:
                case {"error": dict() as error}:
                    _http_error.set(error)
                case _:
                    pass


class Clients:
    """The SDK's clients for one card and binding: `streaming` streams SendMessage, `blocking` waits for its answer."""

    def __init__(self, card: AgentCard, binding: str, http: httpx.AsyncClient) -> None:
        self.card = card
        self.url = next(item.url for item in card.supported_interfaces if item.protocol_binding == binding)
        self.streaming, self.blocking = (
            ClientFactory(
                ClientConfig(
                    streaming=streaming,
                    httpx_client=http,
                    grpc_channel_factory=grpc.aio.insecure_channel,
                    supported_protocol_bindings=[binding],
                )
            ).create(card)
            for streaming in (True, False)
        )

    async def close(self) -> None:
        await self.streaming.close()
        await self.blocking.close()


class Session:
    """One check's view of the agent. Raw SDK messages come out of the verbs; `show` makes them part of a result."""

    def __init__(self, clients: Clients) -> None:
        self.card = clients.card
        self.url = clients.url
        self.client: Client = clients.streaming
        self._blocking = clients.blocking
        self.names = Names()

    def show(self, value: "Showable") -> Any:
        """A message, or every one of a list, as normalised ProtoJSON; nothing stays nothing."""
        match value:
            case ProtoMessage():
                return self.names.apply(MessageToDict(value))
            case list() | tuple():
                return [self.show(item) for item in value]
            case _:
                return value

    @staticmethod
    def new_context() -> str:
        return str(uuid.uuid4())

    @staticmethod
    def message(text: str | None, *, task_id: str = "", context_id: str = "") -> Message:
        parts = [] if text is None else [Part(text=text)]
        return Message(
            message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=parts, task_id=task_id, context_id=context_id
        )

    async def send(self, message: Message | str, **configuration: Any) -> StreamResponse:
        """SendMessage without streaming: the one answer, as the SDK wraps it."""
        answers = [answer async for answer in self._blocking.send_message(_request(message, configuration))]
        assert len(answers) == 1, f"SendMessage gave {len(answers)} answers"
        return answers[0]

    async def send_for_task(self, message: Message | str, **configuration: Any) -> Task:
        answer = await self.send(message, **configuration)
        assert answer.HasField("task"), f"no task in the answer: {answer}"
        return answer.task

    def stream(self, message: Message | str, **configuration: Any) -> AsyncIterator[StreamResponse]:
        return self.client.send_message(_request(message, configuration))

    def subscribe(self, task_id: str) -> AsyncIterator[StreamResponse]:
        return self.client.subscribe(SubscribeToTaskRequest(id=task_id))

    async def get(self, task_id: str, history_length: int | None = None) -> Task:
        return await self.client.get_task(GetTaskRequest(id=task_id, history_length=history_length))

    async def cancel(self, task_id: str) -> Task:
        return await self.client.cancel_task(CancelTaskRequest(id=task_id))

    async def show_stream(self, events: AsyncIterator[StreamResponse]) -> list[Any]:
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
        _http_error.set(None)
        try:
            return self.show(await call)
        except Exception as error:
            return self.show_error(error)

    def show_error(self, error: BaseException) -> dict[str, Any]:
        text = self.names.text(str(error)).replace(self.url.removesuffix("/"), "<url>")
        if isinstance(error.__cause__, json.JSONDecodeError):
            # The position depends on the order of map entries, which is another one in every agent process.
            text = text.replace(str(error.__cause__), "<not JSON>")
        shown: dict[str, Any] = {"error": type(error).__name__, "message": text}
        if data := getattr(error, "data", None):
            shown["data"] = data
        return shown | _details(error)


def _request(message: Message | str, configuration: dict[str, Any]) -> SendMessageRequest:
    if isinstance(message, str):
        message = Session.message(message)
    return SendMessageRequest(message=message, configuration=SendMessageConfiguration(**configuration))


def _details(error: BaseException) -> dict[str, Any]:
    """The binding's own code, and what ErrorInfo and BadRequest said, in one form for all bindings."""
    cause = error.__cause__
    if isinstance(cause, grpc.aio.AioRpcError):
        return {"code": cause.code().name} | _described(_grpc_details(cause))
    if received := _http_error.get():
        return {"code": received.get("code")} | _described(received.get("data", received.get("details")))
    return {}


def _grpc_details(error: grpc.aio.AioRpcError) -> list[Json]:
    details: list[Json] = []
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for packed in status_pb2.Status.FromString(value).details:
                for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                    if packed.TypeName() == kind.DESCRIPTOR.full_name:
                        unpacked = kind()
                        packed.Unpack(unpacked)
                        details.append({"@type": packed.type_url, **MessageToDict(unpacked)})
    return details


def _described(details: Json) -> dict[str, Any]:
    """What the details of an error say; an SDK's server may also have put a bare text there, which says nothing."""
    described: dict[str, Any] = {}
    others: list[Json] = []
    for detail in details if isinstance(details, list) else []:
        assert isinstance(detail, dict), f"a detail that is no object: {detail!r}"
        match detail.get("@type"):
            case str(kind) if kind == ERROR_INFO:
                described |= {"reason": detail.get("reason"), "domain": detail.get("domain")}
            case str(kind) if kind == BAD_REQUEST:
                described["violations"] = detail.get("fieldViolations", [])
            case other:
                others.append(other)
    return described | ({"others": others} if others else {})
