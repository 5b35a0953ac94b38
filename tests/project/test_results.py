"""The published results: no number of the pages is typed, and all are of the present world."""

import json
from pathlib import Path

import pytest

from eval.findings import judge
from eval.results.keep import scores_csv
from eval.results.markdown import fill
from eval.table.row_results import RowResult, read_results, summarize
from thor_interact_env.world import world_of

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
PAGES = ("README.md", "docs/results.md")
MAX_BYTES = 5_000_000


@pytest.fixture(scope="module")
def results() -> list[RowResult]:
    return read_results([RESULTS / "runs"])


@pytest.mark.parametrize("page", PAGES)
def test_tables_of_pages_are_those_of_the_results(page: str, results: list[RowResult]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert fill(text, summarize(results), Path(page)) == text


def test_files_follow_from_the_runs(results: list[RowResult]) -> None:
    entries = summarize(results)
    assert json.loads((RESULTS / "tables.json").read_text()) == json.loads(json.dumps(entries))
    assert json.loads((RESULTS / "findings.json").read_text()) == json.loads(json.dumps(judge(entries)))
    assert (RESULTS / "scores.csv").read_text() == scores_csv(results)


def test_results_are_of_the_present_world(results: list[RowResult]) -> None:
    assert {world for one in results for world in one.worlds} == {world_of("mujoco")}


def test_results_are_small() -> None:
    assert sum(path.stat().st_size for path in RESULTS.rglob("*") if path.is_file()) < MAX_BYTES
