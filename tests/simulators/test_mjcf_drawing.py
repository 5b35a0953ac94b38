"""What is drawn of scenes on disk: floors of any size, and geoms alone."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from mjcf_scenes import FIXED, FREE, ROOM, model, write_scene

from selfsup.grid import IMAGE_SIZE
from thor_interact_env.actions import AGENT_HEIGHT_Y, CAMERA_HEIGHT
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator
from thor_interact_env.simulators.mujoco.drawing.rendering import FOCAL_LENGTH

IN_THE_MIDDLE = Location(ROOM, (0.0, AGENT_HEIGHT_Y, 0.0), 0, 0, 0)
BEFORE_THE_COUNTER = Location(ROOM, (0.0, AGENT_HEIGHT_Y, 0.75), 0, 30, 0)


def seen(folder: Path, content: str, location: Location) -> tuple[Observation, Instances]:
    simulator = MjcfSimulator(write_scene(folder, text=model(content)))
    view, truth = simulator.load(location), simulator.instances()
    simulator.close()
    return view, truth


def floor_distances() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the distance along each ray to a level floor, and how far ahead it meets it, metres."""
    offsets = (np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2) / FOCAL_LENGTH
    down, across = np.meshgrid(offsets, offsets, indexing="ij")
    ahead = np.where(down > 0, CAMERA_HEIGHT / np.where(down > 0, down, 1), np.inf)
    return ahead * np.sqrt(1 + down**2 + across**2), ahead


@pytest.mark.parametrize("size", ["6 6 0.01", "0 0 0.01"])
def test_a_floor_is_drawn_as_large_as_it_is(tmp_path: Path, size: str) -> None:
    view, _ = seen(tmp_path, f'<geom name="floor" type="plane" size="{size}"/>' + FREE, IN_THE_MIDDLE)
    expected, ahead = floor_distances()
    near = ahead < 5
    assert near.sum() > 20_000
    assert np.isclose(view["depth"][near], expected[near], rtol=0.01).mean() > 0.9  # objects hide the rest


def test_marks_and_cables_are_neither_drawn_nor_counted(tmp_path: Path) -> None:
    floor = '<geom name="floor" type="plane" size="6 6 0.01"/>' + FIXED + FREE
    sites = "".join(f'<site pos="{number / 10 - 1.5:.1f} 1.3 1.0" size="0.05"/>' for number in range(30))
    view, truth = seen(tmp_path / "without", floor, BEFORE_THE_COUNTER)
    marked, marked_truth = seen(tmp_path / "with", floor + sites, BEFORE_THE_COUNTER)
    np.testing.assert_array_equal(marked["rgb"], view["rgb"])
    np.testing.assert_array_equal(marked["depth"], view["depth"])
    assert len(truth) > 0 and marked_truth.ids == truth.ids
    np.testing.assert_array_equal(marked_truth.masks, truth.masks)
