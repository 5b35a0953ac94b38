"""Evaluation at the locations of a dataset file, against its annotations or the simulator's truth."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_simulator import FakeSimulator

from agents.base import Instance
from eval.evaluation.evaluate import evaluate_predictions
from eval.views.dataset_views import best_overlaps, dataset_views, read_dataset, stated_truth
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.errors import DatasetError, UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation


def square(row: int, column: int, side: int = 60) -> np.ndarray:
    mask = np.zeros((300, 300), bool)
    mask[row : row + side, column : column + side] = True
    return mask


def run_lengths(mask: np.ndarray) -> list[int]:
    """COCO's uncompressed code: background and object in turn, column by column."""
    flat = mask.ravel(order="F")
    ends = [*np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size]
    lengths = np.diff([0, *ends]).tolist()
    return [0, *lengths] if flat[0] else lengths


def annotation(mask: np.ndarray, category: int = 0, mass: float = 0.2, force: float = -1) -> dict:
    code = {"size": [300, 300], "counts": run_lengths(mask)}
    return {"segmentation": code, "category_id": category, "min_force": force, "gt_mass": mass}


def entry(number: int, x: float, *annotations: dict, room: str = "FloorPlan1") -> dict:
    location = Location(room.removesuffix("_physics"), (x, AGENT_HEIGHT_Y, 0.0), 90, 0, 7).to_json()
    return {
        "image_id": number,
        "width": 300,
        "height": 300,
        "thor_meta": {**location, "scene": room},
        "annotations": list(annotations),
    }


