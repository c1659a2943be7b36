"""The tables of names: forwarded headers, metrics."""

from collections.abc import Sequence
from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.codec import metadata
from gateway.relay.telemetry import Metrics
from gateway.tasks.push import PushTelemetry
from tools.docs.markdown import code, table


def always_forwarded() -> str:
    return "\n".join(f"* `{name}`" for name in metadata.ALWAYS_FORWARDED)


def metrics() -> str:
    rows: list[Sequence[object]] = []
    sources = (Metrics(CollectorRegistry()), PushTelemetry(CollectorRegistry()))
    for one in (value for source in sources for value in vars(source).values()):
        if isinstance(one, Counter | Gauge | Histogram):
            family = next(iter(one.describe()))
            suffix = "_total" if isinstance(one, Counter) else ""
            # Label names are told nowhere else.
            labels = cast(tuple[str, ...], one._labelnames)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
            rows.append((code(family.name + suffix), family.type, ", ".join(labels), family.documentation))
    return table("Metric | Type | Labels | Meaning", rows)
