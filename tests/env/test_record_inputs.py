"""What a record depends on: values of any kind, the agent's weights, and objects and scenes as they are."""

import errno
import json
import os
from typing import Any

import numpy as np
import pytest
from own_object_files import LAMP, folder_of
from record_material import Pushes, agents, plan_at, results, save_episode, write_locations

from thor_interact_env.datasets.drawing import Drawing
from thor_interact_env.errors import DatasetError, InvalidOptionError
from thor_interact_env.export.writing import write_folder
from thor_interact_env.files import locked, replace_folder
from thor_interact_env.record import Plan, make_record, open_record, read_episodes
from thor_interact_env.simulators.mjcf.simulator import VARIABLE


class Spoils(Pushes):
    """Changes every view that it receives."""

    def act(self, observation):
        action = super().act(observation)
        for view in observation.values():
            view[...] = 0
        return action


def spoils(name):
    """Make the agent that changes its views."""
    return Spoils()


def test_an_agent_that_changes_its_views_does_not_change_the_record(tmp_path):
    plan = plan_at(tmp_path, episodes=1, touches=2)
    make_record(plan, tmp_path / "touches", agents=spoils, progress=False)
    (episode,) = read_episodes(tmp_path / "touches")
    (view, _), *steps = results(plan, plan.starts()[0], episode.actions)
    for name in ("rgb", "depth"):
        np.testing.assert_array_equal(
            getattr(episode, name), [view[name], *(step[0][name] for step in steps)]
        )


def test_numbers_of_numpy_are_those_of_python(tmp_path):
    path = str(write_locations(tmp_path / "locations.json", 1))
    numbers: dict[str, Any] = {"touches": np.int64(1), "seed": np.int32(3), "episodes": np.uint8(1)}
    fraction: Any = np.float32(0.25)
    plan = Plan(locations=path, **numbers, reachable_fraction=fraction)
    assert plan == Plan(locations=path, touches=1, seed=3, episodes=1, reachable_fraction=0.25)
    record = make_record(plan, tmp_path / "touches", progress=False)
    assert open_record(tmp_path / "touches").plan == record.plan == plan.to_json()
    drawing = Drawing("NovelSpaces/val", numbers["touches"], numbers["seed"], fraction)
    assert json.dumps(vars(drawing)) == json.dumps(vars(Drawing("NovelSpaces/val", 1, 3, 0.25)))


def test_saved_episodes_are_named_by_paths_or_texts(tmp_path):
    save_episode(tmp_path / "a.json", 3, 1)
    text: Any = str(tmp_path / "a.json")
    plan = Plan(saved=(text,))
    assert plan == Plan(saved=(tmp_path / "a.json",)) and plan.starts()[0].seed == 3
    with pytest.raises(InvalidOptionError, match=r"saved is '.*a\.json'; put the files"):
        Plan(saved=text)


@pytest.fixture
def lamps(tmp_path):
    """A folder with an object."""
    return folder_of(tmp_path / "lamps", "lamp.xml,Lamp,1,,,,,\n", lamp_xml=LAMP)


def test_a_folder_of_objects_may_be_written_in_several_ways(tmp_path, lamps, monkeypatch):
    listed = str(write_locations(tmp_path / "locations.json", 1))
    monkeypatch.chdir(tmp_path)
    record = make_record(Plan(objects="lamps", locations=listed, touches=1), tmp_path / "t", progress=False)
    before = (tmp_path / "t" / "record.json").stat().st_ino
    for written in ("./lamps", str(lamps)):
        again = make_record(
            Plan(objects=written, locations=listed, touches=1), tmp_path / "t", progress=False
        )
        assert again.key == record.key
    assert (tmp_path / "t" / "record.json").stat().st_ino == before
    assert record.plan["objects"] == "lamps" == Plan(objects=str(lamps)).to_json()["objects"]
    (lamps / "lamp.xml").write_text(LAMP.replace("0.06 0.1", "0.05 0.1"))
    with pytest.raises(InvalidOptionError, match="other options"):
        make_record(Plan(objects="lamps", locations=listed, touches=1), tmp_path / "t", progress=False)


