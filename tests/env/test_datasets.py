"""Datasets: drawn alike by any number of workers, measured, resumed and counted."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import fake_simulator
import numpy as np
import pytest
from fake_simulator import FORCES_NEEDED, MASSES, FakeSimulator

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.datasets import PAPER_SIZES, Drawing, Statistics, draw_room, making, measure
from thor_interact_env.datasets import rooms_with_counts as visited
from thor_interact_env.datasets.making import make_dataset
from thor_interact_env.datasets.statistics import as_table
from thor_interact_env.errors import DatasetError, InvalidOptionError, UnknownSplitError
from thor_interact_env.files import locked
from thor_interact_env.locations.annotations import Annotation
from thor_interact_env.locations.dataset import DatasetEntry, LocationDataset
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import SPLITS, split_rooms
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.mjcf.simulator import VARIABLE
from thor_interact_env.world import OtherWorldWarning, world_of

SOMEWHERE = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)
VALIDATION = "NovelSpaces/val"


def draw(drawing, simulator=None):
    world = simulator or FakeSimulator()
    return [one for room, count in visited(drawing) for one, _ in draw_room(world, drawing, room, count)]


class TestDrawing:
    def test_locations_are_spread_evenly_over_the_rooms(self):
        pairs = visited(Drawing(VALIDATION, 47))
        assert sorted(count for _, count in pairs) == [2] * 13 + [3] * 7
        assert sorted(room for room, _ in pairs) == list(range(20))
        assert [count for _, count in visited(Drawing(VALIDATION, 3))] == [1, 1, 1]

    def test_a_list_is_a_function_of_its_drawing(self):
        drawing = Drawing(VALIDATION, 25, seed=3)
        assert draw(drawing) == draw(drawing)
        assert {one.scene for one in draw(drawing)} == set(split_rooms(VALIDATION))
        assert not set(draw(drawing)) & set(draw(Drawing(VALIDATION, 25, seed=4)))

    def test_a_shorter_list_is_part_of_a_longer_one(self):
        assert set(draw(Drawing(VALIDATION, 7))) < set(draw(Drawing(VALIDATION, 25)))

    def test_locations_follow_the_papers_rule_within_a_room(self):
        drawing = Drawing(VALIDATION, 60, reachable_fraction=0.0)
        room, count = visited(drawing)[0]
        sampler = LocationSampler(FakeSimulator(), [split_rooms(VALIDATION)[room]], 0.0)
        rng = np.random.default_rng([0, room])
        expected = [sampler.sample(rng) for _ in range(count)]
        assert [one for one, _ in draw_room(FakeSimulator(), drawing, room, count)] == expected

    def test_what_is_done_between_two_locations_does_not_matter(self):
        drawing, world = Drawing(VALIDATION, 60), FakeSimulator()
        room, count = visited(drawing)[0]
        found = []
        for location, _ in draw_room(world, drawing, room, count):
            found.append(location)
            measure(world, SOMEWHERE)
        assert found == draw(drawing)[:count]

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ({"locations": 0}, "locations 0"),
            ({"locations": 2.0}, r"locations 2\.0"),
            ({"seed": -1}, "seed -1"),
            ({"seed": None}, "seed None"),
            ({"reachable_fraction": 1.5}, "reachable_fraction"),
        ],
    )
    def test_wrong_values_are_named(self, values, named):
        with pytest.raises(InvalidOptionError, match=named):
            Drawing(**{"split": VALIDATION, "locations": 1, **values})

    def test_an_unknown_split_is_named(self):
        with pytest.raises(UnknownSplitError, match=r"'Mars/test'.*NovelObjects/val"):
            Drawing("Mars/test", 1)

    def test_every_split_has_its_part_of_the_papers_locations(self):
        assert set(PAPER_SIZES) == set(SPLITS)
        assert sum(PAPER_SIZES.values()) == 17_211


class TestMeasuring:
    def test_masks_masses_and_minimum_forces_are_found(self):
        world = FakeSimulator()
        entry = measure(world, SOMEWHERE, 4)
        truth = world.instances()
        assert (entry.image_id, entry.width, entry.height, entry.location) == (4, 300, 300, SOMEWHERE)
        assert np.array_equal([item.mask() for item in entry.annotations], truth.masks)
        assert tuple(item.gt_mass for item in entry.annotations) == MASSES
        assert [item.category_id for item in entry.annotations] == [0, 1, 2]
        assert tuple(item.min_force for item in entry.annotations) == FORCES_NEEDED
        assert [item.extra["object_type"] for item in entry.annotations] == ["Pen", "Mug", "Chair"]
        assert [item.extra["object_id"] for item in entry.annotations] == list(truth.ids)

    def test_what_nothing_moves_is_marked(self, monkeypatch):
        monkeypatch.setattr(fake_simulator, "FORCES_NEEDED", (30.0, 500.0, 200.0))
        assert [item.min_force for item in measure(FakeSimulator(), SOMEWHERE).annotations] == [30, -1, 200]

    def test_a_change_elsewhere_is_no_success(self, monkeypatch):
        monkeypatch.setattr("selfsup.supervisor.is_successful", lambda *arguments: False)
        assert {item.min_force for item in measure(FakeSimulator(), SOMEWHERE).annotations} == {-1}

    def test_eighteen_touches_are_tried_at_three_points_of_an_object(self, monkeypatch):
        monkeypatch.setattr(fake_simulator, "FORCES_NEEDED", (999.0,) * 3)
        tried = []

        class World(FakeSimulator):
            def touch(self, row, column, force, direction):
                tried.append((row, column, force, tuple(direction)))
                return super().touch(row, column, force, direction)

        measure(World(), SOMEWHERE)
        assert len(tried) == len(set(tried)) == 3 * 18
        assert [len({touch[:2] for touch in tried[n : n + 6]}) for n in range(0, 54, 6)] == [3] * 9

    def test_the_first_point_is_far_from_the_edge_of_the_image_too(self):
        tried = []

        class World(FakeSimulator):
            def instances(self):
                truth = super().instances()
                low = np.zeros((1, 300, 300), bool)
                low[:, 240:, 100:200] = True
                return replace(
                    truth, masks=low, masses=truth.masses[:1], ids=truth.ids[:1], types=truth.types[:1]
                )

            def touch(self, row, column, force, direction):
                tried.append((row, column))
                return super().touch(row, column, force, direction)

        measure(World(), SOMEWHERE)
        row, column = tried[0]
        assert 269 <= row <= 270 and 129 <= column <= 170

    def test_nothing_stays_moved(self):
        world = FakeSimulator()
        before = world.load(SOMEWHERE)["rgb"]
        measure(world, SOMEWHERE)
        assert world.touches > 3 and world.view is not None
        assert np.array_equal(world.view["rgb"], before)

    def test_forces_can_be_left_out(self):
        world = FakeSimulator()
        entry = measure(world, SOMEWHERE, forces=False)
        assert [item.min_force for item in entry.annotations] == [-1, -1, -1] and world.touches == 0


class FailingSimulator(FakeSimulator):
    """Fails when it has made 30 views, as a full disk or Ctrl-C would."""

    def load(self, location):
        if self.loads >= 30:
            raise KeyboardInterrupt
        return super().load(location)


class TestMaking:
    DRAWING = Drawing(VALIDATION, 40, seed=1)

    def make(self, path, monkeypatch, world=FakeSimulator, drawing=DRAWING, **options):
        simulators = world() if isinstance(world, type) else world
        monkeypatch.setattr(making, "make_simulator", lambda name: simulators)
        dataset = make_dataset(drawing, path, forces=False, progress=False, **options)
        return dataset, simulators

    def test_a_file_holds_the_drawing_with_its_truth(self, tmp_path, monkeypatch):
        made, _ = self.make(tmp_path / "new" / "set.json", monkeypatch)
        read = LocationDataset.read(tmp_path / "new" / "set.json")
        assert list(read.locations) == list(made.locations) == draw(self.DRAWING)
        assert [entry.image_id for entry in read] == list(range(40))
        assert [entry.to_json() for entry in read] == [entry.to_json() for entry in made]
        world = FakeSimulator()
        assert [entry.to_json() for entry in read] == [
            replace(
                measure(world, one, number, forces=False),
                extra={"world": world_of("mujoco"), "list": made[0].extra["list"]},
            ).to_json()
            for number, one in enumerate(read.locations)
        ]
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["set.json"]

    def test_a_folder_is_refused_before_anything_is_made(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for path in (tmp_path, Path()):
            with pytest.raises(InvalidOptionError, match="is a folder; name the file"):
                self.make(path, monkeypatch)
        assert not list(tmp_path.iterdir())

    def test_an_interrupted_list_goes_on_where_it_stopped(self, tmp_path, monkeypatch):
        self.make(tmp_path / "whole.json", monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            self.make(tmp_path / "set.json", monkeypatch, FailingSimulator)
        parts = sorted((tmp_path / ".set.json.parts").iterdir())
        assert 0 < len(parts) < 20 and not (tmp_path / "set.json").exists()
        parts[0].write_text(parts[0].read_text()[:-20])  # half-written by something else
        _, world = self.make(tmp_path / "set.json", monkeypatch)
        assert world.closes == 20 - len(parts) + 1, "finished rooms are not made again"
        assert (tmp_path / "set.json").read_bytes() == (tmp_path / "whole.json").read_bytes()

    def test_parts_of_another_world_are_not_used(self, tmp_path, monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            self.make(tmp_path / "set.json", monkeypatch, FailingSimulator)
        monkeypatch.setattr(making, "world_of", lambda simulator, objects: "another world")
        _, world = self.make(tmp_path / "set.json", monkeypatch)
        assert world.closes == 20

    def test_parts_of_other_scenes_are_not_used(self, tmp_path, monkeypatch):
        (scene := tmp_path / "scenes" / "FloorPlan1.xml").parent.mkdir()
        scene.write_text("<mujoco/>")
        monkeypatch.setenv(VARIABLE, json.dumps({"scenes": str(scene)}))
        with pytest.raises(KeyboardInterrupt):
            self.make(tmp_path / "set.json", monkeypatch, FailingSimulator, simulator="mjcf")
        scene.write_text("<mujoco><worldbody/></mujoco>")
        _, world = self.make(tmp_path / "set.json", monkeypatch, simulator="mjcf")
        assert world.closes == 20

    def test_a_list_that_is_there_is_kept(self, tmp_path, monkeypatch):
        made, _ = self.make(tmp_path / "set.json", monkeypatch)
        before = (tmp_path / "set.json").stat().st_mtime_ns
        read, world = self.make(tmp_path / "set.json", monkeypatch)
        assert world.loads == 0 and (tmp_path / "set.json").stat().st_mtime_ns == before
        assert [entry.to_json() for entry in read] == [entry.to_json() for entry in made]

    def test_a_list_that_was_shortened_is_refused(self, tmp_path, monkeypatch):
        made, _ = self.make(tmp_path / "set.json", monkeypatch)
        LocationDataset(made[:-1]).write(tmp_path / "set.json")
        with pytest.raises(InvalidOptionError, match="is not this list"):
            self.make(tmp_path / "set.json", monkeypatch)

    @pytest.mark.parametrize("content", [None, "[]", "notes", '{"a": 1}'])
    def test_another_file_is_not_overwritten(self, tmp_path, monkeypatch, content):
        file = tmp_path / "set.json"
        if content is None:
            self.make(file, monkeypatch, drawing=Drawing(VALIDATION, 40, seed=2))
        else:
            file.write_text(content)
        before, world = file.read_bytes(), FakeSimulator()
        with pytest.raises(InvalidOptionError, match=r"set\.json exists and is not this list.*new file"):
            self.make(file, monkeypatch, world)
        assert file.read_bytes() == before and world.loads == 0
        assert list(tmp_path.iterdir()) == [file]

    def test_a_name_that_cannot_be_read_again_is_refused(self, tmp_path, monkeypatch):
        with pytest.raises(InvalidOptionError, match=r"list' does not end in \.json"):
            self.make(tmp_path / "list", monkeypatch)
        assert not list(tmp_path.iterdir())

    def test_one_process_makes_a_list(self, tmp_path, monkeypatch):
        lock = locked(tmp_path / ".set.json.lock", AssertionError())
        with lock, pytest.raises(InvalidOptionError, match=r"another process is making .*set\.json"):
            self.make(tmp_path / "set.json", monkeypatch)
        self.make(tmp_path / "set.json", monkeypatch)
        assert [path.name for path in tmp_path.iterdir()] == ["set.json"]

    def test_a_file_of_another_version_of_the_world_is_reported(self, tmp_path, monkeypatch):
        written, _ = self.make(tmp_path / "set.json", monkeypatch)
        text = (tmp_path / "set.json").read_text()
        assert text.count(f'"world": "{world_of("mujoco")}"') == len(written)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            LocationDataset.read(tmp_path / "set.json")
        (tmp_path / "set.json").write_text(text.replace(world_of("mujoco"), "mujoco world 0"))
        with pytest.warns(OtherWorldWarning, match="made in mujoco world 0"):
            assert len(LocationDataset.read(tmp_path / "set.json")) == len(written)

    def test_workers_do_not_change_the_file(self, tmp_path):
        drawing = Drawing(VALIDATION, 2)
        for workers in (1, 2):
            make_dataset(drawing, tmp_path / f"{workers}.json", workers=workers, progress=False)
        assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
        simulator = make_simulator("mujoco")
        assert list(LocationDataset.read(tmp_path / "1.json").locations) == draw(drawing, simulator)
        simulator.close()

    @pytest.mark.parametrize("workers", [0, 1.5, True])
    def test_a_wrong_number_of_workers_is_named(self, tmp_path, workers):
        with pytest.raises(InvalidOptionError, match="workers"):
            make_dataset(self.DRAWING, tmp_path / "set.json", workers=workers)
        assert list(tmp_path.iterdir()) == []

    def test_a_missing_pycocotools_is_named(self, tmp_path, monkeypatch):
        from gymnasium.error import DependencyNotInstalled

        monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
        with pytest.raises(DependencyNotInstalled, match="pip install pycocotools"):
            measure(FakeSimulator(), SOMEWHERE)


def annotation(mass, force, rows, name="Mug|1", kind="Mug"):
    lengths = [300, rows * 3, 89700 - rows * 3]  # the second column: the centres of the first cells
    names = {"object_id": name, "object_type": kind} if name else {}
    classes = sum(mass >= limit for limit in (0.5, 2))
    return Annotation({"size": [300, 300], "counts": lengths}, classes, force, mass, names)


class TestStatistics:
    def entries(self, name="Mug|1"):
        elsewhere = Location("FloorPlan2", (0.25, AGENT_HEIGHT_Y, 0.5), 90, 30, 7)
        first = [annotation(0.1, 5, 10, name), annotation(0.5, -1, 16, "Bowl|1", "Bowl")]
        second = [annotation(5, 200, 63, name), annotation(5, 12, 100, name), annotation(3, 500, 0, name)]
        return [
            DatasetEntry(0, 300, 300, SOMEWHERE, tuple(first)),
            DatasetEntry(1, 300, 300, elsewhere, tuple(second)),
            DatasetEntry(2, 300, 300, elsewhere),
            DatasetEntry(3, 300, 300, SOMEWHERE, (first[0],)),
        ]

    def test_numbers(self):
        found = Statistics.of(self.entries())
        assert (found.locations, found.rooms, found.objects) == (4, 2, 6)
        assert (found.objects_per_location, found.fraction_without_objects) == (1.5, 0.25)
        assert (found.distinct_objects, found.types) == (3, 2)
        assert found.mass_classes == (2, 1, 3)
        assert found.median_cells == 13.0
        assert found.sizes == (3, 1, 1, 1)
        assert found.minimum_forces == ((2, 0, 0, 0, 0), (0, 0, 0, 0, 1), (0, 1, 1, 1, 0))
        assert json.loads(json.dumps(found.to_json()))["sizes"] == [3, 1, 1, 1]

    def test_objects_without_names_are_not_counted_apart(self):
        found = Statistics.of(self.entries(name=None))
        assert found.distinct_objects is None and found.types is None
        assert "not stated" in as_table([("set", found)])

    def test_a_table_is_markdown_of_equal_lines(self):
        found = Statistics.of(self.entries())
        lines = as_table([("one", found), ("another", found)]).splitlines()
        assert len({len(line) for line in lines}) == 1 and all(line.count("|") == 4 for line in lines)
        cells = {row[1].strip(): row[2].strip() for row in (line.split("|") for line in lines)}
        assert cells["objects per location"] == "1.50" and cells["locations without objects"] == "25%"
        assert cells["heavy: 30 N"] == cells["heavy: more"] == "33%" and cells["16-31 cells"] == "17%"

    def test_forces_that_were_not_tried_have_no_fraction(self):
        tried, untried = (
            Statistics.of([measure(FakeSimulator(), SOMEWHERE, forces=x)]) for x in (True, False)
        )
        lines = as_table([("tried", tried), ("untried", untried)]).splitlines()
        cells = {
            row[1].strip(): [row[2].strip(), row[3].strip()] for row in (line.split("|") for line in lines)
        }
        assert cells["light: 5 N"] == cells["heavy: 200 N"] == ["100%", "-"]
        assert cells["light: not moved"] == ["0%", "-"] and "light: more" not in cells

    def test_locations_without_any_object_are_counted(self):
        found = Statistics.of([DatasetEntry(0, 300, 300, SOMEWHERE)])
        assert (found.objects, found.median_cells, found.fraction_without_objects) == (0, 0.0, 1.0)
        assert "-" in as_table([("empty", found)])

    def test_no_locations_are_refused(self):
        with pytest.raises(DatasetError, match="no location"):
            Statistics.of([])
