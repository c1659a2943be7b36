"""What the gateway is to reach: ratios to peers in the same rounds, and a few absolute figures."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.peers.peer import GRPC_FROM_SSE, JSONRPC_FROM_GRPC, REST_FROM_GRPC, Route
from benchmarks.results import BEND, CPU_US, IDLE_US, KIB, P50_US, P99_US, Results, Spread, paired

OURS, ENVOY, NONE = "a2a-gateway", "envoy", "none"
SDK = "a2a-sdk-handler"
"""The leaner of the two that are put together from it."""

PEER_ROUTES = {
    ENVOY: {JSONRPC_FROM_GRPC: REST_FROM_GRPC},
    NONE: {REST_FROM_GRPC: JSONRPC_FROM_GRPC},
}
"""Where a peer has not the route that it is compared on: the one that it is compared by."""


Values = Callable[[Results, str], dict[int, float]]
"""What is judged, in each round, for a row of the gateway."""


@dataclass(frozen=True, slots=True)
class Target:
    """One aim. It is met where the median over the rounds is at most `at_most`."""

    what: str
    unit: str
    at_most: float
    values: Values


@dataclass(frozen=True, slots=True)
class Judgement:
    """A target and what came of it; no spread where it was not measured."""

    target: Target
    found: Spread | None

    @property
    def verdict(self) -> str:
        if self.found is None:
            return "not measured"
        return "met" if self.found.median <= self.target.at_most else "missed"


def ratio(scenario: str, route: Route, peer: str, figure: str = CPU_US) -> Values:
    """Ours by theirs."""

    def values(results: Results, ours: str) -> dict[int, float]:
        pairs = _beside(results, scenario, ours, route, peer, figure)
        return {number: one / other for number, (one, other) in pairs.items() if other}

    return values


def added_beyond(scenario: str, route: Route, peer: str, figure: str) -> Values:
    """Milliseconds that we take longer than a peer."""

    def values(results: Results, ours: str) -> dict[int, float]:
        pairs = _beside(results, scenario, ours, route, peer, figure)
        return {number: (one - other) / 1000 for number, (one, other) in pairs.items()}

    return values


def added_ratio(scenario: str, route: Route, peer: str, figure: str) -> Values:
    """What we add to the latency of no gateway, by what a peer adds to it."""

    def values(results: Results, ours: str) -> dict[int, float]:
        one = _beside(results, scenario, ours, route, NONE, figure)
        other = _beside(results, scenario, peer, PEER_ROUTES[peer][route], NONE, figure)
        mine = {number: with_it - without for number, (with_it, without) in one.items()}
        theirs = {number: with_it - without for number, (with_it, without) in other.items()}
        return {number: mine[number] / theirs[number] for number in mine.keys() & theirs.keys() if theirs[number] > 0}

    return values


def own(scenario: str, route: Route, figure: str, divisor: float = 1.0) -> Values:
    """A figure of ours as it is."""

    def values(results: Results, ours: str) -> dict[int, float]:
        return {number: value / divisor for number, value in results.by_round(scenario, ours, route, figure).items()}

    return values


def growth(many: str, few: str, route: Route) -> Values:
    """CPU per event of one scenario by that of another."""

    def values(results: Results, ours: str) -> dict[int, float]:
        pairs = paired(results.by_round(many, ours, route, CPU_US), results.by_round(few, ours, route, CPU_US))
        return {number: one / other for number, (one, other) in enumerate(pairs)}

    return values


def _beside(
    results: Results, scenario: str, ours: str, route: Route, peer: str, figure: str
) -> dict[int, tuple[float, float]]:
    one = results.by_round(scenario, ours, route, figure)
    other = results.by_round(scenario, peer, PEER_ROUTES.get(peer, {}).get(route, route), figure)
    return {number: (one[number], other[number]) for number in sorted(one.keys() & other.keys())}


_SSE, _GRPC = JSONRPC_FROM_GRPC, GRPC_FROM_SSE

TARGETS = (
    Target("SSE ← gRPC, flat out, 1 stream", "× Envoy", 0.6, ratio("flat-1", _SSE, ENVOY)),
    Target("SSE ← gRPC, flat out, 20 streams", "× Envoy", 0.6, ratio("flat-20", _SSE, ENVOY)),
    Target("SSE ← gRPC, flat out, 1 stream", "× a2a-sdk", 0.10, ratio("flat-1", _SSE, SDK)),
    Target("SSE ← gRPC, flat out, 20 streams", "× a2a-sdk", 0.10, ratio("flat-20", _SSE, SDK)),
    Target("SSE ← gRPC, 200 × 50/s", "× Envoy", 0.9, ratio("paced-200", _SSE, ENVOY)),
    Target("SSE ← gRPC, 200 × 50/s", "× a2a-sdk", 0.30, ratio("paced-200", _SSE, SDK)),
    Target("gRPC ← SSE, flat out, 1 stream", "× a2a-sdk", 0.08, ratio("flat-1", _GRPC, SDK)),
    Target("gRPC ← SSE, flat out, 20 streams", "× a2a-sdk", 0.08, ratio("flat-20", _GRPC, SDK)),
    Target("gRPC ← SSE, 200 × 50/s", "× a2a-sdk", 0.25, ratio("paced-200", _GRPC, SDK)),
    Target("latency p50 at 20 × 50/s, beyond Envoy's", "ms", 0.05, added_beyond("paced-20", _SSE, ENVOY, P50_US)),
    Target("added latency p99 at 20 × 50/s", "× Envoy", 1.5, added_ratio("paced-20", _SSE, ENVOY, P99_US)),
    Target("unary calls, JSON-RPC to gRPC", "× a2a-sdk", 0.33, ratio("unary", _SSE, SDK)),
    Target("unary calls, gRPC to JSON-RPC", "× a2a-sdk", 0.33, ratio("unary", _GRPC, SDK)),
    Target("idle stream, SSE ← gRPC", "KiB", 16, own("idle", _SSE, KIB)),
    Target("idle stream, gRPC ← SSE", "KiB", 16, own("idle", _GRPC, KIB)),
    Target("idle streams, SSE ← gRPC, the last thousand by the first", "×", 1.25, own("idle", _SSE, BEND)),
    Target("idle streams, gRPC ← SSE, the last thousand by the first", "×", 1.25, own("idle", _GRPC, BEND)),
    Target("idle stream, SSE ← gRPC, CPU", "µs/s", 10, own("idle", _SSE, IDLE_US)),
    Target("idle stream, gRPC ← SSE, CPU", "µs/s", 10, own("idle", _GRPC, IDLE_US)),
    Target("opening a stream, SSE ← gRPC", "ms CPU", 0.5, own("opening", _SSE, CPU_US, 1000)),
    Target("opening a stream, gRPC ← SSE", "ms CPU", 0.5, own("opening", _GRPC, CPU_US, 1000)),
    Target("1,000 × 1/s by 20 × 50/s, SSE ← gRPC", "×", 1.4, growth("paced-1000", "paced-20", _SSE)),
    Target("1,000 × 1/s by 20 × 50/s, gRPC ← SSE", "×", 1.4, growth("paced-1000", "paced-20", _GRPC)),
)
"""10 µs of CPU in a second, for each of 2,000 streams, are 2 % of a core: what keep-alives take is not nothing."""


def judged(results: Results, ours: str = OURS) -> list[Judgement]:
    """Every target, for one row of the gateway."""
    return [Judgement(target, Spread.of(list(target.values(results, ours).values()))) for target in TARGETS]
