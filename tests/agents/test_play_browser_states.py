"""The page while something is under way: scrolling, focus, motions, and an agent that must wait."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsers import chromium

from agents.playing import AgentCompanion
from agents.superpixel_agent import SuperpixelAgent
from thor_interact_env.play.server import PlayServer
from thor_interact_env.play.sessions import Sessions


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A page with an agent, low enough to be scrolled."""
    server = PlayServer(Sessions(AgentCompanion(SuperpixelAgent(), "superpixels"), seed=30))
    server.start()
    with chromium() as browser:
        opened = browser.new_page(viewport={"width": 1280, "height": 600}, reduced_motion="reduce")
        opened.goto(server.address)
        opened.wait_for_selector("#stage[aria-busy=false]")
        yield opened
        opened.close()
    server.close()


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


def press(page: Any, button: str) -> None:
    page.evaluate(f"document.getElementById('{button}').focus({{preventScroll: true}})")
    page.keyboard.press("Enter")
    page.wait_for_selector("#stage[aria-busy=false]")
    page.wait_for_selector(f"#{button}[aria-disabled=false]")


def test_touches_scroll_the_list_and_keep_page_and_focus_where_they_are(page: Any) -> None:
    for count in range(1, 5):
        press(page, "touch")
        assert page.locator("#trail li").count() == count
        assert page.evaluate("scrollY") == 0 and focused(page) == "touch"
    inside = "element => element.scrollHeight - element.clientHeight - element.scrollTop"
    assert page.locator("#trail").evaluate(inside) <= 1  # the last touch is in sight
    page.locator("#trail button").first.focus()
    page.keyboard.press("Enter")
    pressed = "document.activeElement.getAttribute('aria-pressed') + document.activeElement.textContent"
    assert str(page.evaluate(pressed)).startswith("true1.")


def test_an_agent_waits_for_the_room(page: Any) -> None:
    held: list[Any] = []
    page.route("**/start", lambda route: held.append(route))
    page.keyboard.press("n")
    page.wait_for_selector("#agent-touch[aria-disabled=true]")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.keyboard.press("g")
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert "agent_touch" not in asked
    held[0].continue_()
    page.unroute("**/start")
    page.wait_for_selector("#agent-touch[aria-disabled=false]")
    assert page.locator("#its-touches").inner_text() == "0 of 10"
    press(page, "agent-touch")
    assert page.locator("#its-touches").inner_text() == "1 of 10" and focused(page) == "agent-touch"


def test_the_agent_looks_once_more_after_many_changes(page: Any) -> None:
    held: list[Any] = []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.route("**/look", lambda route: route.continue_() if held else held.append(route))
    for _ in range(5):
        page.keyboard.press("n")
        page.wait_for_selector("#stage[aria-busy=false]")
    assert asked.count("start") == 5 and asked.count("look") == 1
    held[0].continue_()
    page.wait_for_selector("#instances li", state="attached")
    assert asked.count("look") == 2
