import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.collection.oracles import OracleOptions
from agents.training.configuration import UNLIMITED_REACH, TrainConfig, default_run_folder
from agents.training.presets import PRESETS, preset
from agents.training.schedule import ConfigurationError, Schedule, Stage, segmentation_only


def test_paper_preset_has_the_published_numbers():
    paper = preset("paper")
    first, second = paper.stages
    for stage in paper.stages:
        assert (stage.initial_locations, stage.episodes, stage.locations_per_episode) == (3000, 900, 70)
    assert (first.updates_start, first.updates_end, second.updates_start, second.updates_end) == (
        15,
        45,
        15,
        35,
    )
    assert (first.greedy_points, first.random_points, first.joint) == (10, 10, False)
    assert (second.greedy_points, second.random_points, second.joint) == (5, 5, True)
    assert (first.frozen_detection_episodes, second.frozen_detection_episodes) == (0, 100)
    assert (paper.batch_size, paper.learning_rate, paper.weight_decay) == (64, 5e-4, 1e-4)
    assert paper.memory_capacity == 20_000
    assert paper.reachable_fraction == 0
    assert paper.area_exponent == 1
    assert paper.rate(0) == paper.rate(paper.total_updates - 1) == 5e-4
    # The paper: about 65 thousand locations and 25 thousand updates a stage.
    assert all(64_000 < stage.total_locations < 67_000 for stage in paper.stages)
    assert 22_000 < second.total_updates < first.total_updates < 28_000


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    config = TrainConfig(schedule=preset(name), preset=name, seed=3, workers=2)
    again = TrainConfig.from_json(json.loads(json.dumps(config.to_json())))
    assert again == config
    assert again.digest() == config.digest()
    assert again.difference(config) is None


@pytest.mark.parametrize("name", ["smoke", "quick", "hour"])
def test_rate_is_constant_then_falls_to_the_final_one(name):
    schedule = preset(name)
    rates = [schedule.rate(update) for update in range(schedule.total_updates)]
    assert rates == sorted(rates, reverse=True)
    constant = len(rates) - 1 - schedule.decay_fraction * len(rates)
    if constant >= 0:
        assert rates[0] == rates[int(constant)] == schedule.learning_rate
    else:  # it falls from the first update on
        assert schedule.learning_rate > rates[0] > rates[1] > 0.99 * schedule.learning_rate
    assert rates[-1] == pytest.approx(schedule.final_learning_rate)


@given(
    episodes=st.integers(1, 50),
    start=st.integers(0, 60),
    end=st.integers(0, 60),
)
def test_updates_run_linearly_from_start_to_end(episodes, start, end):
    stage = Stage(1, episodes, 1, start, end, 1, 1, joint=False)
    updates = [stage.updates(episode) for episode in range(episodes)]
    assert updates[0] == start
    if episodes > 1:
        assert updates[-1] == end
        assert all(abs(b - a - (end - start) / (episodes - 1)) <= 1 for a, b in itertools.pairwise(updates))
    assert stage.total_updates == sum(updates)


def test_views_are_counted_by_the_area_that_is_seen():
    schedule = replace(preset("paper"), window=100)
    first = schedule.stages[0]
    assert schedule.views_seen(first) == 64 * first.total_updates
    assert replace(schedule, window=50).views_seen(first) == pytest.approx(16 * first.total_updates)


def test_only_the_short_presets_learn_from_windows():
    assert {name: preset(name).window for name in PRESETS} == {
        "smoke": 100,
        "quick": 60,
        "hour": 60,
        "paper": 100,
    }


def test_place_walks_through_the_stages():
    schedule = preset("smoke")
    places = [schedule.place(episode) for episode in range(schedule.total_episodes)]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]
    with pytest.raises(IndexError, match="4 episodes"):
        schedule.place(4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 1000}, "lower batch_size"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; choose one of adam, muon"),
        ({"decay_fraction": 1.5}, "0..1"),
        ({"area_exponent": -0.5}, "area_exponent is -0.5.*0..1"),
        ({"reachable_fraction": -0.1}, "reachable_fraction is -0.1"),
        ({"checkpoint_every": 0}, "checkpoint_every is 0"),
        ({"evaluate_every": -1}, "evaluate_every is -1"),
        ({"stages": ()}, "at least one stage"),
    ],
)
def test_impossible_schedules_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(preset("quick"), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"episodes": 0}, "episodes is 0"),
        ({"initial_locations": 0}, "initial_locations is 0"),
        ({"updates_end": -1}, "updates_end is -1"),
        ({"greedy_points": 0, "random_points": 0}, "at least one point"),
        ({"joint": False, "frozen_detection_episodes": 1}, "not joint"),
    ],
)
def test_impossible_stages_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(preset("quick").stages[0], **changes)


