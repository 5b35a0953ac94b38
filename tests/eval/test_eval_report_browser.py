"""The report in a real browser: no complaint, every image loads, nothing runs over the edge of the screen."""

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
    assert len(sizes) == 6 and all(complete and across > 0 for complete, across in sizes)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    right = "one => one.getBoundingClientRect().right"
    for kind in ("svg, .film img", ".scroll"):
        assert max(page.evaluate(f"Array.from(document.querySelectorAll('{kind}'), {right})")) <= width
    # Six panels side by side would be too small to see on a narrow screen; they scroll inside their frame.
    wide = page.evaluate("Array.from(document.querySelectorAll('.panels img'), one => one.clientWidth)")
    assert min(wide) >= 800

    paper, ink = colours(page)
    assert (paper < 200 and ink > 600) if scheme == "dark" else (paper > 600 and ink < 200)
    ink_of_charts = page.evaluate("getComputedStyle(document.querySelector('svg')).color")
    assert ink_of_charts == page.evaluate("getComputedStyle(document.body).color")
    page.close()
