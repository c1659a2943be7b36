"""Hostile text in Chromium: from an agent, from its card, in names and frames. It stays text, and the page stays whole."""

from pathlib import Path
from typing import Any

import pytest
from protobuf import Oneof

from gateway.worker import Chunk, Data, Metadata, Status, text_part
from generated.a2a.v1.a2a_pb import Part, TaskState
from tests.northbound.console.browsing import PHONE, WIDE, console
from tests.northbound.console.places import serving
from tests.northbound.console.stage import STAGE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

RIGHT_TO_LEFT = "\u202e"
MARKUP = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'><style>*{display:none}</style>&lt;b&gt;"
LONG = "x" * 100_000
TEXTS = (MARKUP, f"{RIGHT_TO_LEFT}gnp.exe\u2066\u0000\u0007", "\ud7ff\U0001f469\u200d\U0001f469 \u0301" * 20, LONG)
URLS = (
    "javascript:window.hit=1",
    " javascript:window.hit=1",
    "JaVaScRiPt:window.hit=1",
    "data:text/html,<script>opener.hit=1</script>",
    "blob:http://127.0.0.1/1",
    "file:///etc/passwd",
    "vbscript:x",
    "//evil.example/\u202e",
)
CARD = {
    "name": f"{MARKUP}{RIGHT_TO_LEFT}",
    "description": MARKUP + LONG,
    "version": MARKUP,
    "iconUrl": "javascript:window.hit=1",
    "documentationUrl": "javascript:window.hit=1",
    "provider": {"organization": MARKUP, "url": "javascript:window.hit=1"},
    "capabilities": {"streaming": True},
    "defaultInputModes": [MARKUP],
    "defaultOutputModes": [LONG],
    "supportedInterfaces": [],
    "skills": [{"id": "__proto__", "name": MARKUP, "description": LONG, "tags": [MARKUP], "examples": [MARKUP]}],
}


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
async def test_hostile_text_stays_text(browser: Any, tmp_path: Path, viewport: dict[str, int]) -> None:
    hostile = {"name": "hostile", "url": "python:tests.northbound.console.stage:STAGE", "card": CARD}
    async with serving(tmp_path, hostile) as gateway:
        async with console(browser, gateway.http, "/console#agent=hostile", viewport=viewport) as it:
            for text in TEXTS:
                STAGE.tell(text_part(text))
            STAGE.tell(
                Metadata({"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}),
                Data({"__proto__": {"polluted": 1}, MARKUP: LONG, "deep": _deep(10)}),
                *(Part(content=Oneof("url", url), filename=MARKUP, media_type="text/html") for url in URLS),
                Part(content=Oneof("raw", MARKUP.encode()), filename=f"{RIGHT_TO_LEFT}gnp.exe", media_type="image/svg+xml"),
                Chunk([text_part(MARKUP)], artifact_id="__proto__", name=MARKUP + RIGHT_TO_LEFT, description=LONG),
                Chunk([text_part(LONG)], artifact_id="constructor"),
                Status(TaskState.FAILED, MARKUP),
            )
            await it.send(MARKUP)
            await it.state("failed")
            assert await it.page.evaluate("[window.hit, ({}).polluted]") == [None, None]
            assert MARKUP in await it.texts("#log .text")
            own = {"console/console.js"}
            assert set(await it.page.locator("script").evaluate_all("(all) => all.map((one) => one.getAttribute('src'))")) == own
            assert await it.page.locator("#log img, #log style, #log iframe, #card img").count() == 0
            schemes = await it.page.locator("a").evaluate_all("(all) => [...new Set(all.map((one) => one.protocol))].sort()")
            assert schemes == ["blob:", "http:"]
            saved_as = await it.page.locator("#log a[download]").get_attribute("download")
            assert RIGHT_TO_LEFT not in saved_as
            # Names are spelled out where marks of direction would turn them round.
            assert "\\u{202e}gnp.exe" in await it.text("#log figcaption")
            assert not await it.overflows()
            for pane in ("agents", "wire", "chat") if viewport is PHONE else ():
                await it.page.click(f"#panes [data-pane={pane}]")
                assert not await it.overflows(), pane
            if viewport is PHONE:
                await it.page.click("#panes [data-pane=wire]")
            await it.page.click("#rows li:last-child button.row")
            await it.page.wait_for_selector("#rows .detail pre")
            assert not await it.overflows()
            assert await it.page.evaluate("window.hit") is None
            assert (it.complaints, await it.violations()) == ([], [])


def _deep(levels: int) -> Any:
    return {"a": _deep(levels - 1)} if levels else MARKUP


async def test_the_session_of_another_page_is_not_trusted(browser: Any, tmp_path: Path) -> None:
    """What is kept may be anything: the page begins anew."""
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        for kept in ("{", "null", "[]", '{"agent": 7}', '{"agent": "stage", "taskId": "t", "lines": [{"event": 3}]}'):
            await it.page.evaluate(
                "(kept) => { sessionStorage.setItem('a2a-gateway-console', kept); Storage.prototype.setItem = () => {}; }", kept
            )
            await it.page.goto(f"http://{gateway.http}/console")
            await it.page.reload()
            await it.page.wait_for_selector("#card .title")
            assert it.complaints == [], kept