class TestTraining:
    """The weights of an agent that is a run folder."""

    @staticmethod
    def run(folder, weights, configuration="{}"):
        """Write a run folder with one checkpoint."""
        (folder / "checkpoints" / "000010").mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(configuration)
        (folder / "checkpoints" / "000010" / "model.safetensors").write_text(weights)
        return str(folder)

    def test_a_record_is_not_complete_for_other_weights(self, tmp_path):
        plan = plan_at(tmp_path, episodes=1, touches=1, agent=self.run(tmp_path / "run", "old"))
        make_record(plan, tmp_path / "touches", agents=lambda name: Pushes(), progress=False)
        (tmp_path / "run" / "metrics.jsonl").write_text("{}")  # what is measured is no part of the agent
        again = plan_at(tmp_path, episodes=1, touches=1, agent=plan.agent)
        assert make_record(again, tmp_path / "touches", progress=False).items == 1
        self.run(tmp_path / "run", "new")
        with pytest.raises(InvalidOptionError, match="other options"):
            make_record(
                plan_at(tmp_path, episodes=1, touches=1, agent=plan.agent),
                tmp_path / "touches",
                progress=False,
            )

    def test_configuration_and_every_file_of_a_checkpoint_count(self, tmp_path):
        folder = tmp_path / "run"
        found = [Plan(agent=self.run(folder, *made)).training for made in (("a",), ("b",), ("b", "[]"))]
        (folder / "checkpoints" / "000020").mkdir()
        (folder / "checkpoints" / "000020" / "model.safetensors").write_text("c")
        found.append(Plan(agent=str(folder)).training)
        (folder / "checkpoints" / ".000030.tmp").mkdir()
        (folder / "checkpoints" / ".000030.tmp" / "model.safetensors").write_text("unfinished")
        (folder / "checkpoints" / "last").symlink_to("000020")
        assert Plan(agent=str(folder)).training == found[-1] and len(set(found)) == 4
        one = Plan(agent=str(folder / "checkpoints" / "000020")).training
        assert one and one not in found

    def test_of_another_layout_all_files_count(self, tmp_path):
        (tmp_path / "mine" / "parts").mkdir(parents=True)
        found = []
        for text in ("a", "b"):
            (tmp_path / "mine" / "parts" / "weights").write_text(text)
            found.append(Plan(agent=str(tmp_path / "mine")).training)
        assert found[0] != found[1]

    def test_other_agents_have_none(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "random").mkdir()
        assert Plan().training == Plan(agent="superpixels").training == Plan(agent="no.module:Agent").training
        assert Plan().training == ""


def test_all_files_of_scenes_belong_to_the_record(tmp_path, monkeypatch):
    (textures := tmp_path / "scenes" / "FloorPlan1").mkdir(parents=True)
    (tmp_path / "scenes" / "FloorPlan1.xml").write_text("<mujoco/>")
    found = []
    for scenes in (tmp_path / "scenes", tmp_path / "scenes" / "FloorPlan1.xml"):
        monkeypatch.setenv(VARIABLE, json.dumps({"scenes": str(scenes)}))
        for picture in (b"a", b"b"):
            (textures / "wood.png").write_bytes(picture)
            found.append(Plan(simulator="mjcf", locations="all").scenes)
            (tmp_path / "scenes" / "FloorPlan1_metadata.json").write_bytes(picture)
            found.append(Plan(simulator="mjcf", locations="all").scenes)
    assert len({*found[:4]}) == len({*found[4:]}) == 4
    (tmp_path / "scenes" / "FloorPlan22.xml").write_text("<mujoco/>")
    assert Plan(simulator="mjcf", locations="all").scenes == found[-1], "one scene was named"


