"""The cost of the environment, relative to MuJoCo alone for the same motion and images."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from skimage.segmentation import felzenszwalb

from agents.collection.interact import InteractionRecord, InteractionSchedule, ProposePoints, interact
from eval.speed.measure import Bar, Measurement, NothingMovesError, measure, memory_copy
from selfsup import superpixels
from selfsup.grid import MINIMUM_SUPERPIXEL
from selfsup.superpixels import superpixel_labels
from selfsup.supervisor import Supervisor
from thor_interact_env.actions import DIRECTIONS, FORCES
from thor_interact_env.locations.location import Location
from thor_interact_env.locations.sampling import LocationSampler
from thor_interact_env.simulators.base import Observation, Simulator

PHYSICS_AND_IMAGES = "its physics and RGB"
"""Floor: the same simulation steps, and one RGB image for each view, by MuJoCo alone."""


class RawMujoco:
    """The simulation steps and views of some work, recorded so that MuJoCo alone can repeat them.

    A push is recorded as the state after it and the steps until rest; the few steps during which a force acts
    are added to these.
    """

    def __init__(self) -> None:
        """Record nothing yet; see `noting`."""
        self._motions: list[tuple[Any, Any, int]] = []
        self._views: list[tuple[Any, Any, str]] = []
        self._ready: list[tuple[Any, Any, int]] = []

    @property
    def steps(self) -> int:
        """Recorded simulation steps."""
        return sum(count for _, _, count in self._motions)

    @property
    def views(self) -> int:
        """Recorded views."""
        return len(self._views)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Record the steps and views of the embedded simulator in a `with` statement."""
        from thor_interact_env.simulators.mujoco.drawing.rendering import Renderer
        from thor_interact_env.simulators.mujoco.physics import CompiledRoom

        import mujoco  # isort: skip

        step, reset, view = CompiledRoom.step, mujoco.mj_resetData, Renderer.view
        pushed, moving = 0, False

        def note_step(room: Any, count: int = 1) -> None:
            nonlocal pushed, moving
            if count == 1:
                pushed += 1
            elif moving:
                model, start, before = self._motions.pop()
                self._motions.append((model, start, before + count))
            else:
                self._motions.append((room.model, copy.copy(room.data), pushed + count))
                pushed, moving = 0, True
            step(room, count)

        def note_reset(model: Any, data: Any) -> None:
            nonlocal pushed, moving
            pushed, moving = 0, False
            reset(model, data)

        def note_view(renderer: Any, data: Any, camera: str) -> Any:
            self._views.append((renderer, data, camera))
            return view(renderer, data, camera)

        with (
            patch.object(CompiledRoom, "step", note_step),
            patch.object(mujoco, "mj_resetData", note_reset),
            patch.object(Renderer, "view", note_view),
        ):
            yield

    def prepare(self) -> None:
        """Restore the state before `repeat`."""
        self._ready = [(model, copy.copy(start), count) for model, start, count in self._motions]

    def repeat(self) -> None:
        """Repeat the recorded steps and one RGB image for each recorded view, by MuJoCo alone."""
        import mujoco

        for model, data, count in self._ready:
            mujoco.mj_step(model, data, nstep=count)
        for renderer, data, camera in self._views:
            renderer.canvas.update(data, camera, renderer.options)
            renderer.canvas.colours()


def find_touch(
    simulator: Simulator, location: Location, moving: bool, rng: np.random.Generator
) -> Sequence[int]:
    """Find a touch at a location that moves something, or one that moves nothing.

    Args:
        simulator: The simulator; the location is loaded again for each trial.
        location: Where the agent stands.
        moving: Whether the touch should move something. The ground truth then gives the pixels.
        rng: Chooses pixels.

    Returns:
        Row, column, force index 2, and direction index.

    Raises:
        NothingMovesError: No such touch was found in 40 trials.
    """
    for _ in range(40):
        before = simulator.load(location)
        pixels = (
            np.argwhere(simulator.instances().masks.any(axis=0))
            if moving
            else np.argwhere(before["depth"] > 0)
        )
        if not len(pixels):
            break
        row, column = pixels[rng.integers(len(pixels))].tolist()
        direction = int(rng.integers(len(DIRECTIONS)))
        after = simulator.touch(row, column, FORCES[2], DIRECTIONS[direction])
        if (after is not before) == moving:
            return [row, column, 2, direction]
    raise NothingMovesError(
        f"no touch that moves {'something' if moving else 'nothing'} was found at {location}"
    )


def first_touch(
    simulator: Simulator, locations: Sequence[Location], moving: bool, rng: np.random.Generator
) -> tuple[Location, Sequence[int]]:
    """Return the first location that has such a touch, and the touch; see `find_touch`."""
    for location in locations[:-1]:
        try:
            return location, find_touch(simulator, location, moving, rng)
        except NothingMovesError:
            continue
    return locations[-1], find_touch(simulator, locations[-1], moving, rng)


