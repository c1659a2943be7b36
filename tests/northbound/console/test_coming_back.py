"""Coming back in Chromium: after a cut, a reload, in another tab, after a gateway; nothing is lost and nothing doubled."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.worker import Ask, Chunk, text_part
from tests.cli.conftest import program
from tests.fakes.proxy import TRANSPARENT, Plan, Proxy
from tests.northbound.console.browsing import Console, console, page_in
from tests.northbound.console.places import serving
from tests.northbound.console.stage import STAGE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ANSWER = ".said[data-role=agent] .text"
POEM = ".artifact .text"
KEPT = "sessionStorage.getItem('a2a-gateway-console')"


def chunks(*texts: str) -> list[Chunk]:
    return [Chunk([text_part(text)], artifact_id="poem") for text in texts]


class Cable:
    """What stands between the browser and the gateway, to be pulled and plugged in."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.proxy = Proxy(host, int(port), lambda _: self._plan)
        self._plan = TRANSPARENT

    def pull(self) -> None:
        self._plan = Plan(reset_on_accept=True)
        for link in self.proxy.links:
            link.cut(reset=True)

    def plug_in(self) -> None:
        self._plan = TRANSPARENT

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_a_cut_connection_is_taken_up_where_it_broke(browser: Any, tmp_path: Path, binding: str) -> None:
    """Both kinds of growth: the artifact is in the log event by event, the message grows by deltas that are not."""
    async with serving(tmp_path) as gateway:
        cable = Cable(gateway.http)
        async with cable.proxy, console(browser, cable.address) as it:
            await it.page.select_option("#binding", binding)
            await it.send("write")
            STAGE.tell(*chunks("one ", "two "), "Once ")
            await it.shows(ANSWER, "Once")
            cable.pull()
            await it.page.wait_for_selector("#banner", state="visible")
            assert await it.text("#task-state") == "working"
            STAGE.tell("upon ", "a ")
            cable.plug_in()
            await it.page.click("#hurry")
            await it.shows(ANSWER, "Once upon a")
            STAGE.tell("time.", *chunks("three."))
            STAGE.end()
            await it.state("completed")
            assert await it.texts(ANSWER) == ["Once upon a time."]
            assert await it.texts(POEM) == ["one two three."]
            assert await it.texts("#log .note") == []
            assert not await it.page.is_visible("#banner")
            # The browser itself tells of requests that found nobody.
            assert [one for one in it.complaints if "Failed to load resource" not in one] == []