class Shelf(FakeSimulator):
    """A simulator with a mug and a vase in view, but nowhere to stand beyond one metre."""

    def __init__(self) -> None:
        super().__init__(rooms=("FloorPlan1", "FloorPlan2"))
        self.visited: list[str] = []

    def load(self, location: Location) -> Observation:
        if location.position[0] > 1:
            raise UnreachableLocationError("a wall is in the way")
        self.visited.append(location.scene)
        return Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.ones((300, 300), np.float32))

    def instances(self) -> Instances:
        masks = np.stack([square(30, 30), square(150, 150)])
        return Instances(masks, np.array([0.2, 9.0]), ("Mug", "Vase"), ("Mug|1", "Vase|1"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(*entries: dict) -> Path:
        path = tmp_path / "NovelObjects__test.json"
        path.write_text(json.dumps(entries))
        return path

    return written


def found(*masks_and_forces: tuple[np.ndarray, int]) -> list[Instance]:
    return [
        Instance(tuple(np.argwhere(mask)[0].tolist()), force, 0.9, mask) for mask, force in masks_and_forces
    ]


def test_truth_comes_from_where_it_is_asked_for(write: Callable[..., Path]) -> None:
    """The file knows of one object, elsewhere; predictions that fit it score 1 against the file only."""
    entries = read_dataset(write(entry(4, 0.5, annotation(square(30, 200), category=2, mass=2.5))))
    predictions = [found((square(30, 200), 2))]
    by_file = dataset_views(entries, "own", "file", simulator=Shelf, progress=False)
    assert evaluate_predictions(predictions, by_file.views)["mask_ap"] == pytest.approx(1)
    assert by_file.agreement == 0 and by_file.views.split == "own"
    assert by_file.views.truths[0].ids == ("4|0",)
    by_simulator = dataset_views(entries, "own", "simulator", simulator=Shelf, progress=False)
    assert evaluate_predictions(predictions, by_simulator.views)["mask_ap"] == 0
    assert by_simulator.views.truths[0].types == ("Mug", "Vase")
    assert by_simulator.views.mass_classes is None
    with pytest.raises(ValueError, match="unknown truth 'both'"):
        dataset_views(entries, "own", "both", simulator=Shelf)  # type: ignore[arg-type]


@pytest.mark.parametrize(("predicted", "accuracy"), [(1, 1.0), (0, 0.0)])
def test_the_mass_class_is_the_files_category(
    write: Callable[..., Path], predicted: int, accuracy: float
) -> None:
    """0.2 kg is light, but 30 N were needed to move it, and the file calls it medium."""
    entries = read_dataset(write(entry(1, 0.5, annotation(square(30, 30), 1, mass=0.2, force=30))))
    made = dataset_views(entries, "own", "file", simulator=Shelf, progress=False)
    result = evaluate_predictions([found((square(30, 30), predicted))], made.views)
    assert result["mass_accuracy"] == accuracy and result["mass_matches"] == 1
    assert np.array(result["confusion"])[1, predicted] == 1
    assert result["mass_bbox_ap50"] == pytest.approx(accuracy)


def test_rooms_are_visited_together_and_unreachable_locations_left_out(write: Callable[..., Path]) -> None:
    mug, far = annotation(square(30, 30)), annotation(square(0, 240))
    path = write(
        entry(1, 0.0, mug, room="FloorPlan2_physics"),
        entry(2, 1.5, mug, room="FloorPlan1_physics"),
        entry(3, 0.5, far, room="FloorPlan1_physics"),
        entry(4, 0.25, room="FloorPlan2_physics"),
        entry(5, 0.75, mug, far, room="FloorPlan1_physics"),
    )
    shelf = Shelf()
    made = dataset_views(read_dataset(path), "own", "file", simulator=lambda: shelf, progress=False)
    assert shelf.visited == ["FloorPlan1", "FloorPlan1", "FloorPlan2", "FloorPlan2"]
    assert [location.position[0] for location in made.views.locations] == [0.5, 0.75, 0.0, 0.25]
    assert [location.position[0] for location in made.views.left_out] == [1.5]
    assert [len(truth) for truth in made.views.truths] == [1, 2, 1, 0]
    assert made.agreement == 0.5, "two mugs of four objects are where the simulator has one"
    only = read_dataset(path)[1:2]
    with pytest.raises(UnreachableLocationError, match="wall"):
        dataset_views(only, "own", "file", simulator=Shelf, progress=False)


def test_stated_objects_are_the_files(write: Callable[..., Path]) -> None:
    named = {**annotation(square(3, 4)), "object_type": "Mug", "object_id": "Mug|7"}
    truth = stated_truth(read_dataset(write(entry(1, 0.5, named)))[0])
    assert np.array_equal(truth.masks, square(3, 4)[None])
    assert (truth.types, truth.ids, truth.masses.tolist()) == (("Mug",), ("Mug|7",), [0.2])
    empty = stated_truth(read_dataset(write(entry(1, 0.5)))[0])
    assert empty.masks.shape == (0, 300, 300)


def test_overlaps_are_intersection_over_union() -> None:
    masks = np.stack([square(0, 0, 20), square(100, 100, 20), square(200, 200, 10)])
    others = np.stack([square(0, 10, 20), square(100, 100, 20)])
    assert best_overlaps(masks, others) == pytest.approx([1 / 3, 1, 0])
    assert best_overlaps(masks, others[:0]).tolist() == [0, 0, 0]
    assert best_overlaps(masks[:0], others).shape == (0,)


def test_wrong_files_are_named(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"NovelObjects__test.json has no location"):
        read_dataset(write())
    small = {**entry(1, 0.5), "width": 100, "height": 100}
    with pytest.raises(DatasetError, match=r"entry 0: width and height are 100 and 100"):
        read_dataset(write(small))
    broken = write(entry(1, 0.5, room="FloorPlan1_physics"), {"image_id": 2})
    with pytest.raises(DatasetError, match=r"entry 1: the field 'width' is missing") as error:
        read_dataset(broken)
    assert str(broken) in str(error.value), "not a temporary copy"
    with pytest.raises(DatasetError, match="no room 'FloorPlan99'"):
        read_dataset(
            write({**entry(1, 0.5), "thor_meta": {**entry(1, 0.5)["thor_meta"], "scene": "FloorPlan99"}})
        )
    (tmp_path / "image.json").write_bytes(b"\x89PNG\xff")
    with pytest.raises(DatasetError, match="is not a JSON file"):
        read_dataset(tmp_path / "image.json")
    with pytest.raises(FileNotFoundError):
        read_dataset(tmp_path / "none.json")
