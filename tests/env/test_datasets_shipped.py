"""The test lists that come with the package, and the command line of the datasets."""

import json
import warnings

import pytest
from command_lines import outcome
from fake_simulator import FakeSimulator

from thor_interact_env.datasets import (
    SHIPPED_SPLITS,
    Drawing,
    Statistics,
    draw_room,
    making,
    rooms_with_counts,
    shipped,
    shipped_locations,
)
from thor_interact_env.datasets.command_line import file_name, main
from thor_interact_env.errors import DatasetError, UnknownSplitError
from thor_interact_env.locations.dataset import LocationDataset
from thor_interact_env.locations.splits import SPLITS, split_rooms
from thor_interact_env.simulators import make_simulator
from thor_interact_env.world import OtherWorldWarning

TEST = "NovelSpaces/test"


def listed(split):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # they are of this version of the world
        return shipped_locations(split)


@pytest.fixture
def toy_lists(tmp_path, monkeypatch):
    """Lists of a toy world, in their own folder."""
    monkeypatch.setattr(shipped, "make_simulator", lambda name: FakeSimulator())
    monkeypatch.setattr(making, "make_simulator", lambda name: FakeSimulator())
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


class TestShipped:
    @pytest.mark.parametrize("split", SHIPPED_SPLITS)
    def test_lists_are_small_and_visit_all_rooms_evenly(self, split):
        locations = listed(split)
        assert len(locations) >= 100 and len(set(locations)) == len(locations)
        rooms = [location.scene for location in locations]
        assert set(rooms) == set(split_rooms(split))
        counts = [rooms.count(room) for room in set(rooms)]
        assert max(counts) - min(counts) <= 1
        assert (shipped.FOLDER / shipped.FILES[split]).stat().st_size <= 60_000

    @pytest.mark.parametrize("split", SHIPPED_SPLITS)
    def test_an_agent_can_stand_at_shipped_locations(self, split):
        simulator = make_simulator("mujoco")
        for location in listed(split)[:: max(1, len(listed(split)) // 4)]:
            view = simulator.load(location)  # an UnreachableLocationError asks for `ship`, see the docs
            assert view["rgb"].std() > 0 and view["depth"].min() > 0
        simulator.close()

    def test_a_list_is_what_its_drawing_draws(self, toy_lists):
        drawing = Drawing(TEST, 7)
        assert shipped.ship(drawing) == toy_lists / "novel_spaces_test.json"
        expected = [
            one
            for room, count in rooms_with_counts(drawing)
            for one, _ in draw_room(FakeSimulator(), drawing, room, count)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert list(shipped_locations(TEST)) == expected
        assert [path.name for path in toy_lists.iterdir()] == ["novel_spaces_test.json"]

    def test_a_changed_world_is_reported_with_the_remedy(self, toy_lists, monkeypatch):
        shipped.ship(Drawing(TEST, 2))
        monkeypatch.setattr(shipped, "WORLD_VERSION", 1_000)
        remedy = "this is version 1000: remake them with python -m thor_interact_env.datasets ship"
        with pytest.warns(OtherWorldWarning, match=remedy):
            assert len(shipped_locations(TEST)) == 2

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"world": "", "locations": {"FloorPlan1": [[1, 2]]}}'])
    def test_a_damaged_list_is_reported(self, toy_lists, text):
        (toy_lists / "novel_spaces_test.json").write_text(text)
        with pytest.raises(DatasetError, match=r"novel_spaces_test\.json is damaged"):
            shipped_locations(TEST)

    @pytest.mark.parametrize("split", ["NovelSpaces/train", "Mars/test"])
    def test_other_splits_are_not_shipped(self, split):
        with pytest.raises(UnknownSplitError, match=rf"'{split}'.*NovelObjects/test"):
            shipped_locations(split)
        with pytest.raises(UnknownSplitError, match=split):
            shipped.ship(Drawing(split, 1))


class TestCommandLine:
    def test_make_and_statistics(self, toy_lists, capsys):
        path = toy_lists / "set.json"
        code, out, _ = outcome(
            main, capsys, "make", TEST, "--locations", 3, "--seed", 5, "--no-forces", "--out", path
        )
        assert code == 0 and out == f"{path}: 3 locations, 9 objects in reach\n"
        assert LocationDataset.read(path).locations == tuple(
            next(draw_room(FakeSimulator(), Drawing(TEST, 3, 5), room, 1))[0]
            for room, _ in rooms_with_counts(Drawing(TEST, 3, 5))
        )
        code, out, _ = outcome(main, capsys, "statistics", path, path)
        assert code == 0 and out.splitlines()[2].split() == ["|", "locations", "|", "3", "|", "3", "|"]
        other = path.parent / "other" / path.name
        other.parent.mkdir()
        other.write_bytes(path.read_bytes())
        code, out, _ = outcome(main, capsys, "statistics", path, other, "--json")
        assert code == 0 and set(json.loads(out)) == {str(path), str(other)}
        code, out, _ = outcome(main, capsys, "statistics", path, "--json")
        expected = Statistics.of(LocationDataset.read(path)).to_json()
        assert code == 0 and json.loads(out) == {"set": json.loads(json.dumps(expected))}

    def test_all_makes_every_split(self, toy_lists, capsys):
        code, out, _ = outcome(
            main, capsys, "all", "--locations", 1, "--no-forces", "--out", toy_lists / "sets"
        )
        assert code == 0 and len(out.splitlines()) == len(SPLITS)
        assert {path.name for path in (toy_lists / "sets").iterdir()} == set(map(file_name, SPLITS))
        assert file_name(TEST) == "NovelSpaces__test.json"

    def test_all_keeps_the_splits_that_are_finished(self, toy_lists, monkeypatch, capsys):
        words = ("all", "--locations", 1, "--no-forces", "--out", toy_lists / "sets")
        made = outcome(main, capsys, *words).out.splitlines()
        first, *others = (toy_lists / "sets" / file_name(split) for split in SPLITS)
        for path in others:
            path.unlink()
        before = first.stat().st_mtime_ns  # reading changes other times
        code, out, _ = outcome(main, capsys, *words)
        assert code == 0 and first.stat().st_mtime_ns == before
        assert out.splitlines() == [f"{made[0]}, kept: it was complete", *made[1:]]

    def test_all_refuses_another_file_before_it_draws(self, toy_lists, capsys):
        (toy_lists / file_name(TEST)).write_text("mine")
        code, out, complaint = outcome(main, capsys, "all", "--locations", 1, "--out", toy_lists)
        assert code == 2 and out == "" and f"{file_name(TEST)} exists and is not this list" in complaint
        assert [path.name for path in toy_lists.iterdir()] == [file_name(TEST)]

    def test_ship_remakes_all_lists(self, toy_lists, capsys):
        code, out, _ = outcome(main, capsys, "ship", "--locations", 2)
        assert code == 0 and out.count("2 locations") == 2
        assert [len(shipped_locations(split)) for split in SHIPPED_SPLITS] == [2, 2]

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            ([], "COMMAND"),
            (["mak"], "'mak'"),
            (["make", "Mars/test", "--out", "x.json"], "no split 'Mars/test'"),
            (["make", TEST], "--out"),
            (["make", TEST, "--locations", "0", "--out", "x.json"], "locations 0"),
            (["make", TEST, "--locations", "many", "--out", "x.json"], "'many'"),
            (["make", TEST, "--reachable-fraction", "2", "--out", "x.json"], "reachable_fraction 2.0"),
            (["make", TEST, "--workers", "0", "--out", "x.json"], "workers 0"),
            (["make", TEST, "--seed", "-1", "--out", "x.json"], "seed -1"),
            (["statistics", "none.json"], "none.json"),
        ],
    )
    def test_a_mistake_is_one_line(self, tmp_path, monkeypatch, capsys, words, named):
        monkeypatch.chdir(tmp_path)
        code, out, complaint = outcome(main, capsys, *words)
        assert code == 2 and out == "" and named in complaint
        assert complaint.startswith("error: ") and complaint.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_says_how_to_go_on(self, toy_lists, monkeypatch, capsys):
        def interrupt(name):
            raise KeyboardInterrupt

        monkeypatch.setattr(making, "make_simulator", interrupt)
        words = ["make", TEST, "--locations", "2", "--out", str(toy_lists / "my set.json")]
        code, _, complaint = outcome(main, capsys, *words)
        assert code == 130
        again = f"Continue: python -m thor_interact_env.datasets make {TEST} --locations 2 --out"
        assert f"{again} '{toy_lists / 'my set.json'}'" in complaint

    @pytest.mark.parametrize("command", ["make", "all", "statistics", "ship"])
    def test_help_explains_every_command(self, capsys, command):
        assert command in outcome(main, capsys, "--help")[1]
        code, out, _ = outcome(main, capsys, command, "--help")
        assert code == 0 and command in out and ("FILE" in out or "FOLDER" in out)
