"""The page in Chromium for everyone: by keyboard alone, at the width of a phone, in dark and in light, with names."""

from pathlib import Path
from typing import Any

import pytest

from gateway.worker import Chunk, text_part
from tests.northbound.console.browsing import PHONE, Console, console
from tests.northbound.console.places import serving
from tests.northbound.console.stage import STAGE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

FOCUSED = "document.activeElement.id || document.activeElement.textContent.trim()"


async def test_everything_can_be_done_by_keyboard(browser: Any, tmp_path: Path) -> None:
    second = {"name": "second", "url": "python:tests.northbound.console.stage:STAGE"}
    async with serving(tmp_path, second) as gateway, console(browser, gateway.http) as it:
        press = it.page.keyboard.press
        await press("Tab")
        assert await it.page.evaluate(FOCUSED) == "Skip to the message"
        await press("Tab")
        assert await it.page.evaluate(FOCUSED) == "stage"
        await press("Tab")
        await press("Enter")
        await it.shows("#chat-title", "second")
        assert await it.page.evaluate(FOCUSED) == "text"
        await it.page.keyboard.type("first line")
        await press("Shift+Enter")
        await it.page.keyboard.type("second line")
        await press("Enter")
        STAGE.tell(Chunk([text_part("One ")], artifact_id="a"))
        await it.shows(".artifact .text", "One")
        assert STAGE.heard == ["first line\nsecond line"]
        await press("Escape")
        assert await it.page.evaluate(FOCUSED) == "cancel"
        await press("Escape")
        assert await it.page.evaluate(FOCUSED) == "text"
        await press("Escape")
        await press("Enter")
        await it.state("canceled")
        assert await it.page.evaluate(FOCUSED) == "text"
        await _reach(it, "button.row")
        await press("ArrowDown")
        await press("Enter")
        assert await it.page.locator("#rows .detail").count() == 1
        assert await it.page.get_attribute("#rows li.open button.row", "aria-expanded") == "true"
        await press("Tab")
        await press("Escape")
        assert await it.page.locator("#rows .detail").count() == 0
        assert await it.page.evaluate("document.activeElement.matches('button.row')")
        assert it.complaints == []


async def _reach(it: Console, selector: str) -> None:
    """Tabs on until an element that matches has the focus."""
    for _ in range(40):
        await it.page.keyboard.press("Tab")
        if await it.page.evaluate(f"document.activeElement.matches('{selector}')"):
            return
    raise AssertionError(f"{selector} is not reached by Tab")


async def test_where_the_focus_is_can_be_seen(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        seen: set[str] = set()
        for _ in range(14):
            await it.page.keyboard.press("Tab")
            width = await it.page.evaluate(
                "getComputedStyle(document.activeElement.id === 'attach' ? document.activeElement.parentElement : "
                "document.activeElement).outlineWidth"
            )
            focused = await it.page.evaluate(FOCUSED)
            assert width == "2px", focused
            seen.add(focused)
        assert {"text", "attach", "binding", "watch", "scope"} <= seen


async def test_every_control_has_a_name_and_every_region_is_a_landmark(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        nameless = await it.page.locator("button, input, select, textarea, a, canvas").evaluate_all(
            """(all) => all.filter((one) => one.checkVisibility() || one.id === "attach").filter((one) =>
                !(one.getAttribute("aria-label") || one.labels?.[0]?.textContent.trim() || one.textContent.trim())
            ).map((one) => one.outerHTML)"""
        )
        assert nameless == []
        for role, name in (("main", None), ("navigation", "Agents"), ("complementary", "Wire"), ("banner", None), ("log", None)):
            assert await it.page.get_by_role(role, name=name).count() == 1, role
        assert await it.page.get_attribute("html", "lang") == "en"


async def test_a_phone_has_each_pane_to_itself_and_no_sideways_scrolling(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http, viewport=PHONE, has_touch=True) as it:
        STAGE.tell(Chunk([text_part("word " * 80 + "\n")], artifact_id="a", name="An artifact"))
        STAGE.end()
        await it.send("a question of a few words")
        await it.state("completed")
        for pane in ("chat", "agents", "wire"):
            await it.page.click(f"#panes [data-pane={pane}]")
            visible = [one for one in ("agents", "chat", "wire") if await it.page.is_visible(f"#{one}")]
            assert visible == [pane]
            assert not await it.overflows(), pane
            cut = await it.page.locator(f"#{pane} button:visible").evaluate_all(
                "(all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent)"
            )
            assert cut == [], pane
        await it.page.click("#rows li:last-child button.row")
        await it.page.wait_for_selector("#rows .detail pre")
        assert not await it.overflows()


_CONTRAST = """(names) => {
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = (name) => {
    const probe = document.createElement("i");
    document.body.append(probe);
    probe.style.color = getComputedStyle(document.documentElement).getPropertyValue(name);
    const [r, g, b] = getComputedStyle(probe).color.match(/[0-9.]+/g).map((value) => channel(value / 255));
    probe.remove();
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  return names.map(([ink, ground]) => {
    const [one, other] = [light(ink), light(ground)];
    return Math.max(one, other) / Math.min(one, other);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_both_schemes_can_be_read(browser: Any, tmp_path: Path, scheme: str) -> None:
    """WCAG AA: 4.5 to 1 for text."""
    inks = ("--ink", "--soft", "--accent", "--south", "--north", "--good", "--bad", "--asks")
    pairs = [(ink, ground) for ink in inks for ground in ("--panel", "--ground", "--raised")]
    pairs += [("--ink", "--south-ground"), ("--ink", "--north-ground"), ("--on-accent", "--accent")]
    async with serving(tmp_path) as gateway, console(browser, gateway.http, color_scheme=scheme) as it:
        ratios = await it.page.evaluate(_CONTRAST, pairs)
        poor = {pair: round(ratio, 2) for pair, ratio in zip(pairs, ratios, strict=True) if ratio < 4.5}
        assert poor == {}
        ground = await it.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) > 384) is (scheme == "light")


async def test_nothing_moves_for_those_who_want_that(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http, reduced_motion="reduce") as it:
        await it.send("write")
        STAGE.tell("One ")
        await it.shows(".said[data-role=agent] .text", "One")
        assert await it.page.evaluate("document.getAnimations().length") == 0
