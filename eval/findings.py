"""Which of the paper's findings hold in a set of runs: `python -m eval.findings RUN...`.

It reports them with their numbers. The bounds of "close", "clearly" and "far" are constants of this module;
the paper's own numbers satisfy each bound on both splits.

A verdict is sure if it is the same over the whole 95 % interval of its score. The interval of a mean over
several seeds is Student's, because two or three seeds estimate their spread badly, widened by the interval
over locations, because all seeds have the same views. The intervals of two rows are combined as if their
views were independent; they are the same views, so the combination is too wide.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import tyro
from scipy import stats

from agents.commands.options import parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.training.schedule import require
from eval.metrics.bootstrap import CONFIDENCE
from eval.metrics.mass import separations
from eval.table.row_results import read_results, summarize
from eval.table.text import HEADINGS, aligned, mixed_locations, mixed_worlds
from thor_interact_env.files import write_whole
from thor_interact_env.locations.annotations import MASS_CLASSES

PROGRAM = "python -m eval.findings"

COMPARED = ("bbox_ap50", "mask_ap50")
"""A finding about two rows holds if it holds for each of these."""

CLOSE = 0.25
"""Two rows are close if their ratio is in 1 - 0.25 .. 1 + 0.25."""

CLEARLY = 0.9
"""A row is clearly below another if it reaches less than this fraction of it."""

FAR = 0.6
"""A row is far below another if it reaches less than this fraction of it."""

CHANCE = 1 / 3
"""Mean accuracy per class of guessing among three mass classes."""

ABOVE_CHANCE = 0.15
"""Minimum of the mass accuracy above chance, and of heavy objects above a constant prediction."""


_WHOLE = 0.99
"""Minimum sum of a class's line of the confusion if all seeds found the class; the rest is rounding."""


@dataclass(frozen=True)
class Finding:
    """One statement of the paper, and the verdict of the runs.

    Attributes:
        text: The statement.
        rows: Letters of the rows it is about.
        holds: Whether it holds; None if a row is missing, or the reference row found nothing.
        sure: Whether this is so in the whole 95 % interval; None if `holds` is None or no interval is known.
        numbers: The scores behind the verdict.
    """

    text: str
    rows: tuple[str, ...]
    holds: bool | None
    sure: bool | None
    numbers: str


@dataclass(frozen=True)
class FindingsOptions:
    """Print which of the paper's findings hold in a set of runs, with the numbers behind each."""

    folders: Annotated[tyro.conf.Positional[tuple[RunPath, ...]], tyro.conf.arg(metavar="RUN...")]
    """Run folders of rows, folders that hold some, or pretrained:NAME."""

    json: Path | None = None
    """File to write the same to, as JSON."""


_PAIRS: Sequence[tuple[str, str, str, Callable[[float], bool]]] = (
    ("(a) joint learning is close to (c)", "a", "c", lambda ratio: abs(ratio - 1) <= CLOSE),
    ("(d) true masks beat (c)", "d", "c", lambda ratio: ratio > 1),
    ("(e) oracle points change little: close to (c)", "e", "c", lambda ratio: abs(ratio - 1) <= CLOSE),
    ("(f) both oracles change little: close to (c)", "f", "c", lambda ratio: abs(ratio - 1) <= CLOSE),
    ("(k) without superpixels is clearly below (c)", "k", "c", lambda ratio: ratio < CLEARLY),
    ("(l) without prioritised sampling is clearly below (c)", "l", "c", lambda ratio: ratio < CLEARLY),
    ("(m) unlimited reach is below (c)", "m", "c", lambda ratio: ratio < 1),
    ("(g) VideoPCA is far below (c)", "g", "c", lambda ratio: ratio < FAR),
    ("(i) Mask R-CNN on B+ masks is clearly below (c)", "i", "c", lambda ratio: ratio < CLEARLY),
    ("(j) the robust set loss on B+ masks is clearly below (c)", "j", "c", lambda ratio: ratio < CLEARLY),
    ("(i) Mask R-CNN on B+ masks is far below (h), on true ones", "i", "h", lambda ratio: ratio < FAR),
    ("(j) the robust set loss is far below (h)", "j", "h", lambda ratio: ratio < FAR),
    ("(j) the robust set loss is about (i)", "j", "i", lambda ratio: abs(ratio - 1) <= CLOSE),
)
"""Text, row, reference row, and condition on their ratio."""


