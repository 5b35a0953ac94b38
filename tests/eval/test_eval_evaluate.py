"""Agents on an evaluation set, and the table that compares them."""

import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import pytest

from agents.base import VIEWS_AT_ONCE, Instance
from eval.evaluation.evaluate import (
    COLUMNS,
    EvaluationSet,
    comparison_table,
    evaluate_agent,
    evaluate_predictions,
)
from eval.metrics.mass import mass_class
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.base import Instances, Observation


def small_set() -> EvaluationSet:
    views = tuple(
        Observation(rgb=np.full((300, 300, 3), index, np.uint8), depth=np.ones((300, 300), np.float32))
        for index in range(3)
    )
    masks = np.zeros((2, 300, 300), bool)
    masks[0, 10:60, 10:60] = True
    masks[1, 100:190, 150:200] = True
    truth = Instances(masks, np.array([0.2, 3.0]), ("Mug", "Pot"), ("Mug|1", "Pot|1"))
    nothing = Instances(np.zeros((0, 300, 300), bool), np.zeros(0), (), ())
    location = Location("FloorPlan21", (0.0, 0.9, 0.0), 0.0, 0.0, 1)
    return EvaluationSet("NovelSpaces/val", 0, 0.2, (location,) * 3, views, (truth, nothing, truth))


class KnowsAll:
    """Proposes the ground truth of `small_set`."""

    def propose(self, observation: Observation) -> list[Instance]:
        truth = small_set().truths[int(observation["rgb"][0, 0, 0])]
        return [
            Instance(tuple(np.argwhere(mask)[0].tolist()), mass_class(float(mass)), 0.9, mask)
            for mask, mass in zip(truth.masks, truth.masses, strict=True)
        ]


class SeesNothing:
    """Proposes nothing."""

    def propose(self, observation: Observation) -> list[Instance]:
        return []


def test_an_agent_that_knows_all_scores_one() -> None:
    result = evaluate_agent(KnowsAll(), small_set())
    for name in ("bbox_ap", "bbox_ap50", "mask_ap", "mask_ap50", "mass_accuracy", "mass_bbox_ap50"):
        assert result[name] == 1.0, name
    assert result["confusion"] == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    assert (result["images"], result["images_without_truth"], result["truths"]) == (3, 1, 4)
    assert result["instances_per_image"] == result["truths_per_image"] == pytest.approx(4 / 3)
    assert result["images_per_second"] > 0
    assert json.loads(json.dumps(result, allow_nan=False)) == result


class KnowsAllAtOnce(KnowsAll):
    """Notes how many views it is shown at once."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def propose(self, observation: Observation) -> list[Instance]:
        raise AssertionError("it can take several views")

    def propose_many(self, observations: Sequence[Observation]) -> list[list[Instance]]:
        self.shown.append(len(observations))
        return [super(KnowsAllAtOnce, self).propose(each) for each in observations]


def test_an_agent_that_can_is_shown_several_views_at_once() -> None:
    agent = KnowsAllAtOnce()
    three = small_set()
    views = EvaluationSet(
        three.split,
        three.seed,
        three.reachable_fraction,
        three.locations * 3,
        three.observations * 3,
        three.truths * 3,
    )
    result = evaluate_agent(agent, views)
    assert sum(agent.shown) == 9 and set(agent.shown[:-1]) == {VIEWS_AT_ONCE} and agent.shown[-1] == 1
    expected = evaluate_agent(KnowsAll(), views)
    assert {**result, "images_per_second": 0} == {**expected, "images_per_second": 0}
    assert result["mask_ap"] == 1.0 and result["images_per_second"] > 0


def test_an_agent_that_proposes_nothing_scores_zero() -> None:
    result = evaluate_agent(SeesNothing(), small_set(), progress=False)
    assert (
        result["bbox_ap"]
        == result["mask_ap50"]
        == result["mass_accuracy"]
        == result["instances_per_image"]
        == 0
    )


def test_predictions_must_be_as_many_as_views() -> None:
    with pytest.raises(ValueError, match="1 images but ground truth for 3"):
        evaluate_predictions([[]], small_set())
    with pytest.raises(ValueError, match="2 locations"):
        dataclasses.replace(small_set(), locations=small_set().locations[:2])


def test_the_table_is_aligned_and_in_percent() -> None:
    table = comparison_table(
        {
            "self-supervised": evaluate_agent(KnowsAll(), small_set()),
            "random": {"bbox_ap50": 0.0741, "mask_ap": None, "images_per_second": 25.04},
        }
    )
    lines = table.splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert all(heading in lines[0] for heading in COLUMNS.values())
    assert lines[2].split()[:5] == ["self-supervised", "100.0", "100.0", "100.0", "100.0"]
    assert lines[3].split() == ["random", "7.4", "-", "-", "-", "-", "-", "25.0"]


def test_a_table_of_no_agents_is_its_heading() -> None:
    assert comparison_table({}).splitlines()[0].startswith("agent  bbox AP50")