def test_unknown_preset_names_the_choices():
    with pytest.raises(ConfigurationError, match=r"'fast'.*smoke, quick, hour, paper"):
        preset("fast")


def test_missing_and_unknown_fields_are_named():
    values = TrainConfig(schedule=preset("smoke")).to_json()
    with pytest.raises(ConfigurationError, match="lacks seed"):
        TrainConfig.from_json({name: value for name, value in values.items() if name != "seed"})
    with pytest.raises(ConfigurationError, match=r"config.schedule has unknown speed"):
        TrainConfig.from_json({**values, "schedule": {**values["schedule"], "speed": 1}})
    with pytest.raises(ConfigurationError, match=r"stages\[0\] lacks joint"):
        stages = [{name: value for name, value in values["schedule"]["stages"][0].items() if name != "joint"}]
        TrainConfig.from_json({**values, "schedule": {**values["schedule"], "stages": stages}})


def test_only_workers_leave_the_result_as_it_is():
    config = TrainConfig(schedule=preset("smoke"))
    assert replace(config, workers=7).digest() == config.digest()
    assert config.difference(replace(config, workers=7)) is None
    other = replace(config, seed=1)
    assert other.digest() != config.digest()
    assert config.difference(other) == "seed (0, not 1)"
    deeper = replace(config, schedule=replace(config.schedule, batch_size=1))
    assert config.difference(deeper) == "schedule.batch_size (2, not 1)"


def test_every_option_of_the_paper_and_the_authors_decides_the_result(subtests):
    config = TrainConfig(schedule=preset("smoke"))
    options: dict[str, Any] = {
        "kernel_name": "exponential",
        "force_branch": "separate",
        "embedding_normalization": "averaged",
        "loss_weights": "released",
        "clipped_distances": False,
        "location_score": "mean",
        "without_replacement": "episode",
        "force_area": "mask",
    }
    for name, value in options.items():
        with subtests.test(name):
            other = replace(config, **{name: value})
            difference = other.difference(config)
            assert other.digest() != config.digest() and difference is not None
            assert difference.startswith(name)


def test_default_folder_tells_runs_apart():
    assert str(default_run_folder("quick", "NovelSpaces", 2)) == "runs/quick-NovelSpaces-seed2"


def test_schedules_are_frozen():
    schedule: Schedule = preset("quick")
    with pytest.raises(AttributeError):
        schedule.batch_size = 3  # type: ignore[misc]


def test_a_configuration_that_lacks_a_field_is_refused():
    values = TrainConfig.from_preset("smoke").to_json()
    del values["reach"], values["oracles"]
    with pytest.raises(ConfigurationError, match="config lacks oracles, reach"):
        TrainConfig.from_json(values)


def test_a_preset_without_forces_or_priorities():
    assert TrainConfig.from_preset("hour", seed=4) == TrainConfig(
        schedule=preset("hour"), preset="hour", seed=4
    )
    paper = TrainConfig.from_preset("paper", forces=False, prioritized=False).schedule
    assert paper.stages == preset("paper").stages[:1] and not paper.prioritized
    assert not any(stage.joint for stage in TrainConfig.from_preset("quick", forces=False).schedule.stages)


def test_ablations_survive_json_and_decide_the_result():
    config = TrainConfig(schedule=preset("smoke"))
    changes: list[dict[str, Any]] = [
        {"reach": UNLIMITED_REACH},
        {"oracles": OracleOptions(points=True)},
        {"oracles": OracleOptions(masks=True)},
        {"change_test": "optical_flow"},
        {"use_superpixels": False},
        {"schedule": replace(config.schedule, prioritized=not config.schedule.prioritized)},
    ]
    configs = [config, *(replace(config, **change) for change in changes)]
    assert len({each.digest() for each in configs}) == len(configs)
    for each in configs:
        assert TrainConfig.from_json(json.loads(json.dumps(each.to_json(), allow_nan=False))) == each


@pytest.mark.parametrize("reach", [0.0, -1.5, float("inf"), float("nan")])
def test_a_reach_is_a_positive_number_of_metres(reach):
    with pytest.raises(ConfigurationError, match=r"reach is .*positive"):
        TrainConfig(schedule=preset("smoke"), reach=reach)


@pytest.mark.parametrize(("name", "stages"), [("smoke", 1), ("quick", 1), ("hour", 1), ("paper", 1)])
def test_segmentation_only_keeps_the_papers_first_stage_or_turns_forces_off(name, stages):
    whole = preset(name)
    part = segmentation_only(whole)
    assert len(part.stages) == stages
    assert not any(stage.joint or stage.frozen_detection_episodes for stage in part.stages)
    assert replace(part.stages[0], joint=whole.stages[0].joint) == whole.stages[0]
    assert replace(part, stages=whole.stages) == whole
    assert segmentation_only(part) == part
