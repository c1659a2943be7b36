"""An agent whose callers' webhooks the gateway calls: it is given one of the gateway's own instead of each.

The agent stays the one who says which configurations a task has and who may see them; only what
leads to webhooks is exchanged, on the way there and on the way back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from copy import copy
from typing import Any

from protobuf import Message, Oneof
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.agent import Agent, Answer, Burst, CallContext, Head, Stream
from gateway.errors import CallerError, ErrorKind, GatewayError
from gateway.operations import (
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    Operation,
)
from gateway.tasks.push import incoming
from gateway.tasks.push.relayed.substitution import Begun, Known, Substitution, shown
from gateway.tasks.runtime import store_errors
from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    Task,
    TaskPushNotificationConfig,
)

_HOOK_PATH = "configuration.taskPushNotificationConfig"

_UNSURE = frozenset(
    {
        ErrorKind.CANCELLED,
        ErrorKind.DEADLINE_EXCEEDED,
        ErrorKind.INTERNAL_ERROR,
        ErrorKind.INVALID_AGENT_RESPONSE,
        ErrorKind.UNAVAILABLE,
        ErrorKind.UNKNOWN,
    }
)
"""Failures after which the agent may have taken the configuration all the same."""

_Method = Callable[[Any, CallContext], Awaitable[Answer]]


class PushRelayed:
    """An Agent with its callers' webhooks kept from it."""

    def __init__(self, name: str, agent: Agent, substitution: Substitution) -> None:
        self._name = name
        self._agent = agent
        self._substitution = substitution
        self._methods: Mapping[Operation, _Method] = {
            SEND_MESSAGE: self._send,
            CREATE_PUSH_CONFIG: self._create,
            GET_PUSH_CONFIG: self._get,
            LIST_PUSH_CONFIGS: self._list,
            DELETE_PUSH_CONFIG: self._delete,
        }

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        method = self._methods.get(operation)
        if method is None:
            return await self._agent.call(operation, request, context)
        with store_errors():
            return await method(request, context)

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        if not isinstance(request, SendMessageRequest) or _config_of(request) is None:
            return await self._agent.open(operation, request, context)
        with store_errors():
            begun, sent = await self._substituted(request, context)
            async with self._telling(begun):
                stream = await self._agent.open(operation, sent, context)
        return _BindingStream(stream, begun, self._substitution)

    async def card(self, context: CallContext) -> AgentCard:
        return await self._agent.card(context)

    async def close(self) -> None:
        await self._agent.close()

    # Sending.

    async def _send(self, request: SendMessageRequest, context: CallContext) -> Answer:
        if _config_of(request) is None:
            return await self._agent.call(SEND_MESSAGE, request, context)
        begun, sent = await self._substituted(request, context)
        async with self._telling(begun):
            answer = await self._agent.call(SEND_MESSAGE, sent, context)
        await self._substitution.bind(begun, _task_of(answer.message))
        return answer

    async def _substituted(self, request: SendMessageRequest, context: CallContext) -> tuple[Begun, SendMessageRequest]:
        config = _config_of(request)
        assert config is not None
        assert request.configuration is not None
        task_id = request.message.task_id if request.message is not None else ""
        hook = Hook(_of_task(config, task_id), context.version)
        begun = await self._substitution.begin(self._name, task_id, hook, self._asked_of(task_id, context), _HOOK_PATH)
        sent = copy(request)
        sent.configuration = configuration = copy(request.configuration)
        begun.given.task_id = config.task_id
        configuration.task_push_notification_config = begun.given
        return begun, sent

    # Configurations.

    async def _create(self, request: TaskPushNotificationConfig, context: CallContext) -> Answer:
        hook = Hook(_of_task(request, request.task_id), context.version)
        known = self._asked_of(request.task_id, context)
        begun = await self._substitution.begin(self._name, request.task_id, hook, known)
        async with self._telling(begun):
            answer = await self._agent.call(CREATE_PUSH_CONFIG, begun.given, context)
        made = _config(answer)
        await self._substitution.bind(begun, request.task_id, made.id or request.id)
        return Answer(shown(request, made), answer.head)

    async def _get(self, request: GetTaskPushNotificationConfigRequest, context: CallContext) -> Answer:
        answer = await self._agent.call(GET_PUSH_CONFIG, request, context)
        config = await self._substitution.as_given(_config(answer))
        if config is None:
            raise CallerError(ErrorKind.TASK_NOT_FOUND, "The task has no push notification configuration of this id")
        return Answer(config, answer.head)

    async def _list(self, request: ListTaskPushNotificationConfigsRequest, context: CallContext) -> Answer:
        answer = await self._agent.call(LIST_PUSH_CONFIGS, request, context)
        assert isinstance(answer.message, ListTaskPushNotificationConfigsResponse)
        listed = copy(answer.message)
        configs = [await self._substitution.as_given(config) for config in answer.message.configs]
        listed.configs = [config for config in configs if config is not None]
        return Answer(listed, answer.head)

    async def _delete(self, request: DeleteTaskPushNotificationConfigRequest, context: CallContext) -> Answer:
        asked = GetTaskPushNotificationConfigRequest(tenant=request.tenant, task_id=request.task_id, id=request.id)
        subscription: str | None = None
        try:
            found = await self._agent.call(GET_PUSH_CONFIG, asked, context)
            subscription = self._substitution.subscription_of(_config(found))
        except GatewayError:
            pass  # what is wrong is what deleting says
        answer = await self._agent.call(DELETE_PUSH_CONFIG, request, context)
        if subscription is not None:
            await self._substitution.end(subscription)
        return Answer(Empty(), answer.head)

    def _asked_of(self, task_id: str, context: CallContext) -> Known:
        async def known() -> Iterable[TaskPushNotificationConfig] | None:
            try:
                request = ListTaskPushNotificationConfigsRequest(task_id=task_id)
                answer = await self._agent.call(LIST_PUSH_CONFIGS, request, context)
            except GatewayError:
                return None
            assert isinstance(answer.message, ListTaskPushNotificationConfigsResponse)
            return None if answer.message.next_page_token else answer.message.configs

        return known

    @asynccontextmanager
    async def _telling(self, begun: Begun) -> AsyncIterator[None]:
        """While the agent is told of a subscription; where it refuses, there is none."""
        try:
            yield
        except GatewayError as error:
            if begun.is_new and error.kind not in _UNSURE:
                await self._substitution.end(begun.subscription.id)
            raise


