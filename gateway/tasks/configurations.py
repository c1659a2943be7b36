"""The four operations on push notification configurations of owned tasks (specification sections 3.1.7 to 3.1.10)."""

import re
import uuid
from copy import copy

from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.agent import CallContext
from gateway.errors import CallerError, ErrorKind
from gateway.tasks.runtime import Runtime, store_errors
from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import (
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    TaskPushNotificationConfig,
)

_TOKEN = re.compile(r"\d{1,9}")


class Configurations:
    """Of one agent's tasks. Every method raises GatewayError."""

    def __init__(self, agent: str, runtime: Runtime) -> None:
        self._agent = agent
        self._runtime = runtime
        self._webhooks = runtime.webhooks

    async def create(self, request: TaskPushNotificationConfig, context: CallContext) -> TaskPushNotificationConfig:
        """Adds one, or replaces the one of the same id."""
        await self._webhooks.check(request)
        await self._visible(request.task_id, context)
        config = identified(request, request.task_id)
        with store_errors():
            await self._webhooks.put(self._runtime.live(config.task_id), config.task_id, Hook(config, context.version))
        return config

    async def get(
        self, request: GetTaskPushNotificationConfigRequest, context: CallContext
    ) -> TaskPushNotificationConfig:
        for config in await self._all(request.task_id, context):
            if config.id == request.id:
                return config
        raise CallerError(ErrorKind.TASK_NOT_FOUND, "The task has no push notification configuration of this id")

    async def list(
        self, request: ListTaskPushNotificationConfigsRequest, context: CallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        configs = await self._all(request.task_id, context)
        token = request.page_token or "0"
        if not _TOKEN.fullmatch(token) or request.page_size < 0:
            raise CallerError(ErrorKind.INVALID_PARAMS, "pageToken: not a token of this list")
        start = int(token)
        end = start + (request.page_size or len(configs))
        return ListTaskPushNotificationConfigsResponse(
            configs=configs[start:end], next_page_token=str(end) if end < len(configs) else ""
        )

    async def delete(self, request: DeleteTaskPushNotificationConfigRequest, context: CallContext) -> Empty:
        """Removes one; that there is none is no error."""
        await self._visible(request.task_id, context)
        with store_errors():
            await self._webhooks.delete(self._runtime.live(request.task_id), request.task_id, request.id)
        return Empty()

    async def _all(self, task_id: str, context: CallContext) -> "list[TaskPushNotificationConfig]":
        await self._visible(task_id, context)
        with store_errors():
            return [hook.config for hook in await self._webhooks.of(task_id)]

    async def _visible(self, task_id: str, context: CallContext) -> None:
        await self._runtime.find(self._agent, context.principal, task_id)


def identified(config: TaskPushNotificationConfig, task_id: str) -> TaskPushNotificationConfig:
    """A configuration of a task, with an id if it had none."""
    complete = copy(config)
    complete.id = config.id or str(uuid.uuid4())
    complete.task_id = task_id
    return complete
