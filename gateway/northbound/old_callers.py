"""What a caller of A2A 0.3 cannot ask for in one message: pages, and a webhook of a task that it does not name."""

from typing import cast

from protobuf import Message

from gateway.agent import Agent, Answer, CallContext, Stream
from gateway.errors import AgentError, ErrorKind
from gateway.operations import GET_PUSH_CONFIG, LIST_PUSH_CONFIGS, Operation
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
)

_MOST_PAGES = 100


class ForOldCallers:
    """An Agent for a caller of 0.3, which knows no pages and may name no webhook."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        if operation is LIST_PUSH_CONFIGS:
            asked = cast(ListTaskPushNotificationConfigsRequest, request)
            if not asked.page_size and not asked.page_token:
                return await self._every_page(asked, context)
        if operation is GET_PUSH_CONFIG:
            named = cast(GetTaskPushNotificationConfigRequest, request)
            if not named.id:
                return await self._first_config(named, context)
        return await self._agent.call(operation, request, context)

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        return await self._agent.open(operation, request, context)

    async def card(self, context: CallContext) -> AgentCard:
        return await self._agent.card(context)

    async def close(self) -> None:
        await self._agent.close()

    async def _every_page(self, request: ListTaskPushNotificationConfigsRequest, context: CallContext) -> Answer:
        every = ListTaskPushNotificationConfigsResponse()
        page_token = ""
        for _ in range(_MOST_PAGES):
            asked = ListTaskPushNotificationConfigsRequest(
                tenant=request.tenant, task_id=request.task_id, page_token=page_token
            )
            answer = await self._agent.call(LIST_PUSH_CONFIGS, asked, context)
            page = cast(ListTaskPushNotificationConfigsResponse, answer.message)
            every.configs.extend(page.configs)
            page_token = page.next_page_token
            if not page_token:
                return Answer(every, answer.head)
        raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent's list has over {_MOST_PAGES} pages")

    async def _first_config(self, request: GetTaskPushNotificationConfigRequest, context: CallContext) -> Answer:
        asked = ListTaskPushNotificationConfigsRequest(tenant=request.tenant, task_id=request.task_id)
        answer = await self._agent.call(LIST_PUSH_CONFIGS, asked, context)
        configs = cast(ListTaskPushNotificationConfigsResponse, answer.message).configs
        if not configs:
            raise AgentError(ErrorKind.TASK_NOT_FOUND, "The task has no push notification configuration")
        return Answer(configs[0], answer.head)
