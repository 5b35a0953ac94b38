"""What a run measures is in both of its files, whole, whatever the disk does."""

import json
import os
from pathlib import Path

import pytest
from no_room import room_for
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.training import progress
from agents.training.metrics import EventFile, MetricsLogger, read_metrics
from agents.training.progress import Updates


def charts(run: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run."""
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_tensorboard_shows_the_numbers_and_forgets_what_a_resumed_run_does_again(tmp_path: Path) -> None:
    with MetricsLogger(tmp_path, 10) as logger:
        for episode in (1, 2, 3):
            row = {"episode": episode, "loss": episode / 2, "held_out/ap": 7, "phase": "learn", "known": None}
            logger.log(row)
    with MetricsLogger(tmp_path, 10, episodes_done=2, updates_done=5) as logger:
        logger.log({"episode": 3, "loss": 0.25})
    assert charts(tmp_path) == {
        "train/loss": [(1, 0.5), (2, 1.0), (3, 0.25)],
        "held_out/ap": [(1, 7.0), (2, 7.0)],
    }
    assert [(row["episode"], row["loss"]) for row in read_metrics(tmp_path)] == [
        (1, 0.5),
        (2, 1.0),
        (3, 0.25),
    ]


def test_a_record_that_does_not_fit_is_not_there_at_all(tmp_path: Path) -> None:
    with MetricsLogger(tmp_path, 10) as logger:
        logger.log({"episode": 1, "loss": 1.0})
        with room_for(4096), pytest.raises(OSError, match=r"metrics\.jsonl"):
            logger.log({"episode": 2, "loss": 2.0, "text": "x" * 5000})
        assert (tmp_path / "metrics.jsonl").read_text() == json.dumps({"episode": 1, "loss": 1.0}) + "\n"
        logger.log({"episode": 2, "loss": 2.0})
    assert charts(tmp_path) == {"train/loss": [(1, 1.0), (2, 2.0)]}
    events = EventFile(tmp_path / "tensorboard", 3)
    with room_for(4096), pytest.raises(OSError, match=r"tfevents"):
        events.add(3, {"x" * 5000: 1.0})
    events.add(3, {"train/loss": 3.0})
    assert charts(tmp_path)["train/loss"] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_old_records_stay_when_there_is_no_room_to_begin(tmp_path: Path) -> None:
    content = "".join(json.dumps({"episode": number, "text": "x" * 1000}) + "\n" for number in range(1, 8))
    (tmp_path / "metrics.jsonl").write_text(content)
    with room_for(4096), pytest.raises(OSError, match=r"metrics\.jsonl"):
        MetricsLogger(tmp_path, 10, episodes_done=6)
    assert (tmp_path / "metrics.jsonl").read_text() == content
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_a_rank_without_masks_does_not_hide_those_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"loss": [3.0, 5.0], "mask_iou": [0.5]}
    monkeypatch.setattr(progress, "gather", lambda mine, ranks: [mine, others][:ranks])
    updates = Updates({"loss": [1.0, 3.0]}, rate=0.1, count=2, seconds=4.0)
    assert updates.row(8, ranks=2) == {
        "loss": 3.0,
        "mask_iou": 0.5,
        "learning_rate": 0.1,
        "images_per_second": 4.0,
    }
    assert "mask_iou" not in updates.row(8)
