"""Run folders, a leaderboard and a calibration, made by hand, for the tests of the report."""

import json
from pathlib import Path

import numpy as np
from fake_simulator import FakeSimulator

from agents.base import Instance
from eval.benchmark.leaderboard import append_to_leaderboard
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.locations.location import Location

CONFUSION = [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7]]
PLACES = [Location(f"FloorPlan{room}", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 0, 5) for room in (26, 27, 28, 29)]


def results(scale: float) -> dict:
    return {
        "bbox_ap50": 0.20 * scale,
        "bbox_ap": 0.10 * scale,
        "mask_ap50": 0.16 * scale,
        "mask_ap": 0.08 * scale,
        "mass_accuracy": 0.55,
        "mass_bbox_ap50": 0.05,
        "confusion": CONFUSION,
        "mass_matches": 40,
        "intervals": {
            name: [0.5 * score * scale, 1.5 * score * scale]
            for name, score in (("bbox_ap50", 0.20), ("mask_ap50", 0.16))
        },
    }


def write_run(folder: Path, joint: bool, scale: float, **config: object) -> Path:
    """Write what a run of the self-supervised learner leaves behind, weights excepted."""
    folder.mkdir()
    stage = {"joint": joint}
    values = {"preset": "quick", "split": "NovelSpaces", "seed": 3, "schedule": {"stages": [stage]}, **config}
    (folder / "config.json").write_text(json.dumps(values))
    notes = {
        "starts": [
            {
                "time": "2020-01-01T00:00:00+00:00",
                "command": "python -m agents <train> & more",
                "world": "mujoco 0123",
            }
        ],
        "hardware": {"processor": "Abacus", "cores": 2, "gpu": None},
        "versions": {"python": "3.11"},
        "training_seconds": 90,
    }
    (folder / "run.json").write_text(json.dumps(notes))
    rows = {"self-supervised": results(scale), "all superpixels": results(0.1)}
    evaluation = {
        "split": "NovelSpaces/test",
        "locations": 4,
        "world": "mujoco 0123",
        "learned_in": ["mujoco 0123"],
        "seed": 0,
        "reachable_fraction": 0.2,
        "rows": rows,
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    lines = [
        {
            "episode": n,
            "seconds": 60.0 * n * n,
            "greedy_touches": 100 * n,
            "random_touches": 20,
            "loss": 5.0 / n,
            "greedy_success": n / 10,
            "random_success": 0.03,
            "held_out/bbox_ap50": n / 50,
        }
        for n in range(1, 6)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"episode": 6, "lo'
    (folder / "metrics.jsonl").write_text(text)
    return folder


def as_row(run: Path, letter: str) -> Path:
    """Make a run one of a row of the table."""
    path = run / "evaluation.json"
    table = {"row": letter, "split": "NovelSpaces", "preset": "quick", "seed": 3}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"table": table}))
    return run


def write_leaderboard(path: Path) -> Path:
    for label, success in (("weak <agent>", 0.1), ("strong", 0.4)):
        touched = {
            "greedy_success_rate": success,
            "random_success_rate": 0.05,
            "objects_per_location": 1.5,
            "objects_per_interaction": 0.15,
            "points_per_location": 10.0,
            "intervals": {"greedy_success_rate": [success / 2, success * 2]},
        }
        append_to_leaderboard(
            path,
            {
                "label": label,
                "split": "NovelSpaces/test",
                "views_seed": 0,
                "world": "mujoco world 1",
                "locations": 9,
                "interaction": touched,
                "perception": None,
                "failed_views": 2,
            },
        )
    return path


def write_calibration(path: Path) -> Path:
    rates = [
        {"mass_class": name, "force": force, "touches": 10, "successes": successes}
        for name, row in (("light", (7, 8, 8)), ("medium", (1, 7, 9)), ("heavy", (0, 1, 8)))
        for force, successes in zip((5.0, 30.0, 200.0), row, strict=True)
    ]
    options = {"rooms": ["FloorPlan1", "FloorPlan2"], "locations": 3, "seed": 0}
    path.write_text(json.dumps({"options": options, "success_rates_seen": rates, "success_rates_all": rates}))
    return path


def toy_views() -> EvaluationSet:
    return EvaluationSet.at(PLACES, "NovelSpaces/test", simulator=FakeSimulator, progress=False)


class KnowsSomeViews:
    """Proposes the truth of the even views of `toy_views`, and a corner elsewhere."""

    def __init__(self) -> None:
        self._views = toy_views()

    def propose(self, observation):
        (number,) = (
            number
            for number, view in enumerate(self._views.observations)
            if np.array_equal(view["rgb"], observation["rgb"])
        )
        if number % 2:
            corner = np.zeros((300, 300), bool)
            corner[:9, :9] = True
            return [Instance((4, 4), 0, 0.9, corner)]
        return [
            Instance((int(rows[0]) + 30, int(columns[0]) + 30), 2, 0.9, mask)
            for mask in self._views.truths[number].masks
            for rows, columns in [mask.nonzero()]
        ]

    def maps(self, observation):
        return np.zeros((100, 100), np.float32), np.zeros((100, 100), np.int64)
