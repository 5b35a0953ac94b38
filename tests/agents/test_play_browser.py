"""The page in a real browser: a person touches, looks, undoes, saves, and plays against an agent."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browsers import chromium, colours, complaints
from env_makers import moving_actions
from web import decoded

from agents.playing import AgentCompanion
from agents.superpixel_agent import SuperpixelAgent
from selfsup.grid import STRIDE
from thor_interact_env.play.server import PlayServer
from thor_interact_env.play.sessions import Sessions, make_environment

ROOT = Path(__file__).parents[2]
SEED = 30


class WithScores(SuperpixelAgent):
    """Also scores cells, the nearest highest."""

    def maps(self, observation):
        near = observation["depth"][1::STRIDE, 1::STRIDE] < 1.5
        return np.where(near, 3.0, -3.0).astype(np.float32), np.zeros((100, 100), np.int64)


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


def started(companion=None):
    server = PlayServer(Sessions(companion, seed=SEED))
    server.start()
    return server


@pytest.fixture(scope="module")
def alone():
    server = started()
    yield server
    server.close()


@pytest.fixture(scope="module")
def beside():
    server = started(AgentCompanion(WithScores(), "superpixels"))
    yield server
    server.close()


@pytest.fixture(scope="module")
def movable():
    """Row and column of something in the first view that 200 N move."""
    env = make_environment()
    env.reset(seed=SEED)
    actions = moving_actions(env)
    state = env.get_state()
    for row, column, *_ in actions:
        env.set_state(state)
        if env.step(np.array([row, column, 2, 5]))[1]:  # away, to the right
            env.close()
            return row, column
    raise AssertionError("nothing in this view can be moved")


@pytest.fixture
def visit(browser):
    """Opens the page of a server; at the end it must have complained of nothing."""
    opened = []

    def visited(server, width=1400, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        opened.append((page, complaints(page)))
        page.goto(server.address)
        page.wait_for_selector("#stage[aria-busy=false]")
        return page

    yield visited
    for page, said in opened:
        page.close()
        assert said == []


def shown(page, stage="#stage"):
    """Return what a canvas shows, (900, 900, 3) uint8."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    address = page.evaluate(f"document.querySelector('{stage} canvas').toDataURL('image/png')")
    return decoded(address.partition(",")[2])


def place(page, pixel):
    """Return the position of a pixel inside the view."""
    box = page.locator("#stage").bounding_box()
    row, column = ((part + 0.5) / 300 for part in pixel)
    return {"x": column * box["width"], "y": row * box["height"]}


def click(page, pixel):
    """Click a pixel, and return the answer when the page has dealt with it."""
    with page.expect_response(lambda response: response.url.endswith("/touch")) as touched:
        page.locator("#stage").click(position=place(page, pixel))
    page.wait_for_selector("#stage[aria-busy=false]")
    return touched.value.json()


def says(page, selector, pattern):
    """Wait until an element has a text; the page's policy forbids `wait_for_function`."""
    page.locator(selector, has_text=re.compile(pattern)).wait_for(state="attached")


def at_rest(page, motion="#motion"):
    says(page, f"{motion} output", "at rest$")


def green(image):
    """Return how many pixels are of the green of a mask's border."""
    return int((np.abs(image.astype(int) - (61, 220, 111)).max(axis=2) < 30).sum())


def test_a_click_moves_something_and_its_mask_appears(alone, visit, movable):
    page = visit(alone)
    page.keyboard.press("3")
    page.locator("#show-trail").uncheck()  # its marks are green as well
    page.locator("#stage").hover(position=place(page, movable))
    before = shown(page)
    answer = click(page, movable)
    assert answer["touch"]["kind"] == "success"
    at_rest(page)
    assert page.locator("#result").get_attribute("data-kind") == "success"
    assert page.locator("#result").inner_text().startswith("Success: the ")
    assert page.locator("#your-score").inner_text() == "1 object in 1 of 10 touches"
    with_mask = shown(page)
    page.keyboard.press("m")
    without_mask = shown(page)
    assert (without_mask != before).any()
    assert green(with_mask) > green(without_mask) + 500


def test_undo_shows_the_same_bytes_and_the_touch_is_gone(alone, visit, movable):
    page = visit(alone)
    page.keyboard.press("3")
    page.locator("#stage").hover(position=place(page, movable))
    before = shown(page)
    with page.expect_response(lambda response: response.url.endswith("/start")) as first:
        page.click("#start button[type=submit]")
    page.wait_for_selector("#stage[aria-busy=false]")
    page.locator("#stage").hover(position=place(page, (10, 10)))
    assert click(page, movable)["frames"]
    at_rest(page)
    assert (shown(page) != before).any()
    with page.expect_response(lambda response: response.url.endswith("/undo")) as undone:
        page.keyboard.press("z")
    page.wait_for_selector("#stage[aria-busy=false]")
    assert undone.value.json()["view"] == first.value.json()["view"]
    assert np.array_equal(shown(page), before)
    assert page.locator("#trail li").count() == 0
    assert page.locator("#undo").is_disabled()


