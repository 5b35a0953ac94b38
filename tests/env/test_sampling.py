"""Each part of a drawn location is uniform: counts of a fixed seed, so the bounds hold or do not, always."""

from collections import Counter
from collections.abc import Hashable, Iterable

import numpy as np
import numpy.typing as npt
import pytest
from fake_simulator import FakeSimulator

from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.errors import UnknownRoomError
from thor_interact_env.locations.location import HORIZONS, ROTATIONS, Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.locations.splits import ALL_ROOMS
from thor_interact_env.simulators.base import Observation

ROOMS = ("FloorPlan1", "FloorPlan201", "FloorPlan301")
DRAWS = 1200
CHI_SQUARE = {2: 23.0, 3: 25.9, 4: 28.5, 15: 50.5}
"""What chi-square exceeds with a probability of 0.00001, by the degrees of freedom: a draw that prefers one
of four choices in 80% of all cases exceeds it a hundred times over."""


class EmptySimulator:
    """Five positions in each room, and one image: a wall out of reach, but near where a pose looks down."""

    rooms = ROOMS
    deterministic = True

    def __init__(self) -> None:
        self.far = Observation(rgb=np.zeros((3, 3, 3), np.uint8), depth=np.full((3, 3), 2, np.float32))
        self.near = Observation(rgb=np.zeros((3, 3, 3), np.uint8), depth=np.ones((3, 3), np.float32))

    def has_room(self, room: str) -> bool:
        return room in self.rooms

    def reachable_positions(self, room: str, seed: int) -> npt.NDArray[np.float64]:
        return np.array([[0.25 * step, AGENT_HEIGHT_Y, 0.5] for step in range(5)])

    def load(self, location: Location) -> Observation:
        return self.near if location.horizon >= 0 else self.far


def draw(reachable_fraction: float) -> list[Location]:
    sampler = LocationSampler(EmptySimulator(), ROOMS, reachable_fraction)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    return [sampler.sample(rng) for _ in range(DRAWS)]


def chi_square(values: Iterable[Hashable], choices: int) -> float:
    """Return the sum over the choices of (count - expected)^2 / expected, for equally likely ones."""
    counts = Counter(values)
    assert len(counts) == choices
    expected = counts.total() / choices
    return sum((count - expected) ** 2 / expected for count in counts.values())


@pytest.fixture(scope="module")
def locations() -> list[Location]:
    return draw(0.0)


@pytest.mark.parametrize(
    ("part", "choices"),
    [("scene", len(ROOMS)), ("position", 5), ("rotation", len(ROTATIONS)), ("horizon", len(HORIZONS))],
)
def test_each_part_of_a_location_is_uniform(locations: list[Location], part: str, choices: int) -> None:
    assert chi_square((getattr(one, part) for one in locations), choices) < CHI_SQUARE[choices - 1]


def test_rotation_and_horizon_are_independent(locations: list[Location]) -> None:
    assert chi_square(((one.rotation, one.horizon) for one in locations), 16) < CHI_SQUARE[15]


@pytest.mark.parametrize(
    ("rooms", "message"),
    [
        (ALL_ROOMS, "120, such as FloorPlan30"),
        (("FloorPlan1", "FloorPlan2"), "it has FloorPlan1, FloorPlan2$"),
    ],
)
def test_an_unknown_room_is_named_with_some_of_those_there_are(rooms: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnknownRoomError, match=f"no room 'FloorPlan3000'.*{message}") as caught:
        LocationSampler(FakeSimulator(rooms=rooms), ["FloorPlan3000"])
    assert len(str(caught.value)) < 200


def test_a_simulator_can_have_few_spawn_seeds() -> None:
    class Few(FakeSimulator):
        def spawn_seeds(self, room: str) -> int:
            return 3

    rng, sampler = np.random.default_rng(0), LocationSampler(Few(), ("FloorPlan1",))
    assert {sampler.sample(rng).seed for _ in range(60)} == {0, 1, 2}


def test_poses_without_enough_in_reach_are_replaced_by_uniform_ones() -> None:
    found = draw(0.5)
    assert {one.horizon for one in found} == {0, 30, 60}
    assert chi_square((one.horizon for one in found), 3) < CHI_SQUARE[2]
    assert chi_square((one.rotation for one in found), 4) < CHI_SQUARE[3]
    assert chi_square((one.scene for one in found), 3) < CHI_SQUARE[2]
