"""One world on every machine: its digests, and what they tell apart."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from thor_interact_env import world
from thor_interact_env.simulators.mujoco import golden, physics
from thor_interact_env.simulators.mujoco.drawing.drawing_thread import renderer_name
from thor_interact_env.simulators.mujoco.physics import SPACING, CompiledRoom
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn

ROOMS = golden.ROOMS[::3]

# Other kernels of OpenBLAS, NumPy and the C library, as on other processors. The names of features are those
# until NumPy 2.3 and since, and those since glibc 2.33 and until then; names that are unknown are ignored.
NUMPY = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX X86_V3 X86_V4"}
GLIBC = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA_Usable,-AVX2_Usable"}
PROCESSORS = {
    "Haswell without NumPy's vectors": {"OPENBLAS_CORETYPE": "Haswell", **NUMPY},
    "Sandybridge without glibc's vectors": {"OPENBLAS_CORETYPE": "Sandybridge", **GLIBC},
    "Zen": {"OPENBLAS_CORETYPE": "Zen"},
    "SkylakeX": {"OPENBLAS_CORETYPE": "SkylakeX"},
}

PROGRAM = f"""
import json
from thor_interact_env.simulators.mujoco.golden import digests
print(json.dumps({{name: digests(name) for name in {ROOMS!r}}}))
"""


def same_releases() -> bool:
    return all(golden.recorded()[name] == release for name, release in golden.releases().items())


@pytest.fixture(scope="module")
def here():
    return {name: golden.digests(name) for name in ROOMS}


@pytest.mark.parametrize("variables", PROCESSORS.values(), ids=PROCESSORS)
def test_other_processors_have_the_same_world(variables, here):
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == here


def test_this_world_is_the_recorded_one():
    recorded = golden.recorded()
    assert recorded["version"] == world.WORLD_VERSION and len(golden.ROOMS) >= 12
    found = {name: golden.digests(name) for name in golden.ROOMS}
    if not same_releases():  # Motions depend on them: see `doctor`.
        for parts in (*found.values(), *recorded["rooms"].values()):
            del parts["motion"]
    assert found == recorded["rooms"], "raise WORLD_VERSION if the world is meant to be another one"


def test_images_are_the_recorded_ones():
    if renderer_name() not in golden.recorded()["pictures"] or not same_releases():
        pytest.skip(f"no images were recorded for {renderer_name()} and these releases")
    assert golden.compare_images(ROOMS) == dict.fromkeys(ROOMS, True)


def test_comparison_names_what_differs_and_the_remedy(monkeypatch):
    assert golden.compare(ROOMS[:1]).same == same_releases()
    room = ROOMS[0]
    golden_file = golden.recorded()
    other = golden_file["rooms"][room]
    monkeypatch.setattr(golden, "digests", lambda name: other | {"motion": "another"})
    found = golden.compare([room])
    assert not found.same and f"motion differ in 1 of 1 rooms ({room})" in found.detail and found.remedy
    monkeypatch.setattr(golden, "releases", lambda: {"mujoco": "0.1", "numpy": golden_file["numpy"]})
    assert golden.compare([room]).remedy == (
        f"for comparable results: pip install mujoco=={golden_file['mujoco']}."
    )


def test_another_world_needs_another_version(monkeypatch, tmp_path):
    file = tmp_path / "golden.json"
    monkeypatch.setattr(golden, "FILE", file)
    monkeypatch.setattr(golden, "ROOMS", ROOMS[:1])
    monkeypatch.setattr(golden, "image_digest", lambda name: "image")
    monkeypatch.setattr(golden, "digests", lambda name: {"plan": "a"})
    golden.record()
    before = file.read_bytes()
    golden.record()
    assert file.read_bytes() == before
    monkeypatch.setattr(golden, "digests", lambda name: {"plan": "b"})
    with pytest.raises(ValueError, match="raise WORLD_VERSION"):
        golden.record()
    assert file.read_bytes() == before
    monkeypatch.setattr(golden, "WORLD_VERSION", world.WORLD_VERSION + 1)
    golden.record()
    assert golden.recorded()["version"] == world.WORLD_VERSION + 1


def test_digests_follow_every_part_of_the_world(monkeypatch):
    room = ROOMS[0]
    before = golden.digests(room)
    monkeypatch.setattr(physics, "FORCE_DURATION", 0.04)
    changed = golden.digests(room)
    assert changed["motion"] != before["motion"] and changed["plan"] == before["plan"]
    monkeypatch.undo()
    monkeypatch.setattr(golden, "SPAWN", 8)
    changed = golden.digests(room)
    assert changed["spawn"] != before["spawn"] and changed["plan"] == before["plan"]
    monkeypatch.undo()
    monkeypatch.setattr(golden, "texture", lambda material: np.zeros(1))
    assert golden.digests(room)["plan"] != before["plan"]


def test_positions_are_on_the_grid_whatever_happens():
    plan = plan_room("FloorPlan404")
    room = CompiledRoom(plan)

    def on_the_grid() -> bool:
        positions = room.positions() / SPACING
        return np.array_equal(positions, np.rint(positions))

    room.rest(room.positions() + 0.3 * SPACING)
    assert on_the_grid()
    room.spawn(spawn(plan, 0))
    assert on_the_grid()
    before = room.positions()
    for index, movable in enumerate(room.movables[:5]):
        motion = room.push(index, np.array([30.0, 20.0, 10.0]), room.data.xipos[movable.body] + 0.01)
        assert on_the_grid()
        assert all(np.array_equal(one / SPACING, np.rint(one / SPACING)) for one in motion)
    assert not np.array_equal(room.positions(), before)


def test_worlds_have_names():
    assert world.world_of("mujoco") == f"mujoco world {world.WORLD_VERSION}"
    assert world.world_of("no-such-distribution") == "no-such-distribution"
