"""Results that stay: they are read as the run folders are, and pages hold no number that is not theirs."""

import csv
import json
import re
from pathlib import Path

import pytest
from command_lines import complaint, exit_code
from no_room import room_for
from table_material import write_result

from eval.report.runs import RunFolder
from eval.results.keep import KeepOptions, keep_results, main
from eval.results.markdown import MarkdownError, fill, table
from eval.table.row_results import ResultsError, read_results, summarize

TRAINING = {
    "locations": 4810,
    "touches": 80000,
    "updates": 5000,
    "seconds": 1200.0,
    "processor_seconds": 2400,
}


def finished(folder: Path, letter: str, values: dict, seed: int = 0, split: str = "NovelSpaces") -> Path:
    """Write what is left of a finished run, with weights that are not to be kept."""
    run = write_result(folder, letter, split, values, seed, "hour")
    path = run / "evaluation.json"
    evaluation = json.loads(path.read_text())
    evaluation["training"] = {**TRAINING, "hardware": {"processor": "Some CPU"}, "versions": {}}
    if letter == "o":
        evaluation |= {"interactions": 0, "touched_locations": 40}
    if letter == "c":
        (scores,) = evaluation["rows"].values()
        evaluation["rows"]["its instances, not refined"] = {**scores, "mask_ap50": 0.11}
    path.write_text(json.dumps(evaluation))
    (run / "config.json").write_text('{"seed": 0}')
    (run / "metrics.jsonl").write_text('{"episode": 1}\n')
    start = {"time": "2026-01-01", "command": "python -m eval.table run --out /somewhere/private"}
    (run / "run.json").write_text(json.dumps({"starts": [start], "hardware": {"cores": 2}}))
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "model.safetensors").write_bytes(b"weights")
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    for seed, value in enumerate((0.30, 0.34)):
        finished(folder, "c", {"mask_ap50": value, "bbox_ap50": 0.2}, seed)
    finished(folder, "o", {"mask_ap50": 0.5, "intervals": {"mask_ap50": [0.45, 0.56]}})
    return folder


