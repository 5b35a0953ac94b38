"""A released file becomes a run, or is refused in one line."""

import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_lines import complaint, exit_code
from released_weights import forward, random_weights

from agents.selfsup_agent.__main__ import main
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.selfsup_agent.importing import (
    ReleasedWeightsError,
    differences,
    import_released,
    read_released,
    released_config,
)
from agents.selfsup_agent.released_network import ReleasedNet
from agents.training.run_folder import RunExistsError, load_config
from thor_interact_env.simulators.base import Observation


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("released") / "weights_900.pth"
    torch.save(OrderedDict(random_weights()), path)
    return path


def test_an_imported_run_says_what_the_file_says(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "deeper" / "run"
    assert exit_code(main, "import-released", file, "--out", run, "--split", "NovelObjects") == 0
    assert f"evaluate {run}" in capsys.readouterr().out
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    config = load_config(run)
    assert (config.network, config.split, config.preset) == ("released", "NovelObjects", "paper")
    assert (config.change_test, config.kernel_name) == ("pooled_squared_difference", "exponential")
    assert (config.loss_weights, config.embedding_normalization, config.clipped_distances) == (
        "released",
        "added",
        False,
    )
    assert (config.location_score, config.without_replacement) == ("mean", "episode")
    noted = json.loads((run / "run.json").read_text())
    assert noted["imported"]["file"] == "weights_900.pth" and len(noted["imported"]["sha256"]) == 64
    assert not list(run.rglob("*.pth"))

    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    depth = rng.uniform(0.5, 3, (300, 300)).astype(np.float32)
    agent = SelfSupervisedAgent.from_run(run, "cpu")
    offset = (torch.arange(300.0) - 149.5) / 150
    plane = torch.from_numpy(depth) / (1 + offset[:, None] ** 2 + offset[None, :] ** 2) ** 0.5
    pixels = torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        scores, _, embeddings = forward(random_weights(), pixels, plane[None] * 0.995)
    found = SelfSupervisedAgent(agent.network, precision="fp32").predict(Observation(rgb=rgb, depth=depth))
    torch.testing.assert_close(found.scores, scores, atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(found.embeddings, embeddings, atol=5e-3, rtol=5e-3)

    np.savez(tmp_path / "view.npz", rgb=rgb, depth=depth)
    image = tmp_path / "panels.png"
    assert exit_code(main, "predict", run, tmp_path / "view.npz", "--out", image, "--device", "cpu") == 0
    assert image.stat().st_size > 10_000


def test_a_run_that_is_there_stays_as_it_is(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert "not empty; name another --out" in complaint(
        main, capsys, "import-released", file, "--out", tmp_path / "run"
    )
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunExistsError, match="not empty"):
        import_released(file, tmp_path / "file", released_config("NovelSpaces"))
    (tmp_path / "empty").mkdir()
    import_released(file, tmp_path / "empty", released_config("NovelSpaces"))
    assert isinstance(SelfSupervisedAgent.from_run(tmp_path / "empty", "cpu").network, ReleasedNet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "run"]


def test_nothing_is_left_of_an_import_that_failed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("agents.selfsup_agent.importing.save_checkpoint", full)
    with pytest.raises(OSError, match="no space"):
        import_released(file, tmp_path / "run", released_config("NovelSpaces"))
    assert list(tmp_path.iterdir()) == []


def changed(**values: object) -> dict[str, object]:
    """The released weights with some values replaced, or left out where the value is None."""
    weights: dict[str, object] = {**random_weights()}
    for name, value in values.items():
        if value is None:
            del weights[name.replace("__", ".")]
        else:
            weights[name.replace("__", ".")] = value
    return weights


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(head__2__bias=None), r"1 missing \(head\.2\.bias\)"),
        (changed(head__3__bias=torch.zeros(3)), r"1 unexpected \(head\.3\.bias\)"),
        (
            changed(head__2__bias=torch.zeros(18)),
            r"1 of another shape \(head\.2\.bias is \(18,\), not \(17,\)\)",
        ),
        (
            changed(head__2__bias=torch.zeros(17, dtype=torch.float64)),
            r"1 of another type \(head\.2\.bias is float64, not float32\)",
        ),
        (
            changed(head__2__bias=torch.zeros(17).to_sparse()),
            r"head\.2\.bias is sparse_coo float32, not float32",
        ),
        (changed(head__2__bias=[0.0] * 17), r"head\.2\.bias is list, not a tensor"),
        (changed(head__2__bias=torch.full((17,), torch.nan)), r"1 not finite \(head\.2\.bias\)"),
        (
            {f"module.{name}": value for name, value in random_weights().items()},
            r"96 missing .* 96 unexpected",
        ),
        ({"state_dict": random_weights()}, r"96 missing .*, \.\.\.\); 1 unexpected \(state_dict\)"),
        (torch.zeros(3), "it is Tensor, not a mapping"),
        ({3: torch.zeros(3)}, "it is dict, not a mapping of names"),
    ],
)
def test_what_does_not_match_is_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(ReleasedWeightsError, match=message):
        read_released(path)


def test_what_matches_has_no_differences() -> None:
    assert differences(random_weights()) == []
    assert differences(ReleasedNet().state_dict()) == []


class Bomb:
    """Unpickled without care, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    for name, save in (
        ("new", torch.save),
        ("old", lambda value, path: path.write_bytes(pickle.dumps(value))),
    ):
        path = tmp_path / f"{name}.pth"
        save({"head.0.weight": Bomb(tmp_path / "exploded")}, path)
        with pytest.raises(ReleasedWeightsError, match="cannot be read as weights"):
            read_released(path)
    assert not (tmp_path / "exploded").exists()


def test_damaged_files_are_refused_in_one_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = file.read_bytes()
    damaged = tmp_path / "damaged.pth"
    for content in (b"", b"PK", b"no weights at all", whole[:100], whole[:-100], whole[1000:], b"\x80\x02."):
        damaged.write_bytes(content)
        said = complaint(main, capsys, "import-released", damaged, "--out", tmp_path / "run")
        assert "damaged.pth cannot be read as weights" in said and len(said) < 400
    assert "is not a file" in complaint(main, capsys, "import-released", tmp_path / "none.pth")
    assert "is not a file" in complaint(main, capsys, "import-released", tmp_path)
    assert "no split 'Moon'" in complaint(main, capsys, "import-released", file, "--split", "Moon")
    assert "no simulator 'unreal'" in complaint(
        main, capsys, "import-released", file, "--simulator", "unreal"
    )
    assert "FILE" in complaint(main, capsys, "import-released")
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.pth"]
