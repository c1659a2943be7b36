"""The webhooks of callers, kept here, and the gateway's own, which agents know instead."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass

from gateway.settings import PushSettings
from gateway.tasks.push.admission import Admission
from gateway.tasks.push.delivery import Delivery
from gateway.tasks.push.relayed.place import Place
from gateway.tasks.store import Hook, StoreUnavailable
from gateway.tasks.subscriptions import Subscription, Subscriptions
from generated.a2a.v1.a2a_pb import TaskPushNotificationConfig

Known = Callable[[], Awaitable[Iterable[TaskPushNotificationConfig] | None]]
"""What the agent still knows of a task; None where it does not say."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A subscription that an agent is about to be told of."""

    subscription: Subscription
    given: TaskPushNotificationConfig
    """What the agent is given in place of the caller's configuration."""
    is_new: bool


class Substitution:
    """Makes subscriptions and finds them again. Methods may raise StoreUnavailable."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        admission: Admission,
        delivery: Delivery,
        place: Place,
        settings: PushSettings,
    ) -> None:
        self._subscriptions = subscriptions
        self._admission = admission
        self._delivery = delivery
        self._place = place
        self._settings = settings

    async def begin(self, agent: str, task_id: str, hook: Hook, known: Known, path: str = "") -> Begun:
        """A subscription of a task, which may not be known yet; the one that there is, if it is there already.

        `path`: as in `Admission.admit`.
        Raises CallerError for one that is not taken.
        """
        others = await self._subscriptions.of_task(agent, task_id)
        for one in others:
            if _is_same(hook, one.hook):
                await self._admission.admit(hook.config, path=path)
                return Begun(one, self._place.replacing(hook.config, one.id), is_new=False)
        count = _beside(hook, others)
        if count >= self._settings.per_task and (still := await known()) is not None:
            # Some agents replace configurations without a word. What this caller is not shown may be another's, so
            # it is only left out here.
            left = {self.subscription_of(config) for config in still}
            count = _beside(hook, [one for one in others if one.id in left])
        await self._admission.admit(hook.config, count, path)
        subscription = Subscription(str(uuid.uuid4()), agent, task_id, hook)
        await self._subscriptions.add(subscription, self._settings.relayed_kept_s)
        return Begun(subscription, self._place.replacing(hook.config, subscription.id), is_new=True)

    async def bind(self, begun: Begun, task_id: str, config_id: str = "") -> None:
        """Takes what the agent has said: the task, empty where there is none, and its id for the configuration.

        Without the store nothing happens, since the agent has acted; its first notification names
        the task too.
        """
        subscription = begun.subscription
        with suppress(StoreUnavailable):
            if not task_id:
                if begun.is_new and not subscription.task_id:
                    await self.end(subscription.id)
                return
            await self._subscriptions.bind(subscription.id, task_id, config_id)

    async def end(self, id: str) -> None:
        """Nothing more goes to the webhook."""
        await self._subscriptions.remove(id)
        self._delivery.forget(id)

    def subscription_of(self, config: TaskPushNotificationConfig) -> str | None:
        """The subscription that an agent's configuration stands for; None for one that is not the gateway's."""
        return self._place.leads_to(config.url)

    async def as_given(self, config: TaskPushNotificationConfig) -> TaskPushNotificationConfig | None:
        """An agent's configuration as its caller gave it; None where that is forgotten."""
        named = self.subscription_of(config)
        if named is None:
            return config
        subscription = await self._subscriptions.get(named)
        return None if subscription is None else shown(subscription.hook.config, config)


def shown(given: TaskPushNotificationConfig, agents: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
    """What a caller gave, under the ids that the agent has for it."""
    config = copy(given)
    config.id = agents.id or given.id
    config.task_id = agents.task_id or given.task_id
    config.tenant = agents.tenant
    return config


def _beside(hook: Hook, others: Sequence[Subscription]) -> int:
    """How many webhooks a task has beside this one; one of the same id will be replaced, or has been."""
    ids = {one.hook.config.id for one in others} - {"", hook.config.id}
    return len(ids) + sum(not one.hook.config.id for one in others)


def _is_same(hook: Hook, known: Hook) -> bool:
    """Whether a configuration says again what is known."""
    config, other = hook.config, known.config
    return (
        hook.version == known.version
        and config.id in ("", other.id)
        and (config.url, config.token) == (other.url, other.token)
        and config.authentication == other.authentication
    )