def environment_measurements(
    env: Any, locations: Sequence[Location], repeats: int, rng: np.random.Generator
) -> list[Measurement]:
    """Measure a new room, reset, touches, masks and superpixels.

    Args:
        env: A ThorInteract environment on the embedded simulator.
        locations: At least two.
        repeats: Times that each is timed.
        rng: Chooses touches.

    Raises:
        NothingMovesError: The locations hold nothing to touch.
    """
    base = env.unwrapped
    simulator: Simulator = base.simulator
    here, there = locations[0], locations[1]

    def elsewhere() -> None:
        base.reset(options={"location": there})

    def reset() -> None:
        base.reset(options={"location": here})

    results = [_new_room(simulator, here, repeats)]
    results.append(_relative_to_mujoco("reset", reset, repeats, elsewhere))

    location, action = first_touch(simulator, locations, True, rng)
    row, column, force, direction = action
    base.reset(options={"location": location})
    state = base.get_state()

    def as_before() -> None:
        base.set_state(state)
        _ = base._episode.supervisor.labels  # superpixels are measured separately

    def touch() -> Observation:
        return simulator.touch(row, column, FORCES[force], DIRECTIONS[direction])

    results.append(_relative_to_mujoco("touch that moves", touch, repeats, as_before))
    bar = Bar(ratio=1.25)
    results.append(
        _relative_to_mujoco("step that moves", lambda: base.step(np.array(action)), repeats, as_before, bar)
    )
    still_location, still = first_touch(simulator, locations, False, rng)
    base.reset(options={"location": still_location})
    results.append(
        measure(
            "step that cannot move",
            lambda: base.step(np.array(still)),
            repeats,
            memory_copy(300 * 300 * 7),
            "copy of RGB and depth",
        )
    )
    before = simulator.load(location)
    after = touch()
    supervisor = Supervisor(before["rgb"])
    _ = supervisor.labels
    results.append(
        measure(
            "mask",
            lambda: supervisor.judge(before["rgb"], after["rgb"], row // 3, column // 3),
            repeats,
            memory_copy(2 * before["rgb"].nbytes),
            "copy of both images",
            Bar(seconds=0.003),
        )
    )
    settings = {"scale": superpixels.SCALE, "sigma": superpixels.SIGMA, "min_size": MINIMUM_SUPERPIXEL}
    results.append(
        measure(
            "superpixels",
            lambda: superpixel_labels(before["rgb"]),
            repeats,
            lambda: felzenszwalb(before["rgb"], **settings, channel_axis=-1),
            "skimage's",
            Bar(ratio=0.4),
        )
    )
    return results


def location_measurement(
    env: Any,
    rooms: Sequence[str],
    propose: Callable[[Observation], Sequence[tuple[int, int, int]]],
    points: int,
    repeats: int,
    reachable_fraction: float,
    seed: int,
) -> tuple[Measurement, list[InteractionRecord]]:
    """Measure a whole visit: finding the location, superpixels, network, touches.

    Args:
        env: A ThorInteract environment on the embedded simulator.
        rooms: To draw locations from; compiling them is not measured.
        propose: Chooses the greedy points.
        points: Greedy points, and as many random ones, each touched with the maximum force.
        repeats: Number of visits, each of its own location.
        reachable_fraction: Minimum fraction of the view within reach.
        seed: Seed of the locations.

    Returns:
        The measurement, and the experience.
    """
    schedule = InteractionSchedule(points, points, joint=False)
    chooser: ProposePoints = propose
    simulator: Simulator = env.unwrapped.simulator
    records: list[InteractionRecord] = []
    notes: dict[int, RawMujoco] = {}
    turn = -1

    def visit() -> None:
        rng = np.random.default_rng((seed, max(turn // 2, 0)))
        sampler = LocationSampler(simulator, (rooms[max(turn // 2, 0) % len(rooms)],), reachable_fraction)
        records.append(interact(env, sampler.sample(rng), chooser, schedule, rng))

    for number in range(repeats + 1):
        turn, notes[number] = 2 * number, RawMujoco()
        with notes[number].noting():
            visit()
    visited = list(records)
    turn = -1

    def advance() -> None:
        # Called before the floor of a round, then before its visit: both are of the same location.
        nonlocal turn
        turn += 1
        notes[turn // 2].prepare()

    name = f"location ({points} + {points} points)"
    floor = lambda: notes[turn // 2].repeat()  # noqa: E731
    return measure(name, visit, repeats, floor, PHYSICS_AND_IMAGES, prepare=advance), visited


def _new_room(simulator: Simulator, location: Location, repeats: int) -> Measurement:
    """Measure the first view of a room not compiled yet, relative to MuJoCo's compilation of its model."""
    from thor_interact_env.simulators.mujoco.rooms.model import specify
    from thor_interact_env.simulators.mujoco.rooms.plan import plan_room

    specification = specify(plan_room(location.scene))
    return measure(
        "new room",
        lambda: simulator.load(location),
        repeats,
        specification.compile,
        "MuJoCo's compilation",
        Bar(seconds=0.25),
        prepare=simulator.close,
    )


def _relative_to_mujoco(
    name: str, work: Callable[[], object], repeats: int, prepare: Callable[[], object], bar: Bar | None = None
) -> Measurement:
    """Measure work relative to its own physics and RGB images."""
    raw = RawMujoco()
    prepare()
    with raw.noting():
        work()

    def before_each() -> None:
        prepare()
        raw.prepare()

    return measure(name, work, repeats, raw.repeat, PHYSICS_AND_IMAGES, bar, before_each)
