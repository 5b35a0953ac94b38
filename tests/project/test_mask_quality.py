"""The tool that compares masks by recipe, on the toy world whose boxes move as they are touched."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fake_simulator import FakeSimulator

from agents.collection.collect import make_environment
from agents.collection.interact import InteractionSchedule, touch_points
from selfsup.training_images.options import TargetOptions
from thor_interact_env.actions import AGENT_HEIGHT_Y
from thor_interact_env.locations.location import Location

LOCATION = Location("FloorPlan1", (0.25, AGENT_HEIGHT_Y, 0.5), 0.0, 0.0, 3)


def load_tool() -> ModuleType:
    path = Path(__file__).parents[2] / "tools" / "mask_quality.py"
    specification = importlib.util.spec_from_file_location("mask_quality", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module
    specification.loader.exec_module(module)
    return module


TOOL = load_tool()


@pytest.fixture(scope="module")
def visit():
    schedule = InteractionSchedule(0, 60, joint=True)
    recorder = TOOL.TruthRecorder(make_environment({"simulator": FakeSimulator()}, schedule))
    log, _ = touch_points(recorder, LOCATION, lambda _: [], schedule, np.random.default_rng(0))
    return TOOL.Visit(log, recorder.truths)


def test_each_view_has_its_truth(visit) -> None:
    assert len(visit.truths) == len(visit.log.views) > 2
    for before, after in zip(visit.truths, visit.truths[1:], strict=False):
        assert not np.array_equal(before.masks, after.masks)


def test_the_true_mask_is_a_perfect_recipe_and_none_the_worst(visit) -> None:
    def true(log, point):
        truth = visit.truths[point.views[0]]
        return truth.masks[truth.object_at(point.row, point.column)]

    ways = {"true": true, "none": lambda log, point: None}
    measured, elsewhere = TOOL.measure(visit, ways)
    successes = sum(point.success for point in visit.log.points)
    assert len(measured) + elsewhere == successes > 2
    assert all(each.found == {"true": (1.0, 1.0, 1.0), "none": None} for each in measured)
    heads, _, best, worst = TOOL.mask_table(measured, list(ways)).split("\n")
    assert f"all ({len(measured)})" in heads
    assert best.startswith("| true | 1.000 |") and worst.startswith("| none | .000 |")


def test_every_recipe_is_measured(visit) -> None:
    measured, _ = TOOL.measure(visit, TOOL.recipes())
    lines = TOOL.mask_table(measured, list(TOOL.recipes())).split("\n")
    assert len(lines) == 2 + len(TOOL.recipes())
    assert len({line.count("|") for line in lines}) == 1


def test_images_are_counted(visit) -> None:
    counts = TOOL.ImageCounts(TargetOptions("own"))
    counts.add(visit)
    assert counts.images == len(
        {point.views[0] for point in visit.log.points if point.success}
    ) and counts.masks == len(counts.ious)
    assert 0 < counts.failures_on_objects < counts.failures
    assert len(counts.cells()) == len(TOOL.IMAGE_HEADS)
