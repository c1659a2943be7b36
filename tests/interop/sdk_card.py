"""The a2a-sdk's card resolver behind an HTTP cache: `python -m tests.interop.sdk_card CARD_BASE_URL…`.

Resolves each card twice. Prints one JSON document, by URL: both cards, and what came over the wire.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
from a2a.client import A2ACardResolver
from google.protobuf.json_format import MessageToDict


class RevalidatingCache(httpx.AsyncBaseTransport):
    """Keeps the last answer to each URL and asks whether it still holds, as a browser's cache does (RFC 9111)."""

    def __init__(self) -> None:
        self.exchanges: list[dict[str, Any]] = []
        self._wire = httpx.AsyncHTTPTransport()
        self._kept: dict[str, tuple[httpx.Headers, bytes]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if url in self._kept:
            request.headers["If-None-Match"] = self._kept[url][0]["etag"]
        response = await self._wire.handle_async_request(request)
        body = await response.aread()
        headers = dict(response.headers)
        self.exchanges.append({"status": response.status_code, "headers": headers, "body_bytes": len(body)})
        if response.status_code == 200:
            self._kept[url] = (response.headers, body)
        kept_headers, kept_body = self._kept[url]
        return httpx.Response(200, headers=kept_headers, content=kept_body, request=request)


async def run(card_base_url: str) -> dict[str, Any]:
    cache = RevalidatingCache()
    async with httpx.AsyncClient(transport=cache) as http:
        resolver = A2ACardResolver(http, card_base_url)
        cards = [MessageToDict(await resolver.get_agent_card()) for _ in range(2)]
    return {"cards": cards, "exchanges": cache.exchanges}


async def run_all(card_base_urls: list[str]) -> dict[str, Any]:
    return {url: await run(url) for url in card_base_urls}


if __name__ == "__main__":
    json.dump(asyncio.run(run_all(sys.argv[1:])), sys.stdout)
