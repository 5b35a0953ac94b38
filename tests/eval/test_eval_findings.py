"""Which of the paper's findings hold, and how sure that is."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from command_lines import exit_code
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from table_material import published_runs, write_result

from eval.findings import findings, verdict
from eval.findings import main as findings_main
from eval.metrics.mass import heavy_lead, separations
from eval.table.row_results import read_results, summarize
from eval.table.rows import ROWS, label_of


def test_every_finding_holds_in_the_papers_own_numbers(tmp_path, capsys):
    published_runs(tmp_path)
    file = tmp_path / "findings.json"
    assert exit_code(findings_main, tmp_path, "--json", file) == 0
    assert (
        capsys.readouterr().out.count(
            "15 hold (0 within the noise), 0 do not (0 within the noise), 0 not known"
        )
        == 2
    )
    for entry in json.loads(file.read_text()):
        assert len(entry["findings"]) == 15
        assert all(finding["holds"] is True and finding["numbers"] for finding in entry["findings"])


@pytest.mark.parametrize(
    ("letter", "values", "text"),
    [
        ("a", {"mask_ap50": 0.1}, "(a) joint"),
        ("d", {"bbox_ap50": 0.2}, "(d) true masks"),
        ("e", {"bbox_ap50": 0.15}, "(e) oracle points"),
        ("f", {"mask_ap50": 0.35}, "(f) both oracles"),
        ("k", {"mask_ap50": 0.236}, "(k) without"),
        ("l", {"mask_ap50": 0.22}, "(l) without"),
        ("m", {"bbox_ap50": 0.3}, "(m) unlimited"),
        ("g", {"mask_ap50": 0.2}, "(g) VideoPCA"),
        ("i", {"bbox_ap50": 0.35}, "(i) Mask R-CNN on B+ masks is far"),
        ("i", {"bbox_ap50": 0.25}, "(i) Mask R-CNN on B+ masks is clearly"),
        ("j", {"mask_ap50": 0.25}, "(j) the robust set loss on B+"),
        ("j", {"mask_ap50": 0.05}, "(j) the robust set loss is about"),
        ("a", {"mass_accuracy": 0.48}, "(a) mass accuracy"),
        ("a", {"confusion": [[0.9, 0.1, 0], [0, 0.9, 0.1], [0.1, 0.1, 0.8]]}, "(a) heavy"),
        ("a", {"confusion": [[0, 0, 1], [0, 0, 1], [0, 0, 1]]}, "(a) heavy"),
    ],
)
def test_a_finding_that_does_not_hold_is_said_not_to(tmp_path, letter, values, text):
    published_runs(tmp_path)
    path = tmp_path / f"{letter}-NovelSpaces-quick-seed0" / "evaluation.json"
    result = json.loads(path.read_text())
    result["rows"][label_of(ROWS[letter].agent)] |= values
    path.write_text(json.dumps(result))
    entry = next(each for each in summarize(read_results([tmp_path])) if each["split"] == "NovelSpaces")
    judged = {finding.text: finding.holds for finding in findings(entry["rows"])}
    (changed,) = [holds for name, holds in judged.items() if name.startswith(text)]
    assert changed is False


def test_a_constant_answer_separates_nothing():
    assert separations([[0, 0, 1]] * 3).tolist() == [0, 0, 0]
    assert separations(7 * np.eye(3)).tolist() == [1, 1, 1]


@given(counts=arrays(np.int64, (4, 3, 3), elements=st.integers(0, 9)))
def test_separations_are_those_of_a_plain_statement(counts):
    expected = []
    for confusion in counts.tolist():
        fractions = [[cell / max(sum(line), 1) for cell in line] for line in confusion]
        others = [[fractions[other][mine] for other in range(3) if other != mine] for mine in range(3)]
        expected.append([fractions[mine][mine] - sum(others[mine]) / 2 for mine in range(3)])
    np.testing.assert_allclose(separations(counts), expected, atol=1e-12)
    leads = [heavy - max(light, medium) for light, medium, heavy in expected]
    np.testing.assert_allclose(heavy_lead(counts), leads, atol=1e-12)


@pytest.mark.parametrize(
    ("lead", "own", "holds", "sure"),
    [
        ([0.05, 0.3], [0.3, 0.5], True, True),
        ([-0.2, 0.6], [0.3, 0.5], True, False),
        ([0.05, 0.3], [0.1, 0.7], True, False),
    ],
)
def test_heavy_is_surely_best_if_views_cannot_turn_it(tmp_path, lead, own, holds, sure):
    confusion = [[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.2, 0.2, 0.6]]  # of heavy 0.4, its lead 0.3
    intervals = {"heavy_lead": lead, "heavy_separation": own}
    write_result(tmp_path, "a", "NovelSpaces", {"confusion": confusion, "intervals": intervals})
    (entry,) = summarize(read_results([tmp_path]))
    finding = findings(entry["rows"])[-1]
    assert finding.text.startswith("(a) heavy") and (finding.holds, finding.sure) == (holds, sure)


@pytest.mark.parametrize(
    ("value", "width", "holds", "sure"),
    [
        (0.4, 0.01, True, True),
        (0.22, 0.05, True, False),
        (0.1, 0.01, False, True),
        (0.18, 0.05, False, False),
    ],
)
def test_a_verdict_is_sure_if_the_whole_interval_says_so(tmp_path, value, width, holds, sure):
    def scores(mean):
        names = ("bbox_ap50", "mask_ap50")
        return dict.fromkeys(names, mean) | {
            "intervals": {name: [mean - width / 2, mean + width / 2] for name in names}
        }

    write_result(tmp_path, "c", "NovelSpaces", scores(0.2))
    write_result(tmp_path, "d", "NovelSpaces", scores(value))
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(d)")]
    assert (finding.holds, finding.sure) == (holds, sure)
    assert ("noise" in verdict(asdict(finding))) is not sure


def test_one_score_that_surely_fails_is_enough(tmp_path):
    """A score of 0 has no interval, which says nothing about the other."""
    for letter, values in (("c", (0.4, 0.4)), ("e", (0.1, 0.0))):
        scores = dict(zip(("bbox_ap50", "mask_ap50"), values, strict=True))
        intervals = {"bbox_ap50": [values[0] - 0.01, values[0] + 0.01]}
        write_result(tmp_path, letter, "NovelSpaces", {**scores, "intervals": intervals})
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(e)")]
    assert (finding.holds, finding.sure) == (False, True)


def test_an_interval_that_spans_a_band_is_not_sure_to_be_outside_it(tmp_path):
    for letter, mean, ends in (("c", 0.2, [0.08, 0.32]), ("a", 0.3, [0.12, 0.48])):
        names = ("bbox_ap50", "mask_ap50")
        write_result(
            tmp_path,
            letter,
            "NovelSpaces",
            {**dict.fromkeys(names, mean), "intervals": {name: ends for name in names}},
        )
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(a) joint")]
    assert (finding.holds, finding.sure) == (False, False)


def test_several_seeds_say_how_sure_a_verdict_is(tmp_path):
    for seed, value in enumerate((0.19, 0.2, 0.21)):
        write_result(tmp_path, "c", "NovelSpaces", {"bbox_ap50": value, "mask_ap50": value}, seed)
    for seed, value in enumerate((0.1, 0.2, 0.42)):
        write_result(tmp_path, "d", "NovelSpaces", {"bbox_ap50": value, "mask_ap50": value}, seed)
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(d)")]
    assert (finding.holds, finding.sure) == (True, False)


def test_two_seeds_that_agree_by_chance_make_nothing_sure(tmp_path):
    for letter, values in (("c", (0.2, 0.21)), ("d", (0.24, 0.25))):
        for seed, value in enumerate(values):
            write_result(tmp_path, letter, "NovelSpaces", {"bbox_ap50": value, "mask_ap50": value}, seed)
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(d)")]
    # A normal distribution's 1.96 standard errors would leave no doubt; Student's 12.7 do.
    assert (finding.holds, finding.sure) == (True, False)


def test_more_seeds_do_not_make_up_for_few_views(tmp_path):
    for letter, mean in (("c", 0.2), ("d", 0.24)):
        for seed in range(8):
            value = mean + 0.001 * (seed - 3.5)
            scores = dict.fromkeys(("bbox_ap50", "mask_ap50"), value)
            intervals = {name: [value - 0.05, value + 0.05] for name in scores}
            write_result(tmp_path, letter, "NovelSpaces", {**scores, "intervals": intervals}, seed)
    (entry,) = summarize(read_results([tmp_path]))
    (finding,) = [each for each in findings(entry["rows"]) if each.text.startswith("(d)")]
    assert (finding.holds, finding.sure) == (True, False)


def test_a_class_that_was_never_found_leaves_the_mass_findings_open(tmp_path):
    always_heavy = [[0, 0, 0], [0, 0, 1], [0, 0, 1]]  # half of the classes that were found: 0.5
    scores = {"confusion": always_heavy, "mass_accuracy": 0.5}
    write_result(tmp_path, "a", "NovelSpaces", scores)
    write_result(tmp_path, "a", "NovelSpaces", {"confusion": np.eye(3).tolist(), "mass_accuracy": 1.0}, 1)
    (entry,) = summarize(read_results([tmp_path]))
    for finding in findings(entry["rows"])[-2:]:
        assert finding.holds is None and "no light object was found" in finding.numbers


def test_nothing_is_known_by_comparison_with_nothing(tmp_path):
    write_result(tmp_path, "c", "NovelSpaces", {"bbox_ap50": 0.1})
    write_result(tmp_path, "d", "NovelSpaces", {"bbox_ap50": 0.2, "mask_ap50": 0.1})
    (entry,) = summarize(read_results([tmp_path]))
    judged = {finding.text: finding for finding in findings(entry["rows"])}
    finding = judged["(d) true masks beat (c)"]
    assert finding.holds is None and "no ratio" in finding.numbers and "ratio 2.00" in finding.numbers


def test_findings_without_their_rows_are_not_known(tmp_path):
    write_result(tmp_path, "c", "NovelSpaces", {})
    (entry,) = summarize(read_results([tmp_path]))
    judged = findings(entry["rows"])
    assert all(finding.holds is None and "not run" in finding.numbers for finding in judged)
