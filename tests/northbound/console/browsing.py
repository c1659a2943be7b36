"""The console as a person uses it: a page of Chromium, what it shows, and what it complains of."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

WITHIN_S = 15.0
"""For what a page takes a moment to show; nothing here waits for it to pass."""

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}

_WATCH_POLICY = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@dataclass(slots=True)
class Console:
    """A page, and what went wrong in it."""

    page: Any
    complaints: list[str] = field(default_factory=list[str])
    """What the page's script threw, and what the browser wrote as an error."""

    async def send(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)

    async def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in await self.page.locator(selector).all_inner_texts()]

    async def shows(self, selector: str, wanted: str) -> None:
        """Waits until an element's text is this."""
        await until(lambda: self._is(selector, wanted), lambda: self.texts(selector), wanted)

    async def becomes(self, expression: str, wanted: object) -> None:
        """Waits until an expression of the page's script has this value."""
        seen: list[object] = []

        async def holds() -> bool:
            seen[:] = [await self.page.evaluate(expression)]
            return seen == [wanted]

        async def last() -> object:
            return seen

        await until(holds, last, wanted)

    async def state(self, wanted: str) -> None:
        """Waits until the task is in a state."""
        await self.shows("#task-state", wanted)

    async def violations(self) -> list[str]:
        return await self.page.evaluate("window.violations")

    async def overflows(self) -> bool:
        """Whether the page can be scrolled sideways."""
        return await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    async def _is(self, selector: str, wanted: str) -> bool:
        return wanted in await self.texts(selector)


@asynccontextmanager
async def console(browser: Any, address: str, path: str = "/console", **options: Any) -> AsyncGenerator[Console]:
    """A page of its own session at the console of `address`, its agents listed."""
    context = await browser.new_context(**{"viewport": WIDE, **options})
    try:
        yield await page_in(context, address, path)
    finally:
        await context.close()


async def page_in(context: Any, address: str, path: str = "/console") -> Console:
    page = await context.new_page()
    page.set_default_timeout(WITHIN_S * 1000)
    await page.add_init_script(_WATCH_POLICY)
    it = Console(page)
    page.on("pageerror", lambda error: it.complaints.append(str(error)))
    page.on("console", lambda said: it.complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"http://{address}{path}")
    await page.wait_for_selector("#card .title", state="attached")
    return it


async def until(holds: Callable[[], Awaitable[bool]], seen: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Waits until something holds; else says what was seen instead."""
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"expected {wanted!r}, saw {await seen()!r}") from None
