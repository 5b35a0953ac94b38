"""The authors' files: read and written as they are, and refused with the place of a mistake."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.errors import DatasetError
from thor_interact_env.locations.annotations import Annotation, run_lengths
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.starting import parse_locations

SOMEWHERE = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)
SQUARE = "lg>d0h800000000000000000lVV2"  # rows 100..119 and columns 50..59 of 300 x 300, by pycocotools


def entry_json(image_id=3):
    return {
        "image_id": image_id,
        "width": 300,
        "height": 300,
        "thor_meta": {
            "scene": "FloorPlan28",
            "position": {"x": -1.25, "y": 0.9009992, "z": 2},
            "rotation": 270,
            "horizon": 30.000001907348633,
            "seed": 537382371,
        },
        "annotations": [
            {
                "segmentation": {"size": [300, 300], "counts": SQUARE},
                "category_id": 1,
                "min_force": 30,
                "gt_mass": 0.62,
            },
            {
                "segmentation": {"size": [300, 300], "counts": [0, 90000]},
                "category_id": 2,
                "min_force": -1,
                "gt_mass": 5,
            },
        ],
    }


class TestDataset:
    def write(self, tmp_path, content):
        path = tmp_path / "set.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_a_file_is_written_as_it_was_read(self, tmp_path):
        second = entry_json(4)
        second["thor_meta"] |= {"rotation": {"x": 0, "y": 90, "z": 0}, "note": "kept"}
        second["annotations"][0]["objectId"] = "Mug|1"
        second |= {"split": "train", "annotations": second["annotations"][:1]}
        content = [entry_json(), second, {**entry_json(5), "annotations": []}]
        path = self.write(tmp_path, content)
        LocationDataset.read(path).write(tmp_path / "copy.json")
        assert json.loads((tmp_path / "copy.json").read_text()) == content

    def test_fields_are_read(self, tmp_path):
        dataset = LocationDataset.read(self.write(tmp_path, [entry_json()]))
        assert len(dataset) == 1
        entry = dataset[0]
        assert (entry.image_id, entry.width, entry.height) == (3, 300, 300)
        assert entry.location.position == (-1.25, 0.9009992, 2.0)
        assert dataset.locations == (entry.location,)
        assert [item.gt_mass for item in entry.annotations] == [0.62, 5]

    def test_a_changed_location_replaces_the_old_one(self, tmp_path):
        entry = DatasetEntry.from_json(entry_json())
        moved = DatasetEntry(1, 300, 300, SOMEWHERE, entry.annotations, entry.thor_meta)
        assert moved.to_json()["thor_meta"] == SOMEWHERE.to_json()

    FIELDS = (
        ("image_id",),
        ("width",),
        ("height",),
        ("thor_meta",),
        ("annotations",),
        *(("thor_meta", name) for name in ("scene", "position", "rotation", "horizon", "seed")),
        ("thor_meta", "position", "z"),
        *(("annotations", 1, name) for name in ("segmentation", "category_id", "min_force", "gt_mass")),
        ("annotations", 1, "segmentation", "size"),
        ("annotations", 1, "segmentation", "counts"),
    )

    @pytest.mark.parametrize("damage", ["missing", "null", "nested"])
    def test_file_entry_and_field_of_a_mistake_are_named(self, tmp_path, damage, subtests):
        for keys in self.FIELDS:
            parent = wrong = entry_json(4)
            for key in keys[:-1]:
                parent = parent[key]
            if damage == "missing":
                del parent[keys[-1]]
            else:
                parent[keys[-1]] = None if damage == "null" else {"a": 1}
            path = self.write(tmp_path, [entry_json(), wrong])
            named = "position" if keys[-1] == "z" else str(keys[-1])
            with subtests.test(field=keys):
                with pytest.raises(DatasetError, match=named) as caught:
                    LocationDataset.read(path)
                assert f"{path}: entry 1" in str(caught.value)

    @pytest.mark.parametrize(
        ("keys", "value"),
        [
            (("image_id",), -1),
            (("image_id",), True),
            (("width",), 0),
            (("annotations", 0, "gt_mass"), math.nan),
            (("annotations", 0, "category_id"), 1.5),
            (("annotations", 0, "segmentation", "size"), [300]),
            (("annotations", 0, "segmentation", "size"), [300, "300"]),
            (("annotations", 0, "segmentation", "counts"), [1, -2]),
            (("annotations", 0, "segmentation", "counts"), [1, 89998]),
            (("annotations", 0, "segmentation", "counts"), ""),
            (("annotations", 0, "segmentation", "counts"), SQUARE[:-4]),
            (("annotations", 0, "segmentation", "counts"), SQUARE[:-1] + "o"),
            (("annotations", 0, "segmentation", "counts"), "P" * 20 + "0"),
            (("annotations", 0, "segmentation", "counts"), SQUARE + "é"),
            (("annotations", 0, "segmentation", "size"), [300, 200]),
            (("annotations", 0, "category_id"), 0),
            (("annotations", 0, "category_id"), 3),
            (("annotations", 0, "min_force"), 0),
            (("annotations", 0, "min_force"), -5),
            (("annotations", 0, "gt_mass"), 0),
            (("annotations", 0), 5),
            (("thor_meta", "scene"), "FloorPlan500"),
        ],
    )
    def test_a_wrong_value_is_refused(self, tmp_path, keys, value):
        wrong = entry_json(4)
        parent = wrong
        for key in keys[:-1]:
            parent = parent[key]
        parent[keys[-1]] = value
        with pytest.raises(DatasetError, match="entry 0"):
            LocationDataset.read(self.write(tmp_path, [wrong]))

    def test_scenes_on_disk_have_names_of_their_own(self, tmp_path):
        content = [entry_json()]
        content[0]["thor_meta"]["scene"] = "kitchen_env_model"
        path = self.write(tmp_path, content)
        dataset = LocationDataset.read(path)
        assert dataset.locations[0].scene == "kitchen_env_model"
        assert parse_locations(path, "mjcf") == ((), dataset.locations)
        said = rf"{path.name}: entry 0\.thor_meta: .*'kitchen_env_model'.*\"mjcf\""
        with pytest.raises(DatasetError, match=said):
            parse_locations(path, "mujoco")

    def test_an_image_is_of_one_size(self, tmp_path):
        with pytest.raises(
            DatasetError, match=r"entry 0\.annotations\[0\]\.segmentation\.size: .*\[300, 200\]"
        ):
            LocationDataset.read(self.write(tmp_path, [{**entry_json(), "width": 200}]))

    def test_a_number_that_two_entries_have_is_named(self, tmp_path):
        content = [entry_json(1), entry_json(2), entry_json(1)]
        with pytest.raises(DatasetError, match=r"entry 2\.image_id: .* 1, which entry 0 has"):
            LocationDataset.read(self.write(tmp_path, content))

    @pytest.mark.parametrize(
        ("mass", "force", "classes"),
        [
            (0.4, -1, {0}),
            (0.5, -1, {1}),
            (2, -1, {2}),
            (0.4, 30, {0, 1}),
            (5, 12.5, {0, 2}),
            (1, 500, {1, 2}),
        ],
    )
    def test_the_class_fits_the_mass_or_the_force(self, mass, force, classes):
        accepted = set()
        for category in range(4):
            item = {**entry_json()["annotations"][0], "category_id": category}
            try:
                Annotation.from_json({**item, "gt_mass": mass, "min_force": force})
                accepted.add(category)
            except DatasetError as error:
                assert "category_id" in str(error) and f"found {category}" in str(error)
        assert accepted == classes

    @pytest.mark.parametrize("content", ["", '[{"image_id": 3, "wid', "{}", "[3]", "\x00"])
    def test_a_damaged_file_is_refused(self, tmp_path, content):
        with pytest.raises(DatasetError, match=r"set\.json"):
            LocationDataset.read(self.write(tmp_path, content))

    def test_bytes_that_are_not_text_are_refused(self, tmp_path):
        (tmp_path / "set.json").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(DatasetError, match="not a JSON file"):
            LocationDataset.read(tmp_path / "set.json")

    def test_a_missing_file_is_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            LocationDataset.read(tmp_path / "none.json")

    def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch):
        path = self.write(tmp_path, [entry_json()])
        before = path.read_bytes()
        dataset = LocationDataset.read(path)

        def fail(*args):
            raise OSError("disk full")

        monkeypatch.setattr("os.replace", fail)
        with pytest.raises(OSError, match="disk full"):
            dataset.write(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


class TestMasks:
    def decoded(self, counts, size=(300, 300)):
        return Annotation({"size": list(size), "counts": counts}, 0, -1, 0.1).mask()

    def test_both_forms_of_a_rectangle_are_read(self):
        mask = self.decoded(SQUARE)
        rows, columns = np.nonzero(mask)
        assert mask.shape == (300, 300) and mask.dtype == bool and mask.sum() == 200
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (100, 119, 50, 59)
        lengths = run_lengths(SQUARE, 90000, "counts").tolist()
        assert (self.decoded(lengths) == mask).all()

    @given(st.integers(1, 40), st.integers(1, 300), st.integers(0, 2**32 - 1))
    def test_texts_are_read_as_pycocotools_reads_them(self, height, width, seed):
        rng = np.random.default_rng(seed)
        mask = np.repeat(rng.random((height, -(-width // 20))) < 0.5, 20, axis=1)[:, :width]
        code = coco.encode(np.asfortranarray(mask, np.uint8))
        assert (coco.decode(code) == mask).all()
        assert (self.decoded(code["counts"].decode(), mask.shape) == mask).all()