def test_the_saved_episode_replays(alone, visit, movable, tmp_path):
    page = visit(alone)
    page.keyboard.press("3")
    click(page, movable)
    click(page, (5, 5))
    with page.expect_download() as download:
        page.keyboard.press("s")
    path = tmp_path / "episode.json"
    download.value.save_as(path)
    assert download.value.suggested_filename == "FloorPlan9-seed-30.json"
    assert len(json.loads(path.read_text())["actions"]) == 2
    replay = [sys.executable, str(ROOT / "examples" / "replay.py"), "replay", str(path)]
    result = subprocess.run(replay, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_motion_is_played_and_stepped_through(alone, visit, movable):
    page = visit(alone)
    page.keyboard.press("3")
    count = len(click(page, movable)["frames"])
    at_rest(page)
    rest = shown(page)
    page.keyboard.press(",")
    assert page.locator("#motion output").inner_text().startswith(f"Frame {count} of {count + 1}: ")
    page.locator("#motion input").fill("1")
    assert page.locator("#motion output").inner_text() == f"Frame 1 of {count + 1}: 0.01 s after the force"
    assert (shown(page) != rest).any()
    page.keyboard.press("v")
    at_rest(page)
    assert np.array_equal(shown(page), rest)


def test_who_prefers_no_motion_sees_the_end_at_once(alone, visit, movable):
    page = visit(alone, reduced_motion="reduce")
    page.keyboard.press("3")
    page.evaluate(
        "new MutationObserver(() => window.words = (window.words ?? []).concat("
        "document.querySelector('#motion output').textContent))"
        ".observe(document.querySelector('#motion output'), {childList: true})"
    )
    count = len(click(page, movable)["frames"])
    assert count > 1
    assert set(page.evaluate("window.words")) == {f"Frame {count + 1} of {count + 1}: at rest"}


def test_why_nothing_moved_and_the_distance_under_the_pointer(alone, visit):
    page = visit(alone)
    env = make_environment()
    depth = env.reset(seed=SEED)[0]["depth"]
    env.close()
    row, column = (int(part) for part in np.unravel_index(depth.argmax(), depth.shape))
    touch = click(page, (row, column))["touch"]
    away = float(depth[touch["row"], touch["column"]])
    assert page.locator("#result").inner_text().startswith(f"Out of reach: this point is {away:.2f} m away")
    said = page.locator("#pointer").inner_text()
    assert f"{away:.2f} m away" in said and said.endswith("out of reach")
    assert page.locator("#motion output").inner_text() == "No motion to show."


def test_everything_by_keyboard(alone, visit, movable):
    page = visit(alone)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#stage").focus()
    row, column = movable
    for number, less, more in ((row - 180, "Up", "Down"), (column - 150, "Left", "Right")):
        key = f"Arrow{more if number > 0 else less}"
        for _ in range(abs(number) // 10):
            page.keyboard.press(f"Shift+{key}")
        for _ in range(abs(number) % 10):
            page.keyboard.press(key)
    assert page.locator("#pointer").inner_text().startswith(f"Row {row}, column {column}: ")
    page.keyboard.press("3")
    page.keyboard.press("q")
    page.keyboard.press("w")
    with page.expect_request(lambda request: request.url.endswith("/touch")) as touched:
        page.keyboard.press("Enter")
    sent = touched.value.post_data_json
    assert (sent["row"], sent["column"], sent["force"], sent["direction"]) == (row, column, 2, 3)
    page.wait_for_selector("#trail li")
    says(page, "#spoken", "^Row")


def test_letters_are_letters_in_the_name_of_a_room(alone, visit):
    page = visit(alone)
    page.locator("#room").press_sequentially("FloorPlan22")
    assert page.locator("#room").input_value() == "FloorPlan22"
    page.keyboard.press("Enter")
    says(page, "#place", "^FloorPlan22, kitchen")
    page.keyboard.press("Escape")
    page.locator("#stage").focus()
    page.keyboard.press("n")
    page.wait_for_selector("#stage[aria-busy=true]", state="detached")
    assert page.locator("#seed").input_value() == "31"
    assert page.locator("#place").inner_text().startswith("FloorPlan22")


def test_letter_keys_can_be_switched_off(alone, visit):
    page = visit(alone)
    page.locator("summary", has_text="Keys").click()
    page.locator("#keys").uncheck()
    page.keyboard.press("r")
    assert not page.locator("#show-reach").is_checked()
    page.locator("#stage").focus()
    page.keyboard.press("r")
    assert page.locator("#show-reach").is_checked()


def test_layers_change_what_is_shown(alone, visit):
    page = visit(alone)
    plain = shown(page)
    seen = [plain]
    for name in ("reach", "depth"):
        page.locator(f"#show-{name}").check()
        seen.append(shown(page))
        page.locator(f"#show-{name}").uncheck()
    assert np.array_equal(shown(page), plain)
    assert all((one != other).mean() > 0.1 for one, other in zip(seen, seen[1:] + seen[:1], strict=True))


def test_an_unknown_room_is_said_on_the_page(alone, visit, browser):
    page = browser.new_page()  # the browser prints refused requests to its console
    page.goto(alone.address)
    page.wait_for_selector("#stage[aria-busy=false]")
    page.fill("#room", "FloorPlan99")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result[data-kind=failure]")
    assert "FloorPlan99" in page.locator("#result").inner_text()
    assert page.locator("#place").inner_text().startswith("FloorPlan9,")
    page.close()


def test_the_agent_shows_what_it_sees_and_touches_beside_you(beside, visit):
    page = visit(beside)
    page.wait_for_selector("#instances li", state="attached")
    with_instances = shown(page)
    page.keyboard.press("i")
    plain = shown(page)
    page.keyboard.press("p")
    with_scores = shown(page)
    assert (with_instances != plain).mean() > 0.01
    assert (with_scores != plain).mean() > 0.2
    before = shown(page, "#agent-view")
    with page.expect_response(lambda response: response.url.endswith("/agent_touch")) as touched:
        page.keyboard.press("g")
    page.wait_for_selector("#agent-touch[aria-disabled=false]")
    assert page.locator("#agent-result").inner_text() == touched.value.json()["touch"]["sentence"]
    assert page.locator("#its-touches").inner_text() == "1 of 10"
    assert page.locator("#you-touches").inner_text() == "0 of 10"
    assert (shown(page, "#agent-view") != before).any()
    assert page.locator("#trail li").count() == 0


def test_a_round_of_ten_has_a_result(beside, visit, movable):
    page = visit(beside, reduced_motion="reduce")
    page.keyboard.press("3")
    assert click(page, movable)["touch"]["kind"] == "success"
    for _ in range(9):
        click(page, (5, 5))
    page.click("#agent-finish")
    says(page, "#its-touches", "^10 of 10$")
    page.wait_for_selector("#agent-finish[aria-disabled=true]")
    numbers = [int(page.locator(f"#{who}-moved").inner_text()) for who in ("you", "its")]
    words = page.locator("#winner").inner_text()
    results = {-1: "more objects than you", 0: "equal", 1: "more objects than the agent"}
    assert results[int(np.sign(numbers[0] - numbers[1]))] in words and numbers[0] == 1


def test_two_tabs_do_not_disturb_each_other(alone, visit, movable):
    here, there = visit(alone), visit(alone)
    here.keyboard.press("3")
    there.locator("#stage").hover(position=place(there, (10, 10)))
    before = shown(there)
    assert click(here, movable)["frames"]
    assert np.array_equal(shown(there), before)
    assert click(there, (5, 5))["score"]["touches"] == 1
    assert here.locator("#trail li").count() == there.locator("#trail li").count() == 1


def test_a_stopped_server_is_said_on_the_page(browser):
    server = started()
    page = browser.new_page()  # the browser prints failed requests to its console
    page.goto(server.address)
    page.wait_for_selector("#stage[aria-busy=false]")
    assert page.locator("#stopped").is_hidden()
    server.close()
    page.wait_for_selector("#stopped:visible")
    assert "The server has stopped" in page.locator("#stopped").inner_text()
    page.close()


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_whole_at_every_width(beside, visit, width, scheme):
    page = visit(beside, width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = "Array.from(document.querySelectorAll('body *'), one => one.getBoundingClientRect().right)"
    assert max(page.evaluate(right)) <= width
    sides = page.evaluate("Array.from(document.querySelectorAll('.view'), one => one.clientWidth)")
    assert len(sides) == 2 and min(sides) >= 300
    paper, ink = colours(page)
    assert (paper < 200 and ink > 600) if scheme == "dark" else (paper > 600 and ink < 200)


def test_every_control_has_a_name(beside, visit):
    page = visit(beside)
    nameless = page.evaluate(
        """Array.from(document.querySelectorAll("button, input, [role=application], [role=img]"))
        .filter(one => !(one.ariaLabel || one.textContent.trim()
            || Array.from(one.labels ?? []).some(label => label.textContent.trim())))
        .map(one => one.outerHTML)"""
    )
    assert nameless == []
    for role, name in [
        ("button", "Touch at the pointer ↵"),
        ("radio", "200 N 3"),
        ("button", "Play the motion"),
        ("slider", "Frame of the motion"),
        ("application", "View of your room, 300 by 300 pixels"),
        ("img", "View of the agent's copy of the room"),
        ("spinbutton", "Seed"),
        ("checkbox", "mask of what moved M"),
    ]:
        assert page.get_by_role(role, name=name, exact=True).count() >= 1, name
