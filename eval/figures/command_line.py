"""Touches as an animated image: `python -m eval.figures --out touches.webp`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from agents.commands.options import parse_options, run_command_line
from agents.commands.run_argument import RunPath
from agents.training.configuration import TrainConfig, check_simulator
from agents.training.schedule import require
from eval.figures.predicting import draw_location, read_view
from eval.figures.touches import AnimationError, check_format, frames_of, touch_in_turn, write_animation

PROGRAM = "python -m eval.figures"

MAX_TOUCHES = 400
"""Maximum number of touches that are tried."""


@dataclass(frozen=True)
class FiguresOptions:
    """Draw touches at one location as an animated image: points, motion, and the masks of what moved.

    The points are those that an agent proposes in the first view, the best first. Without a run they are
    the centres of superpixels. Points inside a mask that was found are left out.
    """

    location: str = "FloorPlan26"
    """Where: a room or a split in which a location is drawn, or a location as a .json file or JSON text."""

    run: RunPath | None = None
    """Run folder of an agent, or pretrained:NAME; None takes all superpixels, which need no training."""

    out: Path = Path("touches.webp")
    """Animated image to write: .webp or .gif."""

    touches: int = 5
    """Number of successful touches."""

    misses: int = 1
    """Maximum number of other touches that are shown."""

    width: int = 880
    """Width of the image in pixels."""

    quality: int = 70
    """Quality of a WebP, 0 to 100."""

    seed: int = 0
    """Seed of a location that is drawn, of the points and of the directions."""

    simulator: str = "mujoco"
    """The simulator: mujoco (embedded), mjcf (scenes on disk) or ai2thor."""

    def check(self) -> None:
        """Raise `RunError` if a number is outside its range, or the file or the simulator is impossible."""
        check_simulator(self.simulator)
        check_format(self.out)
        for name, minimum in (("touches", 1), ("misses", 0), ("width", 100), ("seed", 0), ("quality", 0)):
            value = getattr(self, name)
            require(value >= minimum, f"{name} is {value}; it must be {minimum} or more.")
        require(self.quality <= 100, f"quality is {self.quality}; it must be at most 100.")
        if not self.out.absolute().parent.is_dir():
            raise AnimationError(f"The folder of {self.out} does not exist; create it first.")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Args:
        arguments: Words after the program's name; by default those of the process.

    Raises:
        SystemExit: Always: 0 after success, 2 after a mistake in the arguments, 130 after Ctrl-C.
    """
    run_command_line(_run, arguments)


def _run(words: Sequence[str]) -> None:
    options = parse_options(FiguresOptions, PROGRAM, words)
    options.check()
    config = replace(TrainConfig.from_preset("quick"), simulator=options.simulator)
    location: Any = draw_location(options.location, config, options.seed) or read_view(options.location)
    from thor_interact_env.env import ThorInteractEnv
    from thor_interact_env.locations.location import Location

    if not isinstance(location, Location):
        raise AnimationError(f"{options.location} is a view, which cannot be touched; name a location.")
    env = ThorInteractEnv(
        options.simulator, locations=[location], interactions=MAX_TOUCHES, record_motion=True
    )
    try:
        observation, _ = env.reset(options={"location": location})
        rng = np.random.default_rng(options.seed)
        touches = touch_in_turn(
            env, location, _actions(options, observation, rng), options.touches, options.misses
        )
    finally:
        env.close()
    frames = frames_of(touches, options.width)
    size = write_animation(options.out, frames, options.quality)
    print(f"{len(touches)} touches, {len(frames)} frames in {options.out} ({size / 1e6:.2f} MB)")


def _actions(
    options: FiguresOptions, observation: Any, rng: np.random.Generator
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the touches to try, at most `MAX_TOUCHES`, in random directions."""
    from agents.registration import SUPERPIXELS
    from agents.registry import learner_of, registered_agent
    from thor_interact_env.actions import DIRECTIONS

    if options.run is None:
        agent = registered_agent(SUPERPIXELS).make()
    else:
        agent = learner_of(options.run).from_run(options.run)
    for instance in agent.propose(observation)[:MAX_TOUCHES]:
        yield *instance.point, instance.force, int(rng.integers(len(DIRECTIONS)))
