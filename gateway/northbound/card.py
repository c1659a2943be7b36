"""The public agent card over HTTP, cacheable (specification sections 8.2 and 8.6)."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from gateway.agent import CallContext
from gateway.codec import protojson
from gateway.errors import CallerError, GatewayError
from gateway.northbound.intake import Intake, blame_agent
from gateway.northbound.site import Sites


class CardEndpoint:
    """Answers GET for the card of one agent; `name` is empty for the default one."""

    def __init__(self, intake: Intake, sites: Sites, name: str) -> None:
        self._intake = intake
        self._sites = sites
        self._name = name

    async def get(self, request: Request) -> Response:
        peer = request.client.host if request.client else ""
        site = self._sites.seen_by(request.headers, peer)
        try:
            agent = self._intake.find("", self._name, site)
            card = await agent.card(CallContext(binding="CARD"))
            with blame_agent():
                body = protojson.encode(card, self._intake.bounds)
        except CallerError as error:
            return Response(error.message, 404, media_type="text/plain")
        except GatewayError as error:
            return Response(error.message, 502, media_type="text/plain", headers={"retry-after": "5"})
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        scope = "public" if site.shared else "private"
        headers = {
            "etag": etag,
            "cache-control": f"{scope}, max-age={int(self._intake.limits.card_s)}",
            "access-control-allow-origin": "*",
        }
        if _matches(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