def findings(rows: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Judge the paper's findings.

    Args:
        rows: The rows of one split and preset, by letter, as `eval.table.row_results.summarize` returns them.

    Returns:
        All findings, in the order of the table's rows; those about mass are last.
    """
    return [*(_compare(rows, *pair) for pair in _PAIRS), _accuracy(rows), _heavy(rows)]


def _compare(
    rows: Mapping[str, Mapping[str, Any]], text: str, one: str, other: str, test: Callable[[float], bool]
) -> Finding:
    missing = _missing(rows, one, other)
    if missing is not None:
        return Finding(text, (one, other), None, None, missing)
    verdicts: list[bool | None] = []
    sure: list[bool | None] = []
    parts = []
    for name in COMPARED:
        score, reference = (rows[letter]["scores"][name] for letter in (one, other))
        if reference["mean"] > 0:
            ratio = score["mean"] / reference["mean"]
            ends = _ratio_interval(ratio, score, reference)
            verdicts.append(test(ratio))
            sure.append(None if ends is None else _same_all_over(test, ratio, ends))
            shown = f"ratio {ratio:.2f}{_ends(ends)}"
        else:
            verdicts.append(None)
            sure.append(None)
            shown = "no ratio"
        parts.append(f"{HEADINGS[name]} {_score(rows, one, name)} / {_score(rows, other, name)} ({shown})")
    # If the reference found nothing there is no ratio, and nothing is printed.
    holds = None if None in verdicts else all(verdicts)
    if holds is False:
        # One score that surely fails is enough.
        decided = [known for known, verdict in zip(sure, verdicts, strict=True) if not verdict]
        certain = True if True in decided else None if None in decided else False
    else:
        certain = None if holds is None or None in sure else all(sure)
    return Finding(text, (one, other), holds, certain, "; ".join(parts))


def _same_all_over(test: Callable[[float], bool], ratio: float, ends: tuple[float, float]) -> bool:
    """Whether a test has the same result for a whole interval of ratios as for the ratio in it."""
    low, high = ends
    # Both ends may be outside a band around 1, one on either side.
    return all(test(value) == test(ratio) for value in (low, high, min(max(low, 1.0), high)))


def _ratio_interval(
    ratio: float, score: Mapping[str, Any], reference: Mapping[str, Any]
) -> tuple[float, float] | None:
    widths = [(_half_width(each), each["mean"]) for each in (score, reference)]
    fractions = [width / mean for width, mean in widths if width is not None and mean > 0]
    if len(fractions) < len(widths):
        return None
    factor = math.exp(math.hypot(*fractions))
    return ratio / factor, ratio * factor


def _half_width(score: Mapping[str, Any]) -> float | None:
    """Return half the length of a mean score's 95 % interval; None if neither seeds nor views give one."""
    parts = []
    if score["spread"] is not None:
        quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, score["seeds"] - 1))
        parts.append(quantile * score["spread"] / math.sqrt(score["seeds"]))
    if score["interval"] is not None:
        low, high = score["interval"]
        parts.append((high - low) / 2)
    return math.hypot(*parts) if parts else None


def _ends(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]"


def _score(rows: Mapping[str, Mapping[str, Any]], letter: str, name: str) -> str:
    score = rows[letter]["scores"][name]
    text = f"{100 * score['mean']:.1f}"
    if score["spread"] is not None:
        return f"{text} +- {100 * score['spread']:.1f}"
    if score["interval"] is not None:
        low, high = score["interval"]
        return f"{text} [{100 * low:.1f}, {100 * high:.1f}]"
    return text


def _accuracy(rows: Mapping[str, Mapping[str, Any]]) -> Finding:
    text = f"(a) mass accuracy is {100 * ABOVE_CHANCE:.0f} points above chance"
    missing = _missing(rows, "a")
    if missing is not None:
        return Finding(text, ("a",), None, None, missing)
    unknown = _unmatched(rows["a"])
    if unknown is not None:
        return Finding(text, ("a",), None, None, unknown)
    score = rows["a"]["scores"]["mass_accuracy"]
    minimum = CHANCE + ABOVE_CHANCE
    holds, sure = _at_least(score, minimum)
    accuracy = _score(rows, "a", "mass_accuracy")
    numbers = f"accuracy {accuracy}, chance {100 * CHANCE:.1f}, needed {100 * minimum:.1f}"
    return Finding(text, ("a",), holds, sure, numbers)


