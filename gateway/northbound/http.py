"""The HTTP side as one Starlette application: every agent's address, cards, health, metrics."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.codec.form import json_1_0
from gateway.codec.rest import ROUTES_1_0
from gateway.codec.v0_3 import forms as v0_3
from gateway.northbound.card import WELL_KNOWN, CardEndpoint
from gateway.northbound.catalogue import CATALOGUE, CatalogueEndpoint
from gateway.northbound.exchange import Place
from gateway.northbound.intake import Intake
from gateway.northbound.jsonrpc import JsonRpcEndpoint
from gateway.northbound.jwks import JwksEndpoint
from gateway.northbound.push import PushEndpoint, nothing_here
from gateway.northbound.rest import RestEndpoint
from gateway.northbound.site import JWKS, Sites
from gateway.relay.telemetry import Metrics

_METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client keeps the metrics of processes that count together."""

_GET = ("GET", "HEAD")

Fixed = dict[str, tuple[tuple[str, ...], ASGIApp]]
"""What is at a fixed path, and the methods that it takes."""


_OF_OPERATORS = ("/livez", "/readyz", "/metrics")


def http_app(
    intake: Intake, sites: Sites, metrics: Metrics, console: ASGIApp, push: PushEndpoint | None = None
) -> Starlette:
    """The application. The default agent answers at `/`, every agent also under its name.

    `push`: where agents post to, if any of them does.
    """
    of_agents: Fixed = {
        "/": (("POST",), JsonRpcEndpoint(intake, sites)),
        f"/{WELL_KNOWN}": (_GET, CardEndpoint(intake, sites)),
    }
    own: Fixed = {**of_agents, f"/{CATALOGUE}": (_GET, CatalogueEndpoint(intake, sites))}
    if intake.signer is not None:
        own[f"/{JWKS}"] = (_GET, JwksEndpoint(intake.signer.key, intake.limits))
    front = _Front(
        of_agents,
        own,
        RestEndpoint(intake, sites, ROUTES_1_0, json_1_0),
        RestEndpoint(intake, sites, v0_3.ROUTES, v0_3.http_json),
    )
    app = Starlette(
        routes=[
            Route("/livez", _alive),
            Route("/readyz", _Readiness(intake).get),
            Route("/metrics", _Exposition(metrics).get),
            Route("/console", console),
            Route("/console/{path:path}", console),
            *([] if push is None else [Route("/push/{token}", push)]),
            Route("/{path:path}", front),
        ]
    )
    app.router.redirect_slashes = False
    return app


class _Front:
    """Finds, by its path, what a request of A2A is for: `[/AGENT[/TENANT]]` and what is below.

    An HTTP+JSON tenant is a path segment too, and here it names the agent, as everywhere; nothing is at it itself.
    """

    def __init__(self, of_agents: Fixed, own: Fixed, *rests: RestEndpoint) -> None:
        self._of_agents = of_agents
        self._own = own
        self._rests = rests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _OF_OPERATORS:
            await _not_allowed("GET, HEAD")(scope, receive, send)
            return
        for place in _places(scope["raw_path"].decode("ascii").partition("?")[0]):
            if (endpoint := self._at(scope["method"], place)) is not None:
                scope["state"] = {**scope.get("state", {}), "place": place}
                await endpoint(scope, receive, send)
                return
        await nothing_here()(scope, receive, send)

    def _at(self, method: str, place: Place) -> ASGIApp | None:
        fixed = (self._of_agents if place.agent else self._own).get(place.below)
        if fixed is None:
            return next((rest for rest in self._rests if rest.serves(place.below)), None)
        methods, endpoint = fixed
        return endpoint if method in methods else _not_allowed(", ".join(methods))


def _not_allowed(allow: str) -> Response:
    return Response("Method Not Allowed\n", 405, media_type="text/plain", headers={"allow": allow})


def _places(path: str) -> Iterator[Place]:
    """How a raw path can be understood: as the gateway's own, then as an agent's."""
    yield Place("", path)
    name, _, below = path.removeprefix("/").partition("/")
    if not name:
        return
    yield Place(unquote(name), f"/{below}")
    tenant, _, deeper = below.partition("/")
    if deeper and tenant == name:
        yield Place(unquote(name), f"/{deeper}")


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
    """The metrics in Prometheus' text format; of all processes where there are several."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def get(self, request: Request) -> Response:
        registry = self._metrics.registry
        if _METRICS_DIRECTORY in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # pyright: ignore[reportUnknownMemberType] # untyped
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
