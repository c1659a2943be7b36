"""The HTTP side as one Starlette application: every agent's address, cards, health, metrics."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.northbound.card import CardEndpoint
from gateway.northbound.intake import Intake
from gateway.northbound.jsonrpc import JsonRpcEndpoint
from gateway.northbound.site import Sites
from gateway.relay.telemetry import Metrics

WELL_KNOWN = ".well-known/agent-card.json"


def http_app(intake: Intake, sites: Sites, metrics: Metrics) -> Starlette:
    """The application. The default agent answers at `/`, every agent also under its name."""
    card, jsonrpc = CardEndpoint(intake, sites), JsonRpcEndpoint(intake, sites)
    routes: list[BaseRoute] = [
        Route("/livez", _alive),
        Route("/readyz", _Readiness(intake).get),
        Route("/metrics", _Exposition(metrics).get),
        Route(f"/{WELL_KNOWN}", card, methods=["GET", "HEAD"]),
        Route(f"/{{name}}/{WELL_KNOWN}", card, methods=["GET", "HEAD"]),
        Route("/", jsonrpc, methods=["POST"]),
        Route("/{name}", jsonrpc, methods=["POST"]),
        Route("/{name}/", jsonrpc, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return app


async def _alive(request: Request) -> Response:
    return Response("alive\n", media_type="text/plain")


class _Readiness:
    """200 while calls are taken, 503 while the gateway drains; `?verbose` says more."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def get(self, request: Request) -> Response:
        ready = not self._intake.calls.draining
        code = 200 if ready else 503
        if "verbose" not in request.query_params:
            return Response("ready\n" if ready else "draining\n", code, media_type="text/plain")
        state: dict[str, Any] = {
            "ready": ready,
            "calls": len(self._intake.calls),
            "agents": list(self._intake.directory),
            "limits": self._intake.limits.model_dump(mode="json"),
        }
        return JSONResponse(state, code)


class _Exposition:
    """The metrics in Prometheus' text format."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def get(self, request: Request) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)
