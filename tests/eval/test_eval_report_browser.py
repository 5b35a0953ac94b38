"""The report in a real browser: no complaint, every image loads, nothing runs over the edge of the screen."""

import csv

import pytest
import report_material as material
from browsers import chromium, colours, complaints
from fake_simulator import FakeSimulator

from eval.report.command_line import ReportOptions, gather, render


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    runs = (
        material.write_run(folder / ("joint-with-a-very-long-name-of-its-own-" * 2), True, 0.5),
        material.write_run(folder / "segmentation", False, 1.0),
    )
    options = ReportOptions(
        runs=runs,
        leaderboard=material.write_leaderboard(folder / "board.jsonl"),
        calibration=material.write_calibration(folder / "forces.json"),
        panels=1,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eval.report.views.agent_of", lambda run: material.KnowsSomeViews())
        text = render(gather(options, material.toy_views(), FakeSimulator()))
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder / "report.html"


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_whole_in_a_browser(browser, page_file, width, scheme) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    said = complaints(page)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri(), wait_until="load")
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", page_file.as_uri()))] == []

    sizes = page.evaluate("Array.from(document.images, image => [image.complete, image.naturalWidth])")
    assert len(sizes) == 18 and all(complete and across > 0 for complete, across in sizes)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = "one => one.getBoundingClientRect().right"
    for kind in ("svg, .film img, .slider, .confusion", ".scroll"):
        assert max(page.evaluate(f"Array.from(document.querySelectorAll('{kind}'), {right})")) <= width
    # On a wide screen no table is cut; on a narrow one the name of its row stays in sight.
    tables = "Array.from(document.querySelectorAll('.scroll:not(.panels)'))"
    cut = f"{tables}.filter(one => one.scrollWidth > one.clientWidth)"
    assert width < 1000 or page.evaluate(f"{cut}.map(one => one.ariaLabel)") == []
    board = page.locator("#interaction .scroll")
    board.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    assert board.locator("tbody th").first.bounding_box()["x"] >= 0
    # Six panels side by side would be too small to see on a narrow screen; they scroll inside their frame.
    wide = page.evaluate("Array.from(document.querySelectorAll('.panels img'), one => one.clientWidth)")
    assert min(wide) >= 800

    paper, ink = colours(page)
    assert (paper < 200 and ink > 600) if scheme == "dark" else (paper > 600 and ink < 200)
    ink_of_charts = page.evaluate("getComputedStyle(document.querySelector('svg')).color")
    assert ink_of_charts == page.evaluate("getComputedStyle(document.body).color")
    page.close()


def test_numbers_are_downloaded_by_one_click(browser, page_file, tmp_path) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(page_file.as_uri(), wait_until="load")
    for label, header in (
        ("segmentation Loss as CSV", ["episode", "minutes", "touches", "loss"]),
        ("Interaction and leaderboard as CSV", ["label", "source"]),
        ("Touches segmentation view 0 as CSV", ["touch", "row"]),
    ):
        with page.expect_download() as started:
            page.get_by_role("link", name=label).click()
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        assert file.suffix == ".csv"
        rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
        assert rows[0][: len(header)] == header and len(rows) > 2
    page.close()


def test_a_slider_moves_by_keyboard_and_by_mouse(browser, page_file) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(page_file.as_uri(), wait_until="load")
    slider = page.locator(".slider").first
    shown = "one => getComputedStyle(one.querySelector('.over')).clipPath"
    assert slider.evaluate(shown) == "inset(0px 0px 0px 50%)"
    before = slider.screenshot()
    slider.locator("input").press("ArrowRight")
    assert slider.evaluate(shown) == "inset(0px 0px 0px 51%)"
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + 50)
    assert slider.evaluate(shown) in ("inset(0px)", "inset(0px 0px 0px 0%)")
    assert slider.screenshot() != before
    page.close()


@pytest.mark.parametrize("width", [400, 1400])
def test_panels_are_shown_in_full_size(browser, page_file, width) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(page_file.as_uri(), wait_until="load")
    image, button = page.locator(".panels img").first, page.get_by_role("button", name="Full size").first
    small = image.evaluate("one => one.clientWidth")
    assert small < 1880
    button.click()
    assert image.evaluate("one => one.clientWidth") == 1880 and button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    button.click()
    assert image.evaluate("one => one.clientWidth") == small
    page.close()
