"""The option `objects` of location lists, records and the page: what they hold, state and refuse."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import pytest
from command_lines import complaint, exit_code
from own_object_files import LAMP, folder_of

from thor_interact_env.datasets.command_line import main as datasets
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import (
    DatasetError,
    InvalidOptionError,
    RecordingError,
    UnreachableLocationError,
)
from thor_interact_env.locations.dataset import LocationDataset
from thor_interact_env.play.command_line import main as play
from thor_interact_env.play.played_room import PlayedRoom
from thor_interact_env.play.sessions import make_environment
from thor_interact_env.record.command_line import main as record
from thor_interact_env.record.plan import Plan
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.own_objects.identifiers import is_own
from thor_interact_env.world import world_of


@pytest.fixture(scope="module")
def lamps(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of twelve lamps: most views show some."""
    folder = tmp_path_factory.mktemp("objects") / "lamps"
    return str(folder_of(folder, "lamp.xml,Lamp,0.7,,0.2,,,\n" * 12, lamp_xml=LAMP))


@pytest.fixture(scope="module")
def listed(lamps: str) -> Path:
    """A list of two locations in rooms with lamps."""
    file = Path(lamps).with_name("set.json")
    words = ("make", "NovelSpaces/val", "--locations", 2, "--no-forces", "--out", file)
    assert exit_code(datasets, *words, "--objects", lamps) == 0
    return file


def test_a_list_states_the_objects_of_its_rooms(listed: Path, lamps: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entries = LocationDataset.read(listed)
    world = world_of("mujoco", lamps)
    stated = {"world": world, "objects": "lamps", "list": entries[0].extra["list"]}
    assert [dict(entry.extra) for entry in entries] == [stated] * 2
    assert any(is_own(item.extra["object_id"]) for entry in entries for item in entry.annotations)


def test_a_list_is_read_by_an_environment_with_its_objects_only(
    listed: Path, lamps: str, tmp_path: Path
) -> None:
    said = r"set\.json was made with the objects of 'lamps' \(\w{12}\) in the rooms, and here there are none"
    with pytest.raises(DatasetError, match=said) as error:
        ThorInteractEnv(locations=listed)
    assert "\n" not in str(error.value)
    others = folder_of(tmp_path / "others", "lamp.xml,Lamp,0.9,,0.2,,,\n", lamp_xml=LAMP)
    with pytest.raises(DatasetError, match="are others"):
        ThorInteractEnv(locations=listed, simulator_options={"objects": others})
    with pytest.raises(DatasetError, match="there are none"):
        ThorInteractEnv(make_simulator("mujoco"), listed)
    locations = LocationDataset.read(listed).locations
    moved = Path(lamps).rename(Path(lamps).with_name("moved"))
    try:
        for env in (
            ThorInteractEnv(locations=listed, simulator_options={"objects": moved}),
            ThorInteractEnv(make_simulator("mujoco", objects=moved), listed),
        ):
            env.reset(seed=0)
            assert env.location in locations
            env.close()
    finally:
        moved.rename(lamps)


def test_a_list_of_another_version_of_the_world_is_still_called_out(listed: Path, tmp_path: Path) -> None:
    from thor_interact_env.world import OtherWorldWarning

    file = tmp_path / "old.json"
    file.write_text(listed.read_text().replace("mujoco world 1 with", "mujoco world 0 with"))
    with pytest.warns(OtherWorldWarning, match="made in mujoco world 0"):
        LocationDataset.read(file)


def test_a_record_is_of_rooms_with_the_objects(lamps: str, listed: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from thor_interact_env.record import read_episodes

    plan = Plan(objects=lamps, locations=str(listed), touches=1)
    (start, _) = plan.starts()
    with pytest.raises(DatasetError, match="there are none"):
        Plan(locations=str(listed)).starts()
    with pytest.raises(InvalidOptionError, match="mujoco only, not of mjcf"):
        Plan(objects=lamps, simulator="mjcf")
    env = gymnasium.make("ThorInteract-v0", **plan.environment(start))
    first, _ = env.reset(seed=start.seed, options=start.options)
    env.close()
    out = tmp_path / "touches"
    words = ("make", "--out", out, "--locations", listed, "--episodes", 1, "--touches", 1)
    assert exit_code(lambda words: record(None, words), *words, "--objects", lamps) == 0
    (episode,) = read_episodes(out)
    assert episode.world == world_of("mujoco", lamps)
    assert episode.rgb[0].tobytes() == first["rgb"].tobytes()
    stated = json.loads((out / "record.json").read_text())
    assert (stated["world"], stated["plan"]["objects"]) == (episode.world, Path(lamps).name)
    assert "objects" not in Plan().to_json() and "simulator_options" not in Plan().environment(start)


def test_the_page_shows_rooms_with_the_objects(lamps: str) -> None:
    env = make_environment(lamps)
    room, own = PlayedRoom(env), 0
    try:
        for seed in range(3):
            room.start(seed, "FloorPlan1")
            own += sum(map(is_own, env.ground_truth().ids))
    finally:
        room.close()
    assert own > 0


def test_a_saved_episode_is_repeated_with_its_objects_only(lamps: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    from thor_interact_env.record import make_record

    room = PlayedRoom(make_environment(lamps))
    room.start(1, "FloorPlan1")
    room.touch((150, 150, 2, 4))
    room.recording().write(tmp_path / "episode.json")
    room.close()
    plan = Plan(saved=(tmp_path / "episode.json",), objects=lamps)
    assert make_record(plan, tmp_path / "mine", progress=False).world == world_of("mujoco", lamps)
    with pytest.raises((RecordingError, UnreachableLocationError)):
        make_record(replace(plan, objects=None), tmp_path / "other", progress=False)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (datasets, ("make", "NovelSpaces/val", "--out", "set.json")),
        (lambda words: record(None, words), ("make", "--out", "touches")),
        (lambda words: play(lambda name: None, words), ()),  # type: ignore[arg-type, return-value]
    ],
)
def test_a_missing_folder_is_one_line(
    command: Any, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no folder 'nowhere'" in complaint(command, capsys, *words, "--objects", "nowhere")
    assert not list(tmp_path.iterdir())
