"""The wire view in Chromium: the same event on both sides, its bytes, whose it is; and what is saved of a task."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.worker import Ask
from tests.fakes import events
from tests.fakes.http_steps import HttpExchange
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.northbound.console.browsing import console
from tests.northbound.console.places import WORDS, serving, words
from tests.northbound.console.stage import STAGE
from tests.northbound.console.watching import ask

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_an_event_is_shown_as_it_crossed_both_sides(browser: Any, tmp_path: Path) -> None:
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url, "deltas": "off"}) as gateway:
        async with console(browser, gateway.http, "/console#agent=words") as it:
            await it.send("hi")
            await it.state("completed")
            await it.becomes("document.querySelectorAll('#rows li.answer').length", len(WORDS))
            assert await it.texts("#rows .answer .south b") == ["task", "artifact", "artifact", "status"]
            assert await it.texts("#rows .answer .north b") == await it.texts("#rows .answer .south b")
            assert await it.texts("#rows .request .north b") == ["SendStreamingMessage"]
            assert (await it.text("#south-total")).startswith(f"gRPC · {len(WORDS)} · ")
            assert (await it.text("#north-total")).startswith(f"JSON-RPC · {len(WORDS)} · ")
            assert (await it.text("#plot-caption")).startswith(f"{len(WORDS)} events")
            await it.page.click("#rows .answer:nth-child(3) button.row")
            shown = await it.texts("#rows .detail pre")
            assert json.loads(shown[0]) == WORDS[1]
            assert shown[1].startswith("data: {\n")
            assert json.loads(shown[1].removeprefix("data: "))["result"] == WORDS[1]
            await it.page.click("#rows .pane.south >> text=Bytes")
            assert (await it.texts("#rows .pane.south pre"))[0].startswith("0000  ")
            assert (it.complaints, await it.violations()) == ([], [])


async def test_what_becomes_of_an_event_on_the_way_can_be_seen(browser: Any, tmp_path: Path) -> None:
    """The agent appends to an artifact; the page, which asks for deltas, is sent patches."""
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url}) as gateway:
        async with console(browser, gateway.http, "/console#agent=words") as it:
            await it.send("hi")
            await it.state("completed")
            assert await it.texts(".artifact .text") == ["Hello there."]
            (south,) = await it.texts('#rows .answer .south .gist:has-text("there.")')
            assert south == 'artifact "there."'
            patched = it.page.locator("#rows .answer", has_text='"there."').locator(".north .gist").first
            assert await patched.inner_text() == 'status str_ins "there."'
            assert (it.complaints, await it.violations()) == ([], [])


async def test_calls_of_others_are_shown_only_when_they_are_asked_for(browser: Any, tmp_path: Path) -> None:
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url}) as gateway:
        async with console(browser, gateway.http) as it:
            await it.shows("#watch-state", "watching")
            call, _ = await ask(gateway, "words", "of another")
            assert await it.page.locator("#rows li").count() == 0
            await it.page.select_option("#scope", "all")
            await it.becomes("document.querySelectorAll('#rows li').length", 1 + len(WORDS))
            await it.page.click("#rows li:first-child button.row")
            assert f"call {call}" in await it.text("#rows .detail")


async def test_a_cursor_stands_beside_its_event(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        STAGE.tell(Ask("Which?"))
        await it.send("write")
        await it.state("input required")
        (title, *_) = await it.page.locator("#rows .north .cursor").evaluate_all("(all) => all.map((one) => one.title)")
        kept = await it.page.locator("#rows .north .cursor").last.get_attribute("title")
        assert title.startswith("cursor ")
        await it.page.evaluate("dispatchEvent(new Event('pagehide'))")
        stored = await it.page.evaluate("JSON.parse(sessionStorage.getItem('a2a-gateway-console')).cursor")
        assert kept == f"cursor {stored}"


async def test_the_wire_can_be_left_unwatched(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.shows("#watch-state", "watching")
        await it.page.uncheck("#watch")
        await it.shows("#watch-state", "not watching")
        STAGE.end()
        await it.send("unseen")
        await it.state("completed")
        assert await it.page.locator("#rows li").count() == 0


async def test_frames_that_are_left_out_are_counted_on_the_page(browser: Any, tmp_path: Path) -> None:
    """An agent's events arrive all at once, and there is room for one frame."""

    async def all_at_once(exchange: HttpExchange) -> None:
        frames = (b"data: %b\n\n" % exchange.envelope("result", event) for event in WORDS)
        await exchange.event(b"".join(frames))

    async with ScriptedHttpAgent({"SendStreamingMessage": [all_at_once]}) as agent:
        words_agent = {"name": "words", "url": agent.url, "card": events.agent_card(agent.url)}
        async with serving(tmp_path, words_agent, limits={"wire_frames": 1}) as gateway:
            async with console(browser, gateway.http, "/console#agent=words") as it:
                await it.shows("#watch-state", "watching")
                await it.send("hi")
                await it.state("completed")
                await it.page.wait_for_selector("#rows .missed")
                assert (await it.text("#wire-note")).endswith(" frames not shown")


async def test_a_task_is_saved_and_replayed(browser: Any, tmp_path: Path) -> None:
    """Also over a question and a reload; what is recorded of the replay is what was recorded of the agent."""
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        assert not await it.page.is_enabled("#record")
        STAGE.tell("First. ", Ask("Which?"))
        await it.send("write")
        await it.state("input required")
        await it.page.reload()
        await it.state("input required")
        STAGE.tell("That. ", "Last.")
        STAGE.end()
        await it.send("this")
        await it.state("completed")
        first = await saved(it.page)
        said = await it.texts("#log .text")
    file = tmp_path / "task.jsonl"
    file.write_bytes(first)
    agent = {"name": "played", "url": f"recording:{file}", "replay_speed": "instant"}
    settings = Settings.model_validate({"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "agents": [agent]})
    async with Gateway(settings) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        await it.state("input required")
        await it.send("this")
        await it.state("completed")
        second = await saved(it.page)
        # The replay says again what its caller said when it was recorded.
        assert [text for text in said if text in await it.texts("#log .text")] == said
        assert it.complaints == []
    assert came(second) == came(first)


async def saved(page: Any) -> bytes:
    async with page.expect_download() as download:
        await page.click("#record")
    return content_of(await (await download.value).path())


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


def came(recording: bytes) -> list[Any]:
    """What came of the agent, and where streams ended."""
    lines = [json.loads(line) for line in recording.splitlines()[1:]]
    return [{name: line.get(name) for name in ("event", "cursor", "end")} for line in lines if "request" not in line]
