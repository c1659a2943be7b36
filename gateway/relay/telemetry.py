"""What calls did, told to Prometheus and to the log. No message content, no header, no address."""

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LABELS = ("agent", "operation", "binding")
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 600)


class Metrics:
    """The gateway's metrics, by agent, operation and the binding of the caller.

    Agent and operation are empty for calls that were refused before they were known.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        # Of several processes: the sum over those that live.
        self.active = Gauge(
            "a2a_gateway_calls_active", "Calls under way.", registry=registry, multiprocess_mode="livesum"
        )
        self._calls = Counter(
            "a2a_gateway_calls", "Calls by how they ended.", (*_LABELS, "outcome"), registry=registry
        )
        self._seconds = Histogram(
            "a2a_gateway_call_seconds", "Seconds from request to end.", _LABELS, buckets=_SECONDS, registry=registry
        )
        self._first_event_seconds = Histogram(
            "a2a_gateway_first_event_seconds",
            "Seconds from request to the first event of a stream.",
            _LABELS,
            buckets=_SECONDS,
            registry=registry,
        )
        self._events = Counter("a2a_gateway_stream_events", "Events relayed.", _LABELS, registry=registry)
        self._log = structlog.get_logger("a2a_gateway.call")

    def ended(
        self,
        call: str,
        labels: tuple[str, str, str],
        outcome: str,
        seconds: float,
        first_event_seconds: float | None,
        events: int,
        error: str,
    ) -> None:
        """Tells of one call, once it is over. `labels`: agent, operation, binding."""
        self._calls.labels(*labels, outcome).inc()
        self._seconds.labels(*labels).observe(seconds)
        fields: dict[str, object] = {
            "call": call,
            **dict(zip(_LABELS, labels, strict=True)),
            "outcome": outcome,
            "seconds": round(seconds, 4),
        }
        if first_event_seconds is not None:
            self._first_event_seconds.labels(*labels).observe(first_event_seconds)
            self._events.labels(*labels).inc(events)
            fields["events"] = events
        if error:
            self._log.warning("call", **fields, error=error)
        else:
            self._log.info("call", **fields)