def _heavy(rows: Mapping[str, Mapping[str, Any]]) -> Finding:
    text = "(a) heavy objects are separated best"
    missing = _missing(rows, "a")
    if missing is not None:
        return Finding(text, ("a",), None, None, missing)
    unknown = _unmatched(rows["a"])
    if unknown is not None:
        return Finding(text, ("a",), None, None, unknown)
    # If no class is separated from the others, the best of them has no meaning.
    scores, needed = rows["a"]["scores"], {"heavy_lead": 0.0, "heavy_separation": ABOVE_CHANCE}
    verdicts = [_at_least(scores[name], minimum) for name, minimum in needed.items()]
    holds = all(held for held, _ in verdicts)
    decided = [sure for held, sure in verdicts if held is holds]
    if not holds and True in decided:
        sure: bool | None = True
    else:
        sure = None if None in decided else all(decided)
    separated = ", ".join(
        f"{name} {100 * value:.1f}"
        for name, value in zip(MASS_CLASSES, separations(rows["a"]["confusion"]), strict=True)
    )
    numbers = (
        f"predicted correctly beyond wrongly, in points: {separated}; lead of heavy "
        f"{_score(rows, 'a', 'heavy_lead')}, needed 0.0; its own {_score(rows, 'a', 'heavy_separation')}, "
        f"needed {100 * ABOVE_CHANCE:.1f}"
    )
    return Finding(text, ("a",), holds, sure, numbers)


def _unmatched(row: Mapping[str, Any]) -> str | None:
    """Return a remark if no object of a class was found, which changes chance; else None."""
    lines = zip(MASS_CLASSES, row["confusion"], strict=True)
    missing = [name for name, line in lines if sum(line) < _WHOLE]
    return f"no {' and no '.join(missing)} object was found (by all seeds)" if missing else None


def _at_least(score: Mapping[str, Any], minimum: float) -> tuple[bool, bool | None]:
    """Return whether a score reaches a number, and whether its whole interval does."""
    width = _half_width(score)
    return bool(score["mean"] >= minimum), None if width is None else abs(score["mean"] - minimum) > width


def _missing(rows: Mapping[str, Mapping[str, Any]], *letters: str) -> str | None:
    missing = [letter for letter in letters if letter not in rows]
    return f"not run: {', '.join(missing)}" if missing else None


def judge(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Judge the findings in each of `summarize`'s entries.

    Returns:
        JSON-able values, one mapping per entry: `split`, `preset`, `worlds`, `locations` where its runs were
        measured at different numbers of them, and `findings`, each with the fields of a `Finding`.
    """
    return [
        {
            "split": entry["split"],
            "preset": entry["preset"],
            "worlds": list(entry["worlds"]),
            **({"locations": list(entry["locations"])} if len(entry["locations"]) > 1 else {}),
            "findings": [asdict(finding) for finding in findings(entry["rows"])],
        }
        for entry in entries
    ]


def verdict(finding: Mapping[str, Any]) -> str:
    """Return the verdict of a finding in a few words.

    Args:
        finding: Fields of a `Finding`.
    """
    if finding["holds"] is None:
        return "not known"
    said = "holds" if finding["holds"] else "does NOT hold"
    return said + (", within the noise" if finding["sure"] is False else "")


def describe(judged: Sequence[Mapping[str, Any]]) -> str:
    """Return what `judge` found as text."""
    parts = []
    for group in judged:
        verdicts = [finding["holds"] for finding in group["findings"]]
        sure = [finding["sure"] is not False for finding in group["findings"]]
        counts = [
            (
                verdicts.count(held),
                sum(one is held and not known for one, known in zip(verdicts, sure, strict=True)),
            )
            for held in (True, False)
        ]
        parts.append(
            f"{group['split']}, preset {group['preset']}: {counts[0][0]} hold ({counts[0][1]} within the "
            f"noise), {counts[1][0]} do not ({counts[1][1]} within the noise), "
            f"{verdicts.count(None)} not known"
        )
        if len(group["worlds"]) > 1:
            parts.append(mixed_worlds(group["worlds"]))
        if "locations" in group:
            parts.append(mixed_locations(group["locations"]))
        lines = [["", "finding", "numbers (one row / the other)"]]
        lines += [[verdict(each), each["text"], each["numbers"]] for each in group["findings"]]
        parts.append(_flush_left(lines))
    return "\n\n".join(parts)


def _flush_left(lines: Sequence[Sequence[str]]) -> str:
    """Align two columns; the last one is of any length."""
    table = aligned([line[:2] for line in lines]).split("\n")
    width = max(map(len, table))
    last = [lines[0][2], "", *(line[2] for line in lines[1:])]
    return "\n".join(f"{row.ljust(width)}  {cell}".rstrip() for row, cell in zip(table, last, strict=True))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, for any verdict; 2 after a mistake in the arguments.
    """
    run_command_line(lambda words: _run(parse_options(FindingsOptions, PROGRAM, words)), arguments)


def _run(options: FindingsOptions) -> None:
    require(len(options.folders) >= 1, "name at least one run folder.")
    judged = judge(summarize(read_results(options.folders)))
    print(describe(judged))
    if options.json is not None:
        write_whole(options.json, (json.dumps(judged, indent=1) + "\n").encode("utf-8"))


if __name__ == "__main__":
    main()
