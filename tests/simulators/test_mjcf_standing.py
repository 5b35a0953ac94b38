"""Where an agent can stand in scenes on disk."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mjcf_scenes import FLOOR, FREE, ROOM, model, write_scene

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