def test_what_is_kept_is_read_as_the_runs_are(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    kept = keep_results(KeepOptions((runs,), out))
    assert summarize(kept) == summarize(read_results([runs]))
    assert json.loads((out / "tables.json").read_text()) == summarize(kept)
    assert {path.name for path in out.rglob("*") if path.is_file()} == {
        *("tables.json", "findings.json", "scores.csv"),
        *("config.json", "run.json", "metrics.jsonl", "evaluation.json"),
    }
    read, original = (RunFolder.read_all([folder]) for folder in (out, runs))
    assert [(one.name, one.evaluation) for one in read] == [(one.name, one.evaluation) for one in original]
    words = "".join(path.read_text() for path in out.rglob("*.json"))
    assert "private" not in words and "python -m eval.table run o --split NovelSpaces --preset hour" in words
    files = sorted(out.rglob("run.json"))
    commands = [json.loads(path.read_text())["starts"][0]["command"] for path in files]
    *others, untouched = commands  # a repeated row measures as much
    assert untouched.endswith("--seed 0 --locations 200 --interactions 0")
    assert not any("interactions" in command or "touched" in command for command in others)
    with (out / "scores.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [(line["row"], line["seed"], line["instances"], line["mask_ap50"]) for line in lines] == [
        ("c", "0", "own", "0.3"),
        ("c", "0", "not refined", "0.11"),
        ("c", "1", "own", "0.34"),
        ("c", "1", "not refined", "0.11"),
        ("o", "0", "own", "0.5"),
    ]
    assert lines[-1]["mask_ap50_low"] == "0.45" and lines[-1]["training_touches"] == "80000"
    assert lines[-1]["processor"] == "Some CPU"


def test_later_rows_join_the_earlier_ones(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    keep_results(KeepOptions((runs / "o-NovelSpaces-hour-seed0",), out))
    assert len(keep_results(KeepOptions((runs,), out))) == 3
    again = keep_results(KeepOptions((out / "runs",), out))  # its own runs: nothing is written over itself
    assert len(again) == 3 and keep_results(KeepOptions((), out)) == again


def test_two_runs_of_the_same_row_are_an_error(runs: Path, tmp_path: Path) -> None:
    other = finished(tmp_path / "others", "o", {"mask_ap50": 0.9})
    with pytest.raises(ResultsError, match="are the same row"):
        keep_results(KeepOptions((runs, other), tmp_path / "results"))
    assert not (tmp_path / "results").exists()


def test_on_a_full_disk_the_results_stay_as_they_are(runs: Path, tmp_path: Path) -> None:
    options = KeepOptions((runs,), tmp_path / "results")
    keep_results(options)
    before = {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()}
    size = max(map(len, before.values()))
    for path in runs.rglob("metrics.jsonl"):
        path.write_text(size * "{}\n")
    with room_for(size), pytest.raises(OSError, match="too large"):
        keep_results(options)
    assert {path: path.read_bytes() for path in options.out.rglob("*") if path.is_file()} == before


def test_tables_of_pages_are_written_between_their_marks(runs: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Before\n\n<!-- table: scores NovelSpaces hour o,c -->\nold\n<!-- end of table -->\nbetween\n"
        "<!-- table: training NovelSpaces hour -->\n<!-- end of table -->\nafter\n"
    )
    options = KeepOptions((runs,), tmp_path / "results", (page,))
    keep_results(options)
    text = page.read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    assert rows[0][:3] == ["row", "seeds", "bbox AP50"]
    assert rows[2][:2] == ["(o) queried masks", "1"] and rows[2][4] == "50.0 [45.0, 56.0]"
    assert rows[3][:2] == ["(c) self-supervised", "2"] and rows[3][4] == "32.0 +- 2.8"
    assert rows[3][-1] == "26.10 / 12.05 / 23.70 / 10.30"
    assert rows[4][0] == "its instances, not refined" and rows[4][4] == "11.0 +- 0.0"
    assert rows[7] == ["(c) self-supervised", "4,810", "80,000", "5,000", "40.0", "20.0"]
    assert re.sub(r"\|.*\|\n", "", text) == (
        "# Before\n\n<!-- table: scores NovelSpaces hour o,c -->\n<!-- end of table -->\nbetween\n"
        "<!-- table: training NovelSpaces hour -->\n<!-- end of table -->\nafter\n"
    )
    keep_results(options)
    assert page.read_text() == text


def test_other_kinds_of_tables(runs: Path) -> None:
    entries = summarize(read_results([runs]))
    page = Path("page.md")
    assert "(o) queried masks" in table(["mass", "NovelSpaces", "hour"], entries, page)
    assert "(c)" not in table(["mass", "NovelSpaces", "hour"], entries, page)
    assert table(["mass", "NovelSpaces", "hour", "o,"], entries, page) == table(
        ["mass", "NovelSpaces", "hour", "o"], entries, page
    )
    assert "| 25.0" in table(["touches", "NovelSpaces", "hour"], entries, page)
    assert "VideoPCA" not in table(["findings", "NovelSpaces", "hour"], entries, page)  # no row (g) yet
    finished(runs, "g", {"mask_ap50": 0.1, "bbox_ap50": 0.1})
    found = table(["findings", "NovelSpaces", "hour"], summarize(read_results([runs])), page)
    assert "| (g) VideoPCA is far below (c) | holds" in found and "Mask R-CNN" not in found


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("", "page.md marks no table"),
        ("<!-- table: pictures NovelSpaces hour -->\n<!-- end of table -->", "pictures.*one of scores, mass"),
        ("<!-- table: scores NovelSpaces quick -->\n<!-- end of table -->", "quick; .*of NovelSpaces hour"),
        ("<!-- table: scores NovelSpaces hour c,d -->\n<!-- end of table -->", "'d' of NovelSpaces hour"),
        (
            "<!-- table: scores NovelSpaces hour c d -->\n<!-- end of table -->",
            "'scores NovelSpaces hour c d'",
        ),
        ("<!-- table:  -->\n<!-- end of table -->", "names the table ''"),
        (
            "<!-- table: scores NovelSpaces hour -->\nwords\n"
            "<!-- table: mass NovelSpaces hour -->\n<!-- end of table -->",
            "no <!-- end of table --> after <!-- table: scores NovelSpaces hour -->",
        ),
    ],
)
def test_marks_of_tables_that_do_not_exist(runs: Path, mark: str, message: str) -> None:
    with pytest.raises(MarkdownError, match=message):
        fill(mark, summarize(read_results([runs])), Path("page.md"))


def test_the_command_line(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no results yet" in complaint(main, capsys, "--out", tmp_path / "none")
    assert exit_code(main, runs, "--out", tmp_path / "results") == 0
    assert "the results of 3 runs" in capsys.readouterr().out
