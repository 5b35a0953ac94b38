"""The presets: schedules of seconds, minutes, an hour, and the paper's.

Nothing here imports torch, so that `--help` is fast.
"""

from collections.abc import Mapping

from agents.training.schedule import ConfigurationError, Schedule, Stage

_PAPER_STAGE = Stage(
    initial_locations=3000,
    episodes=900,
    locations_per_episode=70,
    updates_start=15,
    updates_end=45,
    greedy_points=10,
    random_points=10,
    joint=False,
)

PRESETS: Mapping[str, Schedule] = {
    # Every mechanism once, in seconds.
    "smoke": Schedule(
        stages=(
            Stage(4, 2, 2, 1, 2, greedy_points=1, random_points=2, joint=False),
            Stage(4, 2, 2, 1, 2, greedy_points=1, random_points=1, joint=True, frozen_detection_episodes=1),
        ),
        batch_size=2,
        learning_rate=1e-3,
        final_learning_rate=1e-4,
        decay_fraction=1 / 3,
        memory_capacity=6,
        locations_per_room=4,
        evaluate_every=2,
        evaluation_locations=2,
        final_evaluation_locations=2,
    ),
    # Small batches of windows and a high rate that falls from the start; random touches are cheap, since
    # most move nothing. If a location is used several times, priorities favour the noisiest masks and lower
    # the result; so does colour jitter in a short run.
    "quick": Schedule(
        stages=(
            Stage(
                initial_locations=300,
                episodes=17,
                locations_per_episode=30,
                updates_start=30,
                updates_end=30,
                greedy_points=6,
                random_points=12,
                joint=True,
            ),
        ),
        batch_size=8,
        learning_rate=2e-3,
        optimizer="muon",
        final_learning_rate=5e-5,
        decay_fraction=1.0,
        tied_upsampling=True,
        window=60,
        area_exponent=0.5,
        refined_instances=True,
        jitter_probability=0.0,
        prioritized=False,
        locations_per_room=8,
        memory_capacity=4000,
        evaluate_every=17,
        evaluation_locations=30,
        final_evaluation_locations=200,
    ),
    "hour": Schedule(
        stages=(
            Stage(
                initial_locations=400,
                episodes=50,
                locations_per_episode=90,
                updates_start=100,
                updates_end=100,
                greedy_points=6,
                random_points=12,
                joint=True,
            ),
        ),
        batch_size=8,
        learning_rate=2e-3,
        optimizer="muon",
        final_learning_rate=2e-5,
        decay_fraction=2 / 3,
        tied_upsampling=True,
        window=60,
        area_exponent=0.5,
        refined_instances=True,
        jitter_probability=0.0,
        prioritized=False,
        locations_per_room=15,
        evaluate_every=10,
        evaluation_locations=60,
        final_evaluation_locations=200,
    ),
    # The paper's numbers. The frozen start of the joint stage is from the authors' code.
    "paper": Schedule(
        stages=(
            _PAPER_STAGE,
            Stage(
                initial_locations=3000,
                episodes=900,
                locations_per_episode=70,
                updates_start=15,
                updates_end=35,
                greedy_points=5,
                random_points=5,
                joint=True,
                frozen_detection_episodes=100,
            ),
        ),
        batch_size=64,
        learning_rate=5e-4,
        final_learning_rate=5e-4,
        decay_fraction=0.0,
        weight_decay=1e-4,
        memory_capacity=20_000,
        reachable_fraction=0.0,
        locations_per_room=1,
        evaluate_every=50,
        evaluation_locations=200,
        final_evaluation_locations=1000,
    ),
}
"""Schedules by name: `smoke` (seconds), `quick` (under 10 minutes), `hour`, and `paper`."""

TARGETS: Mapping[str, Mapping[str, float]] = {
    "quick": {"bbox_ap50": 0.14, "mask_ap50": 0.10},
    "hour": {"bbox_ap50": 0.35, "mask_ap50": 0.30},
}
"""Targets of a preset on the embedded simulator's NovelSpaces/test, in 0..1."""


def preset(name: str) -> Schedule:
    """Return the schedule of that name.

    Raises:
        ConfigurationError: There is no such preset.
    """
    if name not in PRESETS:
        raise ConfigurationError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