async def test_it_comes_back_by_itself(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        cable = Cable(gateway.http)
        async with cable.proxy, console(browser, cable.address) as it:
            await it.send("write")
            STAGE.tell(*chunks("one "))
            await it.shows(POEM, "one")
            cable.pull()
            await it.page.wait_for_selector("#banner", state="visible")
            STAGE.tell(*chunks("two"))
            STAGE.end()
            cable.plug_in()
            await it.state("completed")
            assert await it.texts(POEM) == ["one two"]


async def test_what_may_not_have_arrived_is_not_sent_twice(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        cable = Cable(gateway.http)
        async with cable.proxy, console(browser, cable.address) as it:
            cable.pull()
            await it.send("write")
            await it.page.wait_for_selector("#log .note[data-tone=error]")
            assert "not sent again" in await it.text("#log .note")
            assert await it.page.input_value("#text") == "write"
            assert STAGE.heard == []


async def test_a_reload_in_the_middle_loses_nothing(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        STAGE.tell(*chunks("one "), "Once ")
        await it.shows(ANSWER, "Once")
        STAGE.tell(*chunks("two "))
        await it.shows(POEM, "one two")
        await it.page.reload()
        await it.shows(ANSWER, "Once")
        assert await it.texts("#log .text") == ["write", "one two", "Once"]
        STAGE.tell("upon a time.", *chunks("three."))
        STAGE.end()
        await it.state("completed")
        assert await it.texts("#log .text") == ["write", "one two three.", "Once upon a time."]
        await it.page.reload()
        await it.state("completed")
        assert await it.texts("#log .text") == ["write", "one two three.", "Once upon a time."]
        assert it.complaints == []


async def test_a_question_survives_a_reload(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        STAGE.tell(Ask("Which?"))
        await it.send("write")
        await it.state("input required")
        await it.page.reload()
        await it.state("input required")
        STAGE.tell("That one.")
        STAGE.end()
        await it.send("this")
        await it.state("completed")
        assert await it.texts("#log .text") == ["write", "Which?", "this", "That one."]


async def test_two_tabs_follow_one_task(browser: Any, tmp_path: Path) -> None:
    """The second one knows the task by its address alone."""
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        STAGE.tell(*chunks("one "), "Once ")
        await it.shows(ANSWER, "Once")
        address = it.page.url.partition("/console")[2]
        assert "task=" in address
        other: Console = await page_in(it.page.context, gateway.http, f"/console{address}")
        await other.shows(ANSWER, "Once")
        STAGE.tell("upon.", *chunks("two"))
        STAGE.end()
        for tab in (it, other):
            await tab.state("completed")
            assert sorted(await tab.texts("#log .text")) == ["Once upon.", "one two", "write"]
        assert (it.complaints, other.complaints) == ([], [])


async def test_the_address_of_a_task_that_is_over_shows_it(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        STAGE.tell(*chunks("one "), "Done.")
        STAGE.end()
        await it.send("write")
        await it.state("completed")
        address = it.page.url.partition("/console")[2]
        async with console(browser, gateway.http, f"/console{address}") as other:
            await other.state("completed")
            assert sorted(await other.texts("#log .text")) == ["Done.", "one", "write"]
            assert await other.texts("#log .note") == []
            assert other.complaints == []


async def test_a_gap_is_shown_as_a_gap(browser: Any, tmp_path: Path) -> None:
    """A cursor that the gateway does not know: what follows is the task as it stands."""
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        STAGE.tell(*chunks("one "))
        await it.shows(POEM, "one")
        await it.page.evaluate("dispatchEvent(new Event('pagehide'))")
        kept = json.loads(await it.page.evaluate(KEPT))
        assert kept["cursor"]
        kept["cursor"] = f"{'a' * 16}-1-1"
        await it.page.evaluate(
            """(kept) => {
                addEventListener("pagehide", (event) => event.stopImmediatePropagation(), true);
                Storage.prototype.setItem.call(sessionStorage, "a2a-gateway-console", kept);
                Storage.prototype.setItem = () => {};
            }""",
            json.dumps(kept),
        )
        await it.page.reload()
        await it.page.wait_for_selector("#log .note[data-tone=gap]")
        STAGE.tell(*chunks("two"))
        STAGE.end()
        await it.state("completed")
        assert await it.texts(POEM) == ["one two"]
        assert it.complaints == []


async def test_an_agent_that_keeps_no_events_is_followed_from_its_snapshot(browser: Any, tmp_path: Path) -> None:
    """The gateway goes away and comes back while an agent of its own goes on."""
    with program("-m", "examples.grpc_agent", "--address", "127.0.0.1:0", "--pause", "0.2", announced="listening on ") as (
        url,
    ):
        words = {"name": "words", "url": url}
        async with serving(tmp_path, words) as first:
            address = first.http
            async with console(browser, address, "/console#agent=words") as it:
                await it.send("one two three four five six seven eight")
                await it.page.wait_for_selector(POEM)
                await first.__aexit__(None, None, None)
                await it.page.wait_for_selector("#banner", state="visible")
                async with serving(tmp_path, words, http=address):
                    await it.page.click("#hurry")
                    await it.state("completed")
                    (answer,) = await it.texts(POEM)
                    assert answer.count("seven") == answer.count("one") == 1
                    assert [one for one in it.complaints if "Failed to load resource" not in one] == []


async def test_nothing_is_restored_for_an_agent_that_is_gone(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http, "/console#agent=nobody&task=t") as it:
        assert await it.text("#chat-title") == "stage"
        await asyncio.sleep(0)
        assert it.complaints == []
