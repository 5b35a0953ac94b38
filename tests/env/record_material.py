"""What several test modules make records of: places where touches move something, and agents."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from env_makers import moving_actions, mujoco_locations

from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.record import Plan
from thor_interact_env.record.plan import Start
from thor_interact_env.recording import Recording, digest
from thor_interact_env.simulators.base import Observation

EPISODES, TOUCHES = 3, 4


def write_locations(path: Path, count: int = EPISODES) -> Path:
    """Write a file of locations without ground truth."""
    entries = [
        {"image_id": number, "width": 300, "height": 300, "thor_meta": one.to_json(), "annotations": []}
        for number, one in enumerate(mujoco_locations()[:count])
    ]
    path.write_text(json.dumps(entries))
    return path


def plan_at(folder: Path, **options: Any) -> Plan:
    """Return a plan of episodes in one room, in which touches of `pushes` move something."""
    values = {"agent": "pushes", "touches": TOUCHES, **options}
    return Plan(locations=str(write_locations(folder / "locations.json")), **values)


class Pushes:
    """Touches with 200 N on a grid of points in reach, at which much moves."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def act(self, observation: Observation) -> npt.NDArray[np.int64]:
        pixels = np.argwhere(observation["depth"][60:280:6, 6:294:6] < 1.4)
        row, column = pixels[self._rng.integers(len(pixels))] * 6 + (60, 6)
        return np.array([row, column, 2, 1])


class Interrupted(Pushes):
    """Is interrupted in its second episode, as by Ctrl-C."""

    def __init__(self) -> None:
        super().__init__()
        self._episodes = 0

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self._episodes += 1

    def act(self, observation: Observation) -> npt.NDArray[np.int64]:
        if self._episodes == 2:
            raise KeyboardInterrupt
        return super().act(observation)


def agents(name: str) -> Pushes:
    """Make the agents above by name."""
    known: dict[str, Callable[[], Pushes]] = {"pushes": Pushes}
    if name not in known:
        raise InvalidOptionError(f"there is no agent {name!r}")
    return known[name]()


def interrupted(name: str) -> Pushes:
    """Make the agent that is interrupted under the name of the one that is not."""
    return Interrupted()


def results(plan: Plan, start: Start, actions: Any) -> list[Any]:
    """Return what the environment itself returns for the reset and the touches of an episode."""
    env = gymnasium.make("ThorInteract-v0", **plan.environment(start))
    found: list[Any] = [env.reset(seed=start.seed, options=start.options)]
    found += [env.step(action) for action in actions]
    env.close()
    return found


def save_episode(path: Path, seed: int = 0, touches: int = 2) -> Recording:
    """Save an episode as a person does: at a location, touches that move something."""
    location = mujoco_locations()[0]
    env = gymnasium.make("ThorInteract-v0", interactions=touches)
    digests = [digest(env.reset(seed=seed, options={"location": location}))]
    actions = [tuple(map(int, action)) for action in moving_actions(env)[:touches]]
    digests += [digest(env.step(np.array(action))) for action in actions]
    env.close()
    recording = Recording(seed, actions, digests, location)  # type: ignore[arg-type]
    recording.write(path)
    return recording
