"""`/console` and what is below it: the page's files as they stand in this folder, and the feed of the wire."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.northbound.console.feed import WireFeed
from gateway.northbound.console.guard import HEADERS, refusal
from gateway.settings import Settings

PATH = "/console"
_PAGE = "index.html"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_OFF = "The console is off; the setting `console: on` serves it\n"


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    etag: str


class ConsoleSite:
    """The ASGI application for every path of the console."""

    def __init__(self, settings: Settings, feed: WireFeed) -> None:
        self._settings = settings
        self._feed = feed
        self._files = _files() if settings.serves_console else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> ASGIApp:
        path: str = scope["path"].removeprefix(PATH)
        if not self._settings.serves_console:
            return _text(404, _OFF)
        if scope["method"] not in ("GET", "HEAD"):
            return _text(405, "Method Not Allowed\n", {"allow": "GET, HEAD"})
        if path == "/":
            return RedirectResponse("../console", headers=dict(HEADERS))
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if (reason := refusal(headers, self._settings, page=not path)) is not None:
            return _text(403, f"{reason}\n")
        if path == "/wire":
            return self._feed if scope["method"] == "GET" else _text(405, "Method Not Allowed\n", {"allow": "GET"})
        file = self._files.get(path.removeprefix("/") or _PAGE)
        if file is None:
            return _text(404, "There is nothing at this address\n")
        kept = {**HEADERS, "etag": file.etag, "cache-control": "no-cache"}
        if file.etag in headers.get("if-none-match", ""):
            return Response(status_code=304, headers=kept)
        return Response(file.body, media_type=f"{file.media_type}; charset=utf-8", headers=kept)


def _files() -> dict[str, _File]:
    """The page's files by name, as they are when the gateway starts."""
    found: dict[str, _File] = {}
    for path in Path(__file__).parent.iterdir():
        if (media_type := _MEDIA_TYPES.get(path.suffix)) is not None:
            body = path.read_bytes()
            found[path.name] = _File(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return found


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return Response(text, status, media_type="text/plain", headers={**HEADERS, **(headers or {})})
