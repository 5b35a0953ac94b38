"""`evaluate RUN --dataset FILE`, through the embedded simulator."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from command_lines import complaint, exit_code
from player_launcher import PLAYER_COMMAND, client_environment
from released_weights import random_weights

from agents.selfsup_agent.__main__ import main
from agents.selfsup_agent.importing import import_released, released_config
from agents.training.schedule import ConfigurationError
from eval.evaluation.dataset_evaluation import DatasetChoice, remarks
from eval.views.dataset_views import DatasetViews
from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.datasets.measuring import measure
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.ai2thor.options import VARIABLE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    torch.save(random_weights(), folder / "weights.pth")
    import_released(folder / "weights.pth", folder / "run", released_config("NovelObjects"))
    return folder / "run"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two views of a bedroom with their ground truth, and a location outside it."""
    import numpy as np

    from thor_interact_env.locations.sampling import LocationSampler

    simulator = make_simulator("mujoco")
    try:
        sampler = LocationSampler(simulator, ("FloorPlan301",))
        rng = np.random.default_rng(0)
        entries: list[DatasetEntry] = []
        while len(entries) < 2:
            made = measure(simulator, sampler.sample(rng), len(entries), forces=False)
            entries += [made] if made.annotations else []
    finally:
        simulator.close()
    outside = replace(entries[0].location, position=(99.0, 0.9, 99.0))
    entries.append(replace(entries[0], image_id=2, location=outside, annotations=()))
    path = tmp_path_factory.mktemp("datasets") / "NovelObjects__test.json"
    LocationDataset(entries).write(path)
    path.write_text(path.read_text().replace("FloorPlan301", "FloorPlan301_physics"))
    return path


@pytest.fixture(scope="module")
def by_file(run: Path, dataset: Path) -> tuple[str, dict[str, Any]]:
    """What an evaluation by the file's own truth prints and writes."""
    with redirect_stdout(io.StringIO()) as printed:
        words = ("evaluate", run, "--dataset", dataset, "--device", "cpu", "--truth", "file")
        assert exit_code(main, *words) == 0
    return printed.getvalue(), json.loads((run / "evaluation-NovelObjects__test.json").read_text())


def test_a_dataset_file_drives_the_evaluation(
    run: Path, dataset: Path, by_file: tuple[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the simulator that made the file, its annotations and the simulator's truth are the same."""
    printed_of_file, by_file_result = by_file
    assert exit_code(main, "evaluate", run, "--dataset", dataset, "--device", "cpu") == 0
    by_simulator = json.loads((run / "evaluation-NovelObjects__test.json").read_text())
    for printed in (printed_of_file, capsys.readouterr().out):
        assert "NovelObjects__test.json, 2 locations" in printed
        assert "1 of 3 locations left out" in printed and "in FloorPlan301" in printed
    assert "100% of the file's objects" in printed_of_file
    assert by_simulator["split"] == "NovelObjects__test.json" and by_simulator["locations"] == 2
    assert by_simulator["simulator"] == "mujoco" and by_simulator["targets"] == []
    assert (by_simulator["dataset"]["truth"], by_file_result["dataset"]["truth"]) == ("simulator", "file")
    assert by_file_result["dataset"]["agreement"] == 1
    assert by_file_result["dataset"]["left_out"][0]["position"]["x"] == 99
    assert set(by_file_result["rows"]) == {
        "self-supervised",
        "untrained network",
        "random points",
        "all superpixels",
    }
    for name, row in by_file_result["rows"].items():
        other = by_simulator["rows"][name]
        assert row["truths"] > 0
        assert {**row, "images_per_second": 0} == {**other, "images_per_second": 0}


def test_the_file_drives_it_through_ai2thors_client_too(
    run: Path,
    dataset: Path,
    by_file: tuple[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The player of the tests shows the embedded rooms: what is seen in colour alone scores the same."""
    pytest.importorskip("ai2thor")
    words = ["evaluate", run, "--dataset", dataset, "--truth", "file", "--device", "cpu", "--simulator"]
    _, embedded = by_file
    with client_environment(tmp_path):
        monkeypatch.setenv(VARIABLE, json.dumps({"local_executable_path": PLAYER_COMMAND}))
        assert exit_code(main, *words, "ai2thor") == 0
    result = json.loads((run / "evaluation-NovelObjects__test-ai2thor.json").read_text())
    assert result["simulator"] == "ai2thor" and result["dataset"]["agreement"] == 1
    assert result["dataset"]["left_out"] == embedded["dataset"]["left_out"]
    assert {name: row["truths"] for name, row in result["rows"].items()} == {
        name: row["truths"] for name, row in embedded["rows"].items()
    }
    seen, expected = (
        {**made["rows"]["all superpixels"], "images_per_second": 0} for made in (result, embedded)
    )
    assert seen == expected


def test_wrong_words_are_one_line(
    run: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = ["evaluate", run, "--dataset"]
    assert "No such file" in complaint(main, capsys, *evaluation, tmp_path / "none.json")
    (tmp_path / "no.json").write_text("{")
    assert "is not a JSON file" in complaint(main, capsys, *evaluation, tmp_path / "no.json")
    assert "exclude each other" in complaint(main, capsys, *evaluation, dataset, "--split", "NovelSpaces")
    assert "exclude each other" in complaint(main, capsys, *evaluation, dataset, "--reachable-fraction", "0")
    assert "locations is 0" in complaint(main, capsys, *evaluation, dataset, "--locations", "0")
    assert "no simulator 'unreal'" in complaint(main, capsys, *evaluation, dataset, "--simulator", "unreal")
    assert "--truth file needs a --dataset" in complaint(main, capsys, "evaluate", run, "--truth", "file")
    assert "none" in complaint(main, capsys, *evaluation, dataset, "--truth", "none")
    assert "no simulator 'unreal'" in complaint(
        main, capsys, "predict", run, "view.npz", "--simulator", "unreal", "--out", tmp_path / "view.png"
    )


def test_a_file_of_another_build_is_called_out() -> None:
    empty = EvaluationSet("own", None, None, (), (), ())
    said = " ".join(remarks(DatasetViews(empty, "file", 0.25)))
    assert "25% of the file's objects" in said and "--truth simulator" in said
    assert "--truth simulator" not in " ".join(remarks(DatasetViews(empty, "file", 0.75)))
    assert remarks(DatasetViews(empty, "simulator", 0.25)) == ["scored against the simulator"]
    with pytest.raises(ConfigurationError, match="locations is -1"):
        DatasetChoice(Path("file.json"), -1)
