"""What a call did, told to logs and to Prometheus. No message content, no header, no address."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from protobuf import Message

from gateway.agent import Agent, Burst, CallContext
from gateway.errors import GatewayError
from gateway.operations import Operation
from generated.a2a.v1.a2a_pb import AgentCard

_LABELS = ("agent", "operation", "binding")
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 600)


class Metrics:
    """The gateway's metrics, by agent, operation and the binding of the caller."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.calls = Counter(
            "a2a_gateway_calls", "Calls by how they ended.", (*_LABELS, "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "a2a_gateway_call_seconds", "Seconds from request to end.", _LABELS, buckets=_SECONDS, registry=registry
        )
        self.first_event_seconds = Histogram(
            "a2a_gateway_first_event_seconds",
            "Seconds from request to the first event of a stream.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        self.events = Counter("a2a_gateway_stream_events", "Events relayed.", _LABELS, registry=registry)
        self.active = Gauge("a2a_gateway_calls_active", "Calls under way.", _LABELS, registry=registry)


class Observed:
    """An Agent whose calls are counted, timed and logged."""

    def __init__(self, agent: Agent, name: str, metrics: Metrics) -> None:
        self._agent = agent
        self._name = name
        self._metrics = metrics
        self._log = structlog.get_logger("a2a_gateway.call")

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Message:
        record = _Record(self._name, operation, context, self._metrics)
        try:
            answer = await self._agent.call(operation, request, context)
            record.outcome = "OK"
            return answer
        except GatewayError as error:
            record.failed(error)
            raise
        finally:
            self._finish(record)

    async def stream(
        self, operation: Operation, request: Message, context: CallContext
    ) -> AsyncGenerator[Burst, None]:
        record = _Record(self._name, operation, context, self._metrics)
        try:
            async with aclosing(self._agent.stream(operation, request, context)) as bursts:
                async for burst in bursts:
                    record.took(len(burst))
                    yield burst
            record.outcome = "OK"
        except GatewayError as error:
            record.failed(error)
            raise
        finally:
            self._finish(record)

    async def card(self, context: CallContext) -> AgentCard:
        return await self._agent.card(context)

    async def close(self) -> None:
        await self._agent.close()

    def _finish(self, record: "_Record") -> None:
        fields = record.finish()
        if record.error is None:
            self._log.info("call", **fields)
        else:
            self._log.warning("call", **fields, error=record.error)


class _Record:
    """One call while it runs. Its outcome is the caller's leaving until something else is known."""

    def __init__(self, agent: str, operation: Operation, context: CallContext, metrics: Metrics) -> None:
        self.outcome = "CALLER_GONE"
        self.error: str | None = None
        self._labels = (agent, operation.name, context.binding)
        self._metrics = metrics
        self._began = time.monotonic()
        self._events = 0
        metrics.active.labels(*self._labels).inc()

    def took(self, events: int) -> None:
        if self._events == 0:
            self._metrics.first_event_seconds.labels(*self._labels).observe(time.monotonic() - self._began)
        self._events += events

    def failed(self, error: GatewayError) -> None:
        self.outcome = error.kind.reason
        self.error = error.message

    def finish(self) -> dict[str, object]:
        seconds = time.monotonic() - self._began
        self._metrics.active.labels(*self._labels).dec()
        self._metrics.calls.labels(*self._labels, self.outcome).inc()
        self._metrics.seconds.labels(*self._labels).observe(seconds)
        agent, operation, binding = self._labels
        fields: dict[str, object] = {
            "agent": agent,
            "operation": operation,
            "binding": binding,
            "outcome": self.outcome,
            "seconds": round(seconds, 4),
        }
        if self._events:
            self._metrics.events.labels(*self._labels).inc(self._events)
            fields["events"] = self._events
        return fields
