"""Where an agent can stand in scenes on disk."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mjcf_scenes import FIXED, FLOOR, FREE, ROOM, model, write_scene

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator


def ground(folder: Path, more: str) -> npt.NDArray[np.float64]:
    """Return x and y of all positions, (n, 2), with a further collider in the scene."""
    simulator = MjcfSimulator(write_scene(folder, text=model(FLOOR + FREE + more)))
    positions = simulator.reachable_positions(ROOM, 0)[:, [0, 2]]
    simulator.close()
    return positions


def test_only_the_largest_connected_floor_is_kept(tmp_path: Path) -> None:
    wall = '<geom class="__STRUCTURAL_MJT__" type="box" size="0.02 2 0.9" pos="-1.4 0 0.9"/>'
    found = ground(tmp_path, wall)
    assert len(found) > 50 and (found[:, 0] >= -1.2).all()


@pytest.mark.parametrize(("height", "blocks"), [(0.02, False), (0.06, True), (1.70, True), (1.90, False)])
def test_what_is_flat_or_overhead_is_no_obstacle(tmp_path: Path, height: float, blocks: bool) -> None:
    thing = f'<geom class="__STRUCTURAL_MJT__" type="box" size="0.3 0.3 0.02" pos="0.5 0.5 {height}"/>'
    found = ground(tmp_path, thing)
    assert (np.abs(found - 0.5).max(axis=1) < 0.1).any() != blocks


def lamp(side: float, top: float) -> str:
    """Return a fixed body of this width and height, metres, with "floor" in its name."""
    return (
        f'<body name="floor_lamp" pos="1 1 {top / 2}"><geom class="__STRUCTURAL_MJT__" type="box" '
        f'size="{side / 2} {side / 2} {top / 2}"/></body>'
    )


BOX = """
    <geom name="floor" class="__STRUCTURAL_MJT__" type="box" size="2 2 0.05" pos="0 0 -0.05"/>
    <geom name="floor_visual" class="__VISUAL_MJT__" type="box" size="2 2 0.05" pos="0 0 -0.05"/>
"""
GROUND = '<geom name="ground" type="plane" size="0 0 1" pos="0 0 -1"/>'


@pytest.mark.parametrize("floor", [FLOOR, BOX, BOX + GROUND], ids=["plane", "box", "box above the ground"])
@pytest.mark.parametrize("more", ["", lamp(0.3, 1.5)], ids=["alone", "lamp"])
def test_the_floor_is_wide_unlike_a_floor_lamp(tmp_path: Path, floor: str, more: str) -> None:
    simulator = MjcfSimulator(write_scene(tmp_path, text=model(floor + FREE + more)))
    positions = simulator.reachable_positions(ROOM, 0)
    simulator.close()
    assert len(positions) > 50
    np.testing.assert_allclose(positions[:, 1], AGENT_HEIGHT_Y, atol=1e-6)


def test_a_floor_may_be_smaller_if_there_is_no_other(tmp_path: Path) -> None:
    ceiling = '<geom name="ceiling" type="plane" size="0 0 1" pos="0 0 3" zaxis="0 0 -1"/>'
    floor = BOX.replace("2 2 0.05", "0.45 0.45 0.05") + ceiling
    simulator = MjcfSimulator(write_scene(tmp_path, text=model(floor + FIXED + lamp(0.1, 1.5))))
    heights = simulator.reachable_positions(ROOM, 0)[:, 1]
    simulator.close()
    assert len(heights)
    np.testing.assert_allclose(heights, AGENT_HEIGHT_Y, atol=1e-6)
