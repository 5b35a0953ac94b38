"""A headless Chromium for tests of pages.

Needs Playwright and Chromium: `pip install playwright`, and `apt-get install chromium` or `playwright install
chromium`. Without them tests are skipped, unless the environment variable REQUIRE_BROWSER is set.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(f"REQUIRE_BROWSER is set, but {reason}")
    pytest.skip(reason)


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Start Chromium, or skip the test."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        unavailable("Playwright is not installed: pip install playwright")
    installed = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
        except Error as error:
            unavailable(
                f"no Chromium can be started: apt-get install chromium ({str(error).splitlines()[0]})"
            )
        yield opened
        opened.close()


def complaints(page: "Page") -> list[str]:
    """Return a list to which everything is added that the page prints to its console or raises."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def colours(page: "Page") -> tuple[int, int]:
    """Return the brightness of the paper and of the ink of a page, each the sum of three bytes."""
    style = "getComputedStyle(document.body)"
    found = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
    paper, ink = (sum(int(part) for part in colour[4:-1].split(",")) for colour in found)
    return paper, ink
