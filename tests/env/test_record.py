"""Records: the same with any number of workers and after an interruption, and checked when they are read."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_lines import complaint, outcome
from record_material import (
    EPISODES,
    TOUCHES,
    Pushes,
    agents,
    interrupted,
    plan_at,
    results,
    save_episode,
    write_locations,
)

from thor_interact_env.actions import REACH
from thor_interact_env.errors import (
    DatasetError,
    InvalidOptionError,
    RecordingError,
    UnknownSplitError,
)
from thor_interact_env.record import (
    FORMATS,
    Plan,
    RandomTouches,
    RecordedEpisode,
    make_actor,
    make_record,
    open_record,
    read_episodes,
)
from thor_interact_env.record.command_line import main
from thor_interact_env.record.plan import episode_seed
from thor_interact_env.simulators.base import Observation
from thor_interact_env.simulators.mjcf.simulator import VARIABLE
from thor_interact_env.world import world_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_at(tmp_path_factory.mktemp("locations"))


@pytest.fixture(scope="module")
def folder(plan, tmp_path_factory):
    """A finished record of touches."""
    path = tmp_path_factory.mktemp("records") / "touches"
    make_record(plan, path, agents=agents, progress=False)
    return path


def copy_of(folder, target):
    subprocess.run(["cp", "-r", str(folder), str(target)], check=True)
    return target


class TestEpisodes:
    def test_hold_what_the_environment_returns(self, plan, folder):
        episodes = list(read_episodes(folder))
        starts = plan.starts()
        assert [one.number for one in episodes] == list(range(EPISODES))
        assert sum(one.success.sum() for one in episodes) > 0, "the touches of this test move something"
        for start, episode in zip(starts, episodes, strict=True):
            (view, info), *steps = results(plan, start, episode.actions)
            assert (episode.seed, episode.location) == (start.seed, start.location)
            assert (episode.agent, episode.world) == ("pushes", world_of("mujoco"))
            views = [view, *(step[0] for step in steps)]
            infos = [step[4] for step in steps]
            assert len(episode) == TOUCHES and not info["success"]
            np.testing.assert_array_equal(episode.rgb, [one["rgb"] for one in views])
            np.testing.assert_array_equal(episode.depth, [one["depth"] for one in views])
            assert (episode.rgb.dtype, episode.depth.dtype) == (np.uint8, np.float32)
            for name in ("mask", "changed", "success"):
                np.testing.assert_array_equal(getattr(episode, name), [one[name] for one in infos])
                assert getattr(episode, name).dtype == np.bool_

    def test_touches_are_those_of_the_agent_with_the_seed_of_the_episode(self, folder):
        for episode in read_episodes(folder):
            actor = Pushes()
            actor.reset(episode.seed)
            chosen = [
                actor.act(Observation(rgb=episode.rgb[number], depth=episode.depth[number]))
                for number in range(len(episode))
            ]
            np.testing.assert_array_equal(episode.actions, chosen)

    def test_a_split_has_its_locations_drawn_by_the_seeds_alone(self, tmp_path):
        plan = Plan(episodes=2, touches=1, seed=5, locations="NovelSpaces/val")
        make_record(plan, tmp_path / "touches", progress=False)
        episodes = list(read_episodes(tmp_path / "touches"))
        for number, (start, episode) in enumerate(zip(plan.starts(), episodes, strict=True)):
            assert start.location is None and start.seed == episode.seed == episode_seed(5, number)
            ((view, _), *_) = results(plan, start, episode.actions)
            np.testing.assert_array_equal(view["rgb"], episode.rgb[0])
        assert episodes[0].location != episodes[1].location


class TestRandomTouches:
    def test_are_in_reach_and_a_function_of_the_seed(self):
        depth = np.full((300, 300), 2.0, np.float32)
        depth[100:110, 50:90] = REACH - 0.1
        view = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=depth)
        actor = RandomTouches()
        series = []
        for seed in (3, 3, 4):
            actor.reset(seed)
            series.append(np.array([actor.act(view) for _ in range(200)]))
        assert np.array_equal(series[0], series[1]) and not np.array_equal(series[0], series[2])
        rows, columns, forces, directions = series[0].T
        assert rows.min() >= 100 and rows.max() < 110 and columns.min() >= 50 and columns.max() < 90
        assert set(forces) == {0, 1, 2} and set(directions) == set(range(8))

    def test_are_anywhere_where_nothing_is_in_reach(self):
        view = Observation(rgb=np.zeros((300, 300, 3), np.uint8), depth=np.full((300, 300), 9, np.float32))
        touches = np.array([RandomTouches().act(view) for _ in range(2)])
        assert (touches[:, :2] >= 0).all() and (touches[:, :2] < 300).all()

    def test_other_agents_need_a_function_that_makes_them(self):
        assert isinstance(make_actor("random"), RandomTouches)
        assert isinstance(make_actor("pushes", agents), Pushes)
        with pytest.raises(InvalidOptionError, match=r"'pushes' is not 'random'.*actor_named"):
            make_actor("pushes")


class TestMaking:
    @pytest.mark.parametrize("format", FORMATS)
    def test_workers_do_not_change_a_record(self, tmp_path, format):
        plan = replace(plan_at(tmp_path), touches=1)
        made = []
        for workers in (1, 2):
            (tmp_path / str(workers)).mkdir()
            target = tmp_path / str(workers) / "touches-v0"
            made.append(
                make_record(plan, target, format, workers=workers, agents=agents, progress=False).files
            )
        assert made[0] == made[1] and made[0]
        assert [path.name for path in (tmp_path / "2").iterdir()] == ["touches-v0"]

    def test_an_interrupted_record_goes_on_where_it_stopped(self, plan, folder, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            make_record(plan, tmp_path / "touches", agents=interrupted, progress=False)
        (part,) = (tmp_path / ".touches.parts").iterdir()
        os.utime(part, (1, 1))
        with pytest.raises(KeyboardInterrupt):  # in the third episode, which is its second
            make_record(plan, tmp_path / "touches", agents=interrupted, progress=False)
        assert part.stat().st_mtime == 1, "a finished episode is not made again"
        record = make_record(plan, tmp_path / "touches", agents=agents, progress=False)
        assert record.files == open_record(folder).files
        assert [path.name for path in tmp_path.iterdir()] == ["touches"]

    def test_a_damaged_part_is_made_again(self, plan, folder, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            make_record(plan, tmp_path / "touches", agents=interrupted, progress=False)
        (part,) = (tmp_path / ".touches.parts").iterdir()
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
        record = make_record(plan, tmp_path / "touches", agents=agents, progress=False)
        assert record.files == open_record(folder).files

    def test_a_killed_command_goes_on_where_it_was(self, tmp_path):
        words = ["make", "--episodes", "4", "--touches", "2", "--agent", "random_points", "--out"]
        command = [sys.executable, "-m", "thor_interact_env.record", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        target = tmp_path / "killed"
        process = subprocess.Popen([*command, str(target)], env=environment, stderr=subprocess.DEVNULL)
        parts = tmp_path / ".killed.parts"
        while process.poll() is None and not list(parts.glob("0*.parquet")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = {path.name: path.stat().st_ino for path in parts.glob("0*.parquet")}
        assert kept and not target.exists()
        process = subprocess.Popen([*command, str(target)], env=environment, stderr=subprocess.DEVNULL)
        while process.poll() is None and {path.name for path in parts.glob("0*.parquet")} <= kept.keys():
            time.sleep(0.01)
        after = {path.name: path.stat().st_ino for path in parts.glob("0*.parquet")} or kept
        assert process.wait() == 0 and after.items() >= kept.items(), "what was finished is not done again"
        subprocess.run([*command, str(tmp_path / "whole")], env=environment, check=True)
        assert open_record(target).files == open_record(tmp_path / "whole").files

    def test_a_complete_record_is_only_checked(self, plan, folder):
        before = (folder / "record.json").stat().st_ino
        assert make_record(plan, folder, agents=agents).items == EPISODES * TOUCHES
        assert (folder / "record.json").stat().st_ino == before

    def test_a_record_of_other_options_is_not_overwritten(self, plan, folder):
        for other in (replace(plan, seed=1), replace(plan, touches=2), replace(plan, agent="random")):
            with pytest.raises(InvalidOptionError, match="other options"):
                make_record(other, folder, agents=agents)
        with pytest.raises(InvalidOptionError, match="other options"):
            make_record(plan, folder, "coco", agents=agents)

    def test_paths_are_stated_as_text(self, tmp_path):
        path = write_locations(tmp_path / "locations.json")
        assert Plan(locations=path) == Plan(locations=str(path))  # type: ignore[arg-type]

    def test_scenes_on_disk_belong_to_the_record(self, tmp_path, monkeypatch):
        (folder := tmp_path / "scenes").mkdir()
        (folder / "FloorPlan1.xml").write_text("<mujoco/>")
        monkeypatch.setenv(VARIABLE, json.dumps({"scenes": str(folder)}))
        first, again = (Plan(simulator="mjcf", locations="all").scenes for _ in range(2))
        (folder / "FloorPlan1.xml").write_text("<mujoco></mujoco>")
        changed = Plan(simulator="mjcf", locations="all").scenes
        monkeypatch.setenv(VARIABLE, json.dumps({"scenes": str(folder), "eye_height": 1.2}))
        lower = Plan(simulator="mjcf", locations="all").scenes
        assert first == again and len({first, changed, lower}) == 3
        assert Plan().scenes == ""

    def test_the_current_folder_can_be_the_record(self, plan, tmp_path, monkeypatch):
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        record = make_record(replace(plan, episodes=1), ".", agents=agents, progress=False)
        assert record.folder == tmp_path / "here" and open_record(tmp_path / "here").items == TOUCHES

    def test_a_link_can_name_the_record(self, plan, tmp_path):
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        record = make_record(replace(plan, episodes=1), tmp_path / "link", agents=agents, progress=False)
        assert record.folder == (tmp_path / "real").resolve() and record.items == TOUCHES
        assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}

    def test_other_files_are_not_overwritten(self, plan, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("")
        with pytest.raises(InvalidOptionError, match="other files"):
            make_record(plan, tmp_path / "mine", agents=agents)
        with pytest.raises(InvalidOptionError, match="is a file"):
            make_record(plan, tmp_path / "mine" / "notes.txt", agents=agents)

    @pytest.mark.parametrize(
        ("values", "options", "named"),
        [
            ({"touches": -1}, {}, "touches -1"),
            ({"touches": 0}, {}, "touches 0"),
            ({"seed": 1.5}, {}, r"seed 1\.5"),
            ({"episodes": 0}, {}, "episodes 0"),
            ({"reachable_fraction": 2}, {}, "reachable_fraction 2"),
            ({"agent": "nobody"}, {}, "'nobody'"),
            ({}, {"workers": 0}, "workers 0"),
            ({}, {"format": "csv"}, "'csv'.*parquet, minari, coco"),
            ({}, {"format": "minari"}, "touches-v0, not 'touches'"),
        ],
    )
    def test_wrong_values_are_named_and_leave_nothing(self, tmp_path, values, options, named):
        with pytest.raises(InvalidOptionError, match=named):
            make_record(Plan(**values), tmp_path / "touches", **options, agents=agents, progress=False)
        assert list(tmp_path.iterdir()) == []

    def test_a_wrong_split_is_named(self):
        with pytest.raises(UnknownSplitError, match="Mars"):
            Plan(locations="Mars").starts()

    def test_more_episodes_than_locations_are_refused(self, plan):
        assert len(replace(plan, episodes=2).starts()) == 2
        with pytest.raises(InvalidOptionError, match=r"4 is more than the 3 locations"):
            replace(plan, episodes=4).starts()

    @pytest.mark.parametrize("module", ["pyarrow", "minari", "pycocotools"])
    def test_a_missing_library_is_named(self, tmp_path, monkeypatch, module):
        from gymnasium.error import DependencyNotInstalled

        monkeypatch.setitem(sys.modules, module, None)
        format = {"minari": "minari", "pycocotools": "coco"}.get(module, "parquet")
        with pytest.raises(DependencyNotInstalled, match="pip install"):
            make_record(Plan(episodes=1), tmp_path / "touches-v0", format)


class TestReading:
    @pytest.mark.parametrize("change", ["one byte", "cut short", "missing"])
    def test_a_damaged_file_is_said_in_a_sentence(self, folder, tmp_path, change, capsys):
        copy = copy_of(folder, tmp_path / "copy")
        (path,) = (copy / "data").iterdir()
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        if change == "missing":
            path.unlink()
        else:
            path.write_bytes(content if change == "one byte" else content[:-1])
        for read in (open_record, lambda copy: list(read_episodes(copy))):
            with pytest.raises(DatasetError, match=rf"{path}.*(damaged|missing)"):
                read(copy)
        assert str(path) in complaint(lambda words: main(agents, words), capsys, "check", copy)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "parquet"}'])
    def test_a_damaged_description_is_said_in_a_sentence(self, folder, tmp_path, text):
        copy = copy_of(folder, tmp_path / "copy")
        (copy / "record.json").write_text(text)
        with pytest.raises(DatasetError, match=r"record\.json is damaged"):
            open_record(copy)

    def test_a_folder_without_record_is_named(self, tmp_path):
        with pytest.raises(DatasetError, match=r"is not a record.*record make"):
            open_record(tmp_path)

    def test_a_record_of_another_format_is_named(self, folder, tmp_path):
        copy = copy_of(folder, tmp_path / "copy")
        text = (copy / "record.json").read_text()
        (copy / "record.json").write_text(text.replace('"parquet"', '"coco"'))
        with pytest.raises(DatasetError, match="'coco', not 'parquet'"):
            list(read_episodes(copy))


class TestSavedEpisodes:
    def test_become_a_record(self, tmp_path):
        saved = [save_episode(tmp_path / "a.json", 3, 2), save_episode(tmp_path / "b.json", 4, 1)]
        plan = Plan(saved=(tmp_path / "a.json", tmp_path / "b.json"))
        record = make_record(plan, tmp_path / "mine", progress=False)
        episodes: list[RecordedEpisode] = list(read_episodes(tmp_path / "mine"))
        assert (record.episodes, record.items) == (2, 3)
        for recording, episode in zip(saved, episodes, strict=True):
            assert (episode.seed, episode.location) == (recording.seed, recording.location)
            assert [tuple(action) for action in episode.actions.tolist()] == list(recording.actions)
            assert episode.agent == "saved"
        assert episodes[0].mask.any()

    def test_with_other_results_are_refused(self, tmp_path):
        save_episode(tmp_path / "a.json")
        value = json.loads((tmp_path / "a.json").read_text())
        value["sha256"][1] = "0" * 64
        (tmp_path / "a.json").write_text(json.dumps(value))
        with pytest.raises(RecordingError, match="touch 1 of the saved episode of seed 0 differs"):
            make_record(Plan(saved=(tmp_path / "a.json",)), tmp_path / "mine", progress=False)

    def test_without_touches_are_refused(self, tmp_path):
        save_episode(tmp_path / "a.json", touches=1)
        value = json.loads((tmp_path / "a.json").read_text())
        value.update(actions=[], sha256=value["sha256"][:1])
        (tmp_path / "a.json").write_text(json.dumps(value))
        with pytest.raises(InvalidOptionError, match="has no touch"):
            make_record(Plan(saved=(tmp_path / "a.json",)), tmp_path / "mine", progress=False)

    def test_a_file_that_is_none_is_named(self, tmp_path):
        (tmp_path / "a.json").write_text("{}")
        with pytest.raises(RecordingError, match="no 'seed'"):
            make_record(Plan(saved=(tmp_path / "a.json",)), tmp_path / "mine", progress=False)


class TestCommandLine:
    def run(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "thor_interact_env.record", *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "eval")))},
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.mark.parametrize("agent", ["superpixels", "user_agents:Centre"])
    def test_any_agent_is_recorded(self, tmp_path, agent):
        words = ("--agent", agent, "--episodes", 2, "--touches", 2, "--workers", 2)
        done = self.run("make", *words, "--out", tmp_path / "touches")
        assert done.returncode == 0, done.stderr
        assert "parquet, 2 episodes, 4 touches" in done.stdout
        assert {episode.agent for episode in read_episodes(tmp_path / "touches")} == {agent}
        checked = self.run("check", tmp_path / "touches")
        assert checked.stdout == done.stdout

    @pytest.mark.parametrize(
        ("agent", "named"),
        [
            ("nobody", "superpixels"),
            ("no_module:Agent", "no_module"),
            ("user_agents:CannotBeMade", "weights"),
        ],
    )
    def test_an_agent_that_cannot_be_made_is_one_line(self, tmp_path, agent, named):
        done = self.run("make", "--agent", agent, "--episodes", 1, "--out", tmp_path / "touches")
        assert done.returncode == 2 and done.stdout == ""
        (line,) = [line for line in done.stderr.splitlines() if "episodes" not in line]
        assert line.startswith("error: ") and named in line
        assert list(tmp_path.iterdir()) == []

    def test_an_interruption_says_how_to_go_on(self, plan, tmp_path, capsys):
        words = [
            "make",
            "--agent",
            "pushes",
            "--locations",
            plan.locations,
            "--out",
            str(tmp_path / "touches"),
        ]
        code, _, error = outcome(lambda words: main(interrupted, words), capsys, *words)
        assert code == 130 and f"Continue: python -m thor_interact_env.record {' '.join(words)}" in error