class TestMountedFolders:
    """An empty folder on which a disk is mounted."""

    @pytest.fixture
    def mounted(self, tmp_path, monkeypatch):
        (folder := tmp_path / "disk").mkdir()
        replace = os.replace

        def refused(source, target):
            if os.fspath(target) == str(folder):
                raise OSError(errno.EBUSY, "Device or resource busy", target)
            replace(source, target)

        monkeypatch.setattr(os, "replace", refused)
        return folder

    def test_a_record_can_be_made_there(self, tmp_path, mounted):
        plan = plan_at(tmp_path, episodes=1, touches=1)
        make_record(plan, mounted, agents=agents, progress=False)
        assert open_record(mounted).items == 1
        assert {path.name for path in tmp_path.iterdir()} == {"disk", "locations.json"}

    def test_scenes_can_be_written_there(self, tmp_path, mounted):
        write_folder(mounted, [{"a.xml": b"<mujoco/>", "a/wood.png": b"1"}])
        assert (mounted / "a" / "wood.png").read_bytes() == b"1" and list(tmp_path.iterdir()) == [mounted]

    def test_the_last_file_says_that_the_others_are_there(self, tmp_path, mounted, monkeypatch):
        (source := tmp_path / "finished").mkdir()
        for name in ("a", "record.json", "z"):
            (source / name).write_text(name)
        moved: list[str] = []

        def move(path, target):
            moved.append(path.name)
            path.rename(target)

        monkeypatch.setattr("shutil.move", move)
        replace_folder(source, mounted, last={"record.json"})
        assert sorted(moved[:2]) == ["a", "z"] and moved[2:] == ["record.json"] and not source.exists()

    def test_models_of_scenes_come_after_their_files(self, tmp_path, mounted, monkeypatch):
        moved: list[str] = []

        def move(path, target):
            moved.append(path.name)
            path.rename(target)

        monkeypatch.setattr("shutil.move", move)
        scenes = [{f"{x}.xml": b"", f"{x}_metadata.json": b"", f"{x}/wood.png": b""} for x in "ab"]
        write_folder(mounted, scenes)
        assert sorted(moved[:4]) == ["a", "a_metadata.json", "b", "b_metadata.json"]
        assert sorted(moved[4:]) == ["a.xml", "b.xml"]

    def test_a_full_disk_leaves_it_empty(self, tmp_path, mounted, monkeypatch):
        def full(path, target):
            target.write_text("a half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("shutil.move", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            write_folder(mounted, [{"a.xml": b"<mujoco/>"}])
        assert not list(mounted.iterdir()) and list(tmp_path.iterdir()) == [mounted]


def test_an_empty_folder_stays_the_same_folder(tmp_path):
    for name in ("record", "scenes"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o700)
    before = {name: (tmp_path / name).stat() for name in ("record", "scenes")}
    plan = plan_at(tmp_path, episodes=1, touches=1)
    make_record(plan, tmp_path / "record", agents=agents, progress=False)
    write_folder(tmp_path / "scenes", [{"a.xml": b"<mujoco/>"}])
    for name, folder in before.items():
        after = (tmp_path / name).stat()
        assert (after.st_ino, after.st_mode) == (folder.st_ino, folder.st_mode)


def test_one_process_makes_a_record(tmp_path):
    plan = plan_at(tmp_path, episodes=1, touches=1)
    lock = locked(tmp_path / ".record.lock", AssertionError())
    with lock:
        for filled in (False, True):  # the other process moves its files into an empty folder
            if filled:
                (tmp_path / "record").mkdir()
                (tmp_path / "record" / "README.md").write_text("")
            with pytest.raises(InvalidOptionError, match=r"another process is making .*record"):
                make_record(plan, tmp_path / "record", agents=agents, progress=False)
    (tmp_path / "record" / "README.md").unlink()
    assert make_record(plan, tmp_path / "record", agents=agents, progress=False).items == 1
    assert {path.name for path in tmp_path.iterdir()} == {"record", "locations.json"}


def test_a_file_that_is_no_record_is_named(tmp_path):
    (tmp_path / "notes").write_text("")
    with pytest.raises(DatasetError, match=r"notes is not a record.*record make"):
        open_record(tmp_path / "notes")


def test_scenes_that_are_no_path_are_named(monkeypatch):
    monkeypatch.setenv(VARIABLE, json.dumps({"scenes": 5}))
    with pytest.raises(InvalidOptionError, match="scenes is 5; it must be the path"):
        _ = Plan(simulator="mjcf", locations="all").scenes
