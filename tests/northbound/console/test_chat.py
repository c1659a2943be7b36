"""The chat in Chromium: an answer grows in place, is cancelled, asks, fails; files and data are what they are."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from protobuf import Oneof

from gateway.worker import Ask, Chunk, Data, Status, text_part
from generated.a2a.v1.a2a_pb import Artifact, Part, TaskState
from tests.northbound.console.browsing import console
from tests.northbound.console.places import serving
from tests.northbound.console.stage import REFUSED, STAGE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ANSWER = ".said[data-role=agent] .text"


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_an_answer_grows_in_place(browser: Any, tmp_path: Path, binding: str) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.page.select_option("#binding", binding)
        await it.send("write")
        STAGE.tell("One ")
        await it.shows(ANSWER, "One")
        node = await it.page.query_selector(ANSWER)
        for more, whole in (("two ", "One two"), ("three.", "One two three.")):
            STAGE.tell(more)
            await it.shows(ANSWER, whole)
        assert await node.evaluate("(node) => node.isConnected && node.childNodes.length === 1")
        assert await it.text("#task-state") == "working"
        STAGE.end()
        await it.state("completed")
        assert await it.texts(ANSWER) == ["One two three."]
        assert await it.texts("#log .said[data-role=user] .text") == ["write"]
        assert (it.complaints, await it.violations()) == ([], [])


async def test_an_artifact_grows_in_place(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        for piece, whole in (("A ", "A"), ("B ", "A B"), ("C", "A B C")):
            STAGE.tell(Chunk([text_part(piece)], artifact_id="letters", name="Letters", description="of the alphabet"))
            await it.shows(".artifact .text", whole)
        STAGE.end()
        await it.state("completed")
        assert await it.texts(".artifact") == ["Artifact Letters of the alphabet\nA B C"]
        assert await it.page.get_attribute(".artifact", "data-done") == "true"


async def test_what_grows_is_read_out_in_whole_words_and_not_twice(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.page.evaluate(
            """() => {
                window.heard = [];
                new MutationObserver(() => window.heard.push(document.getElementById("live").textContent))
                    .observe(document.getElementById("live"), { childList: true });
            }"""
        )
        assert await it.page.get_attribute("#live", "aria-live") == "polite"
        await it.send("write")
        for token in ("Hel", "lo ", "wor", "ld"):
            STAGE.tell(token)
        await it.shows(ANSWER, "Hello world")
        STAGE.end()
        await it.state("completed")
        await it.becomes("window.heard.join(' ').includes('completed')", True)
        heard = " ".join(await it.page.evaluate("window.heard"))
        assert heard.count("Hello") == heard.count("world") == 1


async def test_a_task_is_cancelled(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write for ever")
        STAGE.tell("Once ")
        await it.shows(ANSWER, "Once")
        await it.page.click("#cancel")
        await it.state("canceled")
        assert await it.texts(ANSWER) == ["Once"]
        assert not await it.page.is_visible("#cancel")
        assert await it.page.is_enabled("#send")
        assert it.complaints == []


async def test_a_question_is_answered_in_the_same_task(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send("write")
        STAGE.tell(Ask("In which language?"))
        await it.state("input required")
        task = await it.page.get_attribute("#task-id", "title")
        assert await it.texts(ANSWER) == ["In which language?"]
        assert (await it.text("#send"), await it.page.get_attribute("#text", "placeholder")) == ("Answer", "Answer the agent")
        await it.send("Greek")
        STAGE.tell("Χαίρε.")
        STAGE.end()
        await it.state("completed")
        assert await it.page.get_attribute("#task-id", "title") == task
        assert STAGE.heard == ["write", "Greek"]
        assert await it.texts("#log .text") == ["write", "In which language?", "Greek", "Χαίρε."]
        assert it.complaints == []


async def test_what_follows_a_task_that_is_over_is_another_task_in_the_same_context(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        tasks: list[str | None] = []
        for number in ("one", "two"):
            STAGE.tell(f"This is {number}.")
            STAGE.end()
            await it.send(number)
            await it.shows(ANSWER, f"This is {number}.")
            await it.state("completed")
            tasks.append(await it.page.get_attribute("#task-id", "title"))
        assert len(set(tasks)) == 2
        assert await it.texts("#log .text") == ["one", "This is one.", "two", "This is two."]


async def test_an_error_is_shown_by_its_reason(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.send(REFUSED)
        await it.shows("#log .note", "INVALID_PARAMS The stage plays no such thing")
        assert await it.page.is_enabled("#send")


async def test_an_agent_that_is_away_is_shown_as_such(browser: Any, tmp_path: Path) -> None:
    away = {"name": "away", "url": "grpc://127.0.0.1:1"}
    async with serving(tmp_path, away) as gateway, console(browser, gateway.http) as it:
        assert await it.texts("#agent-list button") == ["stage", "away\nnot reached"]
        await it.page.click("#agent-list >> text=away")
        await it.page.wait_for_selector("#card .odd")
        await it.send("hello?")
        await it.page.wait_for_selector("#log .note")
        assert (await it.text("#log .note")).startswith("UNAVAILABLE ")


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_parts_are_shown_as_what_they_are(browser: Any, tmp_path: Path) -> None:
    def file(name: str, media_type: str, content: bytes) -> Part:
        return Part(content=Oneof("raw", content), filename=name, media_type=media_type)

    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        STAGE.tell(
            Data({"answer": 42, "__proto__": {"polluted": True}}),
            file("dot.png", "image/png", PIXEL),
            file("page.html", "text/html", b"<script>alert(1)</script>"),
            Part(content=Oneof("url", "https://example.com/report.pdf"), filename="report.pdf"),
            Artifact(artifact_id="whole", name="Whole", parts=[text_part("at once")]),
            Status(TaskState.COMPLETED),
        )
        await it.send("everything")
        await it.state("completed")
        assert json.loads(await it.text(".data pre")) == {"answer": 42, "__proto__": {"polluted": True}}
        assert await it.page.evaluate("({}).polluted") is None
        await it.becomes("document.querySelector('.file img')?.naturalWidth", 1)
        assert await it.page.locator(".file img").count() == 1
        async with it.page.expect_download() as download:
            await it.page.click("text=page.html")
        saved = await download.value
        assert saved.suggested_filename == "page.html"
        assert content_of(await saved.path()) == b"<script>alert(1)</script>"
        link = it.page.locator("#log a", has_text="report.pdf")
        assert [await link.get_attribute(name) for name in ("href", "rel", "target")] == [
            "https://example.com/report.pdf",
            "noopener noreferrer",
            "_blank",
        ]
        assert await it.texts(".artifact .text") == ["at once"]
        assert (it.complaints, await it.violations()) == ([], [])


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_a_file_is_sent_with_a_message(browser: Any, tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, console(browser, gateway.http) as it:
        await it.page.set_input_files("#attach", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
        assert await it.texts("#files li") == ["a.txt 5 B\nRemove"]
        STAGE.tell("Thank you.")
        STAGE.end()
        await it.send("take this")
        await it.state("completed")
        assert await it.text("#log .said[data-role=user] figcaption") == "a.txt text/plain, 5 B"
        assert not await it.page.is_visible("#files")


async def test_a_card_is_shown_and_its_example_can_be_asked(browser: Any, tmp_path: Path) -> None:
    card = {
        "name": "Stage",
        "description": "Plays.",
        "version": "7",
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "supportedInterfaces": [],
        "skills": [{"id": "s", "name": "Play", "description": "Plays a part.", "tags": [], "examples": ["Play Lear"]}],
    }
    stage = {"name": "second", "url": "python:tests.northbound.console.stage:STAGE", "card": card}
    async with serving(tmp_path, stage) as gateway, console(browser, gateway.http) as it:
        await it.page.click("#agent-list >> text=second")
        await it.shows("#card .title", "Stage 7")
        await it.page.click("text=Play Lear")
        assert await it.page.input_value("#text") == "Play Lear"
        assert await it.page.evaluate("document.activeElement.id") == "text"
