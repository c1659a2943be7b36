"""An agent whose tasks the gateway owns: A2A's operations on top of a runtime and a worker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from protobuf import Message, Oneof

from gateway.agent import Answer, CallContext, Stream
from gateway.deltas.extension import URI as DELTAS_URI
from gateway.deltas.values import object_of
from gateway.errors import CallerError, ErrorKind, GatewayFault
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    Operation,
)
from gateway.tasks import lifecycle
from gateway.tasks.configurations import Configurations, identified
from gateway.tasks.cursor import RESUME_URI
from gateway.tasks.following import Following
from gateway.tasks.history import history_length, shortened
from gateway.tasks.live import Standing
from gateway.tasks.runtime import Runtime, store_errors
from gateway.tasks.store import Hook, Query, Record
from gateway.worker import Work
from generated.a2a.v1 import a2a_pb as a2a
from generated.a2a.v1.a2a_pb import StreamResponse

_PAGE_SIZE = 50
_MOST_PER_PAGE = 100
_HOOK_PATH = "configuration.taskPushNotificationConfig"

_Method = Callable[[Any, CallContext], Awaitable[Message]]


class OwnedAgent:
    """An Agent of the configuration whose worker the runtime employs."""

    def __init__(
        self,
        name: str,
        runtime: Runtime,
        card: Callable[[], Awaitable[a2a.AgentCard]],
        close: Callable[[], Awaitable[None]],
        unary_s: float,
        *,
        has_drafts: bool,
    ) -> None:
        """`has_drafts`: whether the worker's messages grow, so that it speaks the delta extension."""
        self._name = name
        self._runtime = runtime
        self._card = card
        self._close = close
        self._unary_s = unary_s
        self._following = Following(name, runtime, (DELTAS_URI, RESUME_URI) if has_drafts else (RESUME_URI,))
        self._configurations = Configurations(name, runtime)
        self._methods: Mapping[Operation, _Method] = {
            SEND_MESSAGE: self._send,
            GET_TASK: self._get,
            LIST_TASKS: self._list,
            CANCEL_TASK: self._cancel,
            CREATE_PUSH_CONFIG: self._configurations.create,
            GET_PUSH_CONFIG: self._configurations.get,
            LIST_PUSH_CONFIGS: self._configurations.list,
            DELETE_PUSH_CONFIG: self._configurations.delete,
            GET_EXTENDED_AGENT_CARD: self._extended_card,
        }

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        return Answer(await self._methods[operation](request, context), self._following.head(context))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        if operation is SEND_STREAMING_MESSAGE:
            sent = cast(a2a.SendMessageRequest, request)
            length = history_length(sent.configuration)
            since = await self._sent(sent, context)
            return await self._following.stream(since.task.id, context, since=since, history_length=length)
        return await self._following.subscribe(cast(a2a.SubscribeToTaskRequest, request).id, context)

    async def card(self, context: CallContext) -> a2a.AgentCard:
        return await self._card()

    async def close(self) -> None:
        await self._close()

    # Sending.

    async def _send(self, request: a2a.SendMessageRequest, context: CallContext) -> Message:
        configuration = request.configuration
        length = history_length(configuration)
        since = await self._sent(request, context)
        task = since.task
        if not (configuration is not None and configuration.return_immediately):
            await self._until_it_waits(since, context)
            task = (await self._find(task.id, context)).task
        return a2a.SendMessageResponse(payload=Oneof("task", shortened(task, length)))

    async def _sent(self, request: a2a.SendMessageRequest, context: CallContext) -> Standing:
        """Gives the message to its task, or to a new one; the task as it then stood."""
        message, configuration = request.message, request.configuration
        assert message is not None
        hook = configuration.task_push_notification_config if configuration is not None else None
        if hook is not None:
            await self._runtime.webhooks.check(hook, _HOOK_PATH)

        def work(task: a2a.Task) -> Work:
            return Work(
                task=task,
                message=task.history[-1],
                metadata=object_of(request.metadata),
                output_modes=tuple(configuration.accepted_output_modes) if configuration is not None else (),
                context=context,
            )

        if not message.task_id:
            hooks = () if hook is None else (Hook(identified(hook, ""), context.version),)
            return await self._runtime.begin(self._name, context.principal, message, work, hooks)
        record = await self._find(message.task_id, context)
        lifecycle.check_message(record.task, message)
        if hook is not None:
            await self._configurations.create(identified(hook, message.task_id), context)
        return await self._runtime.tell(record, message, work)

    async def _until_it_waits(self, since: Standing, context: CallContext) -> None:
        """Returns once the task is over or waits for its caller. Raises GatewayFault after too long."""
        stream = await self._following.stream(since.task.id, replace(context, extensions=()), since=since)
        try:
            async with asyncio.timeout(self._unary_s):
                while (burst := await stream.burst()) is not None:
                    if any(_stands_still(event.response) for event in burst):
                        return
        except TimeoutError:
            raise GatewayFault(
                ErrorKind.DEADLINE_EXCEEDED, "The task goes on; ask for it by GetTask, or subscribe to it"
            ) from None
        finally:
            await stream.close()

    # Tasks.

    async def _get(self, request: a2a.GetTaskRequest, context: CallContext) -> Message:
        length = history_length(request)
        record = await self._find(request.id, context)
        return shortened(record.task, length)

    async def _list(self, request: a2a.ListTasksRequest, context: CallContext) -> Message:
        length = history_length(request)
        size = request.page_size if request.has_field("page_size") else _PAGE_SIZE
        if not 1 <= size <= _MOST_PER_PAGE:
            raise CallerError(ErrorKind.INVALID_PARAMS, f"pageSize: expected 1 to {_MOST_PER_PAGE}")
        after = request.status_timestamp_after
        query = Query(
            agent=self._name,
            principal=context.principal,
            context_id=request.context_id,
            state=request.status,
            updated_after=after.to_datetime() if after is not None else None,
            page_size=size,
            page_token=request.page_token,
        )
        try:
            with store_errors():
                page = await self._runtime.store.list(query)
        except ValueError:
            raise CallerError(ErrorKind.INVALID_PARAMS, "pageToken: not a token of this list") from None
        tasks = [shortened(task, length) for task in page.tasks]
        if not request.include_artifacts:
            for task in tasks:
                task.artifacts = []
        return a2a.ListTasksResponse(
            tasks=tasks, next_page_token=page.next_page_token, page_size=size, total_size=page.total
        )

    async def _cancel(self, request: a2a.CancelTaskRequest, context: CallContext) -> Message:
        await self._runtime.cancel(await self._find(request.id, context))
        return (await self._find(request.id, context)).task

    async def _extended_card(self, request: a2a.GetExtendedAgentCardRequest, context: CallContext) -> Message:
        raise CallerError(ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED)

    async def _find(self, task_id: str, context: CallContext) -> Record:
        return await self._runtime.find(self._name, context.principal, task_id)


def _stands_still(response: StreamResponse) -> bool:
    """Whether an event says that the task is over or waits for its caller."""
    match response.payload:
        case Oneof(value=a2a.Task(status=status)) | Oneof(value=a2a.TaskStatusUpdateEvent(status=status)):
            return status is not None and lifecycle.PHASES[status.state] is not lifecycle.Phase.RUNNING
        case _:
            return False
