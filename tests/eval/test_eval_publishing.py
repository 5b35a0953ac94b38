"""Artefacts of runs: they hold the rounded weights, and a card whose numbers are those of the evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_lines import complaint, exit_code
from made_up_runs import tree
from made_up_world import view
from network_runs import COMMAND, NETWORKS, network_agents, write_network_run
from report_material import results

from agents import artefacts
from agents.artefacts import pretrained_names
from agents.query_agent.__main__ import BASELINE
from agents.registry import learner_of
from agents.selfsup_agent.__main__ import main
from agents.selfsup_agent.agent import SelfSupervisedAgent
from agents.training.checkpoint import CheckpointError, last_checkpoint, load_checkpoint, write_json
from agents.training.configuration import TrainConfig
from agents.training.run_folder import prepare_untrained
from eval.publishing.publish import PublishError, card_of, publish
from eval.table.rows import configuration_of, row

FILES = {"README.md", "config.json", "evaluation.json", "model.safetensors", "run.json", "state.json"}


def front_matter(folder: Path) -> dict:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    _, metadata, _ = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(metadata)


def row_of(folder: Path, name: str) -> list[str]:
    (line,) = (
        line for line in (folder / "README.md").read_text().splitlines() if line.startswith(f"| {name} |")
    )
    return [cell.strip() for cell in line.strip("| ").split("|")][1:]


def check(folder: Path) -> None:
    """Check an artefact: complete, small, usable, and with the card that its files give."""
    assert {path.name for path in folder.iterdir()} == FILES
    assert (folder / "model.safetensors").stat().st_size < 4e6
    weights = load_checkpoint(folder, weights_only=True).model
    assert {weight.dtype for weight in weights.values() if weight.ndim > 1} == {torch.bfloat16}
    license = (folder / "README.md").read_text().splitlines()[1].removeprefix("license: ").strip('"')
    assert (folder / "README.md").read_text() == card_of(folder, license)
    assert len(learner_of(folder).from_run(folder, "cpu").propose(view())) > 0


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_network_run(tmp_path / "run")


def test_every_registered_network_is_published(tmp_path):
    assert network_agents() == set(NETWORKS)
    for name in NETWORKS:
        publish(write_network_run(tmp_path / name, name), tmp_path / "made" / name)
        check(tmp_path / "made" / name)
        assert learner_of(tmp_path / "made" / name).name == name


def test_what_comes_with_the_package_is_complete(subtests):
    assert pretrained_names() == ("queried-hour", "selfsup-hour")
    for name in pretrained_names():
        with subtests.test(name):
            check(artefacts.PRETRAINED / name)


def test_the_agent_is_that_of_the_rounded_weights(run, tmp_path):
    publish(run, tmp_path / "made")
    whole = load_checkpoint(last_checkpoint(run)).model
    kept = load_checkpoint(tmp_path / "made", weights_only=True).model
    assert whole.keys() == kept.keys()
    for name, weight in whole.items():
        expected = weight.bfloat16() if weight.ndim > 1 else weight
        assert kept[name].dtype == expected.dtype and torch.equal(kept[name], expected), name
    agents = [SelfSupervisedAgent.from_run(folder, "cpu") for folder in (run, tmp_path / "made")]
    scores, rounded = (agent.maps(view())[0] for agent in agents)
    assert np.abs(scores - rounded).max() < 0.02 * np.abs(scores).max()


def test_the_card_has_the_numbers_of_the_evaluation(run, tmp_path):
    path = run / "evaluation.json"
    values = json.loads(path.read_text())
    for number, scale in enumerate((0.5, 1.5)):
        values["rows"]["self-supervised"] = results(scale)
        write_json(path, values)
        folder = tmp_path / f"made-{number}"
        publish(run, folder)
        assert row_of(folder, "**this model**") == [
            f"{20 * scale:.1f} ({10 * scale:.1f} to {30 * scale:.1f})",
            f"{10 * scale:.1f}",
            f"{16 * scale:.1f} ({8 * scale:.1f} to {24 * scale:.1f})",
            f"{8 * scale:.1f}",
            "55.0",
        ]
        assert row_of(folder, "all superpixels") == [
            "2.0 (1.0 to 3.0)",
            "1.0",
            "1.6 (0.8 to 2.4)",
            "0.8",
            "55.0",
        ]
        (index,) = front_matter(folder)["model-index"]
        assert index["name"] == folder.name
        found = {metric["type"]: metric["value"] for metric in index["results"][0]["metrics"]}
        assert found["bbox_ap50"] == pytest.approx(20 * scale) and found["mass_accuracy"] == pytest.approx(55)
    text = (folder / "README.md").read_text()
    # Of three episodes of touches, two were before the checkpoint.
    for fact in (
        "| touches | 32 |",
        "| time | 1.5 minutes |",
        "Abacus, 2 cores",
        "25.0% of its own",
        "light 50%",
    ):
        assert fact in text, fact


def test_the_card_of_imported_weights_says_nothing_of_their_training(run, tmp_path):
    notes = json.loads((run / "run.json").read_text())
    write_json(run / "run.json", {**notes, "imported": {"file": "weights.pth", "sha256": "a1"}})
    publish(run, tmp_path / "made")
    text = (tmp_path / "made" / "README.md").read_text()
    assert "trained elsewhere and imported" in text and "| file | weights.pth |" in text
    for claim in ("learned from its own touches", "| seed |", "| machine |", "It has seen only", "one seed"):
        assert claim not in text, claim


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        ("a", ("its own touches", "without ground truth")),
        ("d", ("help of ground truth: this told",)),
        ("e", ("help of ground truth: this added points",)),
        ("f", ("added points", "told which touches succeeded")),
        ("q", ("added points", "told which touches succeeded")),
    ],
)
def test_the_card_tells_what_was_learned_from(run, tmp_path, letter, said):
    write_json(run / "config.json", configuration_of(row(letter), "smoke").to_json())
    publish(run, tmp_path / "made")
    text = (tmp_path / "made" / "README.md").read_text()
    assert all(part in text for part in said)
    assert ("without ground truth" in text) == (letter == "a")
    assert ("self-supervised-learning" in front_matter(tmp_path / "made")["tags"]) == (letter == "a")


def test_a_card_without_forces_has_no_mass_accuracy(run, tmp_path):
    write_json(run / "config.json", configuration_of(row("c"), "smoke").to_json())
    publish(run, tmp_path / "made")
    text = (tmp_path / "made" / "README.md").read_text()
    assert len(row_of(tmp_path / "made", "**this model**")) == 4
    for claim in ("mass accuracy", "mass_accuracy", "200 N", "mass class of an object"):
        assert claim not in text, claim
    assert "learned no forces" in text


def test_the_front_matter_is_that_of_a_model_card(run, tmp_path):
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    publish(run, tmp_path / "made", license="mit")
    card = hub.ModelCard.load(tmp_path / "made" / "README.md")
    assert (card.data.license, card.data.pipeline_tag) == ("mit", "image-segmentation")
    assert {each.metric_type for each in card.data.eval_results} >= {"bbox_ap50", "mask_ap"}
    assert card.data.eval_results[0].dataset_split == "test"


def test_nothing_of_the_machine_is_told_but_what_it_is(run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    write_json(
        run / "config.json", {**config, "device": "cuda:7", "engine": "ray", "address": "host.example:1"}
    )
    publish(run, tmp_path / "made")
    for path in (tmp_path / "made").iterdir():
        content = path.read_bytes()
        for secret in (COMMAND, str(tmp_path), "cuda:7", "host.example"):
            assert secret.encode() not in content, (path.name, secret)


def test_an_artefact_is_published_again_without_a_change(run, tmp_path):
    publish(run, tmp_path / "one" / "name")
    publish(tmp_path / "one" / "name", tmp_path / "other" / "name")
    assert tree(tmp_path / "one") == tree(tmp_path / "other")


def test_a_run_without_results_is_refused(run, tmp_path):
    (run / "evaluation.json").unlink()
    with pytest.raises(PublishError, match=r"first run python -m agents\.selfsup_agent evaluate"):
        publish(run, tmp_path / "made")
    write_json(run / "evaluation.json", {"rows": {}})
    with pytest.raises(PublishError, match="has no results"):
        publish(run, tmp_path / "made")


def test_an_agent_without_a_network_is_refused(tmp_path):
    config = TrainConfig.from_preset("smoke")
    prepare_untrained("superpixels", config, tmp_path / "run", resume=False)
    with pytest.raises(PublishError, match="all superpixels, which has no interaction network"):
        publish(tmp_path / "run", tmp_path / "made")


def test_a_failure_leaves_nothing(run, tmp_path):
    model = last_checkpoint(run) / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1])
    before = tree(tmp_path)
    with pytest.raises(CheckpointError, match="truncated or corrupt"):
        publish(run, tmp_path / "made")
    assert tree(tmp_path) == before


def test_a_folder_with_something_in_it_is_not_replaced(run, tmp_path):
    (tmp_path / "made").mkdir()
    publish(run, tmp_path / "made")
    before = tree(tmp_path)
    with pytest.raises(PublishError, match="exists and is not empty"):
        publish(run, tmp_path / "made")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(("name", "program"), [("self_supervised", main), ("queried_masks", BASELINE.main)])
def test_the_command(tmp_path, capsys, monkeypatch, name, program):
    monkeypatch.chdir(tmp_path)
    write_network_run(Path("run"), name)
    assert exit_code(program, "publish", "run", "--out", "made") == 0
    assert "predict made VIEW" in capsys.readouterr().out
    check(tmp_path / "made")
    assert "not empty" in complaint(program, capsys, "publish", "run", "--out", "made")