class _BindingStream:
    """A stream whose first event says which task a subscription is for."""

    def __init__(self, stream: Stream, begun: Begun, substitution: Substitution) -> None:
        self._stream = stream
        self._begun: Begun | None = begun
        self._substitution = substitution

    @property
    def head(self) -> Head:
        return self._stream.head

    async def burst(self) -> Burst | None:
        burst = await self._stream.burst()
        if burst and self._begun is not None:
            begun, self._begun = self._begun, None
            await self._substitution.bind(begun, _task_of(burst[0].response))
        return burst

    async def close(self) -> None:
        await self._stream.close()


def _config_of(request: SendMessageRequest) -> TaskPushNotificationConfig | None:
    configuration = request.configuration
    return configuration.task_push_notification_config if configuration is not None else None


def _of_task(config: TaskPushNotificationConfig, task_id: str) -> TaskPushNotificationConfig:
    """A configuration as it is kept."""
    kept = copy(config)
    kept.task_id, kept.tenant = task_id, ""
    return kept


def _config(answer: Answer) -> TaskPushNotificationConfig:
    assert isinstance(answer.message, TaskPushNotificationConfig)
    return answer.message


def _task_of(answer: Message) -> str:
    """The task that an answer is about; empty where there is none."""
    match answer:
        case SendMessageResponse(payload=Oneof(value=Task() as task)):
            return task.id
        case StreamResponse():
            return incoming.task_id_of(answer)
        case _:
            return ""
