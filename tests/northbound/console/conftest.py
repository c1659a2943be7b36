"""Chromium, where there is one, and pages of the console in it."""

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.northbound.console.stage import STAGE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(autouse=True)
def _stage() -> None:
    STAGE.clear()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    playwright = pytest.importorskip(
        "playwright.async_api", reason="there is no playwright to drive a browser; `make peers` installs it"
    )
    if CHROMIUM is None:
        pytest.skip("there is no chromium to show the console")
    async with playwright.async_playwright() as driver:
        chromium = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        await chromium.close()
