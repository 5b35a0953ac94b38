"""Evaluation at given locations: of a dataset file, or of a shipped list."""

import numpy as np
import pytest
from fake_simulator import FakeSimulator

from eval.views.evaluation_set import EvaluationSet
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.errors import UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.splits import ALL_ROOMS
from thor_interact_env.simulators.base import Instances, Observation

LOCATIONS = tuple(
    Location(room, (x, AGENT_HEIGHT_Y, 0.0), 90, 0, 7) for room in ALL_ROOMS[:2] for x in (0.0, 0.5, 1.0)
)


class Corridor(FakeSimulator):
    """A simulator whose picture and truth tell where it is."""

    def load(self, location: Location) -> Observation:
        if location.position[0] > 1:
            raise UnreachableLocationError("a wall is in the way")
        self._shade = int(100 * location.position[0]) + ALL_ROOMS.index(location.scene)
        return Observation(
            rgb=np.full((300, 300, 3), self._shade, np.uint8),
            depth=np.full((300, 300), self._shade, np.float32),
        )

    def instances(self) -> Instances:
        masks = np.ones((1, 300, 300), bool)
        return Instances(masks, np.array([float(self._shade)]), ("Mug",), ("Mug|1",))


def test_views_and_truths_belong_to_the_given_locations_in_their_order() -> None:
    world = Corridor()
    made = EvaluationSet.at(LOCATIONS, "NovelSpaces/test", simulator=lambda: world, progress=False)
    assert made.locations == LOCATIONS and made.split == "NovelSpaces/test"
    assert made.seed is None and made.reachable_fraction is None
    shades = [0, 50, 100, 1, 51, 101]
    assert [int(view["rgb"][0, 0, 0]) for view in made.observations] == shades
    assert [float(truth.masses[0]) for truth in made.truths] == shades
    assert max(float(view["depth"].max()) for view in made.observations) == 20.0, (
        "as the environment shows it"
    )
    assert world.closes == 1


def test_a_location_that_cannot_be_loaded_is_reported_and_the_simulator_closed() -> None:
    world = Corridor()
    beyond = Location("FloorPlan1", (1.5, AGENT_HEIGHT_Y, 0.0), 90, 0, 7)
    with pytest.raises(UnreachableLocationError, match="wall"):
        EvaluationSet.at([*LOCATIONS, beyond], "own", simulator=lambda: world, progress=False)
    assert world.closes == 1


def test_no_locations_are_refused() -> None:
    with pytest.raises(ValueError, match="'own'; give at least one"):
        EvaluationSet.at([], "own", simulator=Corridor)
