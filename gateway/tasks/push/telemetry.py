"""What became of push notifications, told to Prometheus and to the log. No URL, no secret, no content."""

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge


class PushTelemetry:
    """Counts and logs; configurations are named by their ids, by which an operator finds them in the store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.waiting = Gauge(
            "a2a_gateway_push_webhooks_waiting", "Webhooks that something waits for.", registry=registry
        )
        self._tries = Counter(
            "a2a_gateway_push_tries", "Notifications posted, by how that ended.", ("outcome",), registry=registry
        )
        self._dropped = Counter(
            "a2a_gateway_push_dropped", "Notifications that were given up, by why.", ("reason",), registry=registry
        )
        self._replaced = Counter(
            "a2a_gateway_push_replaced",
            "Times that the whole task took the place of waiting updates.",
            registry=registry,
        )
        self._received = Counter(
            "a2a_gateway_push_received",
            "Notifications of relayed agents, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self._log = structlog.get_logger("a2a_gateway.push")

    def tried(self, task_id: str, hook_id: str, outcome: str, reason: str, attempt: int, seconds: float) -> None:
        """One POST is over. `outcome`: `taken`, `not now` or `never`."""
        self._tries.labels(outcome).inc()
        self._log.debug(
            "push",
            task=task_id,
            config=hook_id,
            outcome=outcome,
            reason=reason,
            attempt=attempt,
            seconds=round(seconds, 4),
        )

    def dropped(self, task_id: str, hook_id: str, seq: int, kind: str, reason: str, *, final: bool) -> None:
        """A notification will not be delivered; `final` where the task's end was in it."""
        self._dropped.labels(kind).inc()
        self._log.warning("push given up", task=task_id, config=hook_id, seq=seq, reason=reason, final=final)

    def refused(self, task_id: str, hook_id: str, reason: str) -> None:
        """A notification has not even begun to wait."""
        self._dropped.labels("refused").inc()
        self._log.warning("push refused", task=task_id, config=hook_id, reason=reason)

    def received(self, subscription: str, outcome: str) -> None:
        """An agent posted. `subscription` is empty where it is nobody's."""
        self._received.labels(outcome).inc()
        self._log.debug("push received", subscription=subscription, outcome=outcome)

    def left(self, tasks: int) -> None:
        """The gateway stops before the webhooks of so many tasks were told."""
        self._log.warning("push left to a successor", tasks=tasks)

    def replaced(self, task_id: str, hook_id: str) -> None:
        """More waited than may."""
        self._replaced.inc()
        self._log.info("push catches up with the whole task", task=task_id, config=hook_id)

    def faulted(self, task_id: str, hook_id: str, error: Exception) -> None:
        """A fault of the gateway itself; its text may hold anything, so only its type is told."""
        self._dropped.labels("fault").inc()
        self._log.error("push failed", task=task_id, config=hook_id, error=type(error).__name__)
