"""Nothing that an agent is told comes from the simulator's knowledge of the objects."""

from collections.abc import Iterator, Mapping
from unittest.mock import Mock

import gymnasium
import numpy as np
import pytest
from env_makers import mujoco_locations

from selfsup.grid import STRIDE
from selfsup.supervisor import Supervisor
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.base import Instances
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

STEPS = 6


def leaves(value: object) -> Iterator[object]:
    """Hand out all keys and values inside nested mappings, sequences, object arrays and objects."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(key)
            yield from leaves(item)
    elif isinstance(value, list | tuple | set | frozenset) or (
        isinstance(value, np.ndarray) and value.dtype == object
    ):
        for item in value:
            yield from leaves(item)
    elif hasattr(value, "__dict__"):
        yield from leaves(vars(value))
    else:
        yield value


def planes(array: np.ndarray, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """Hand out all images of a shape in an array: over its last two axes, or its first two."""
    if array.ndim >= 2 and array.shape[-2:] == shape:
        yield from array.reshape(-1, *shape)
    if array.ndim > 2 and array.shape[:2] == shape:
        yield from np.moveaxis(array.reshape(*shape, -1), -1, 0)
    if array.size and array.dtype == np.uint8 and array.size == -(-shape[0] * shape[1] // 8):
        yield np.unpackbits(array.ravel(), count=shape[0] * shape[1]).reshape(shape)


def shows(plane: np.ndarray, mask: np.ndarray) -> bool:
    """Tell whether one value stands exactly where the mask is, as in masks and in label images."""
    return bool(mask.any() and np.array_equal(plane == plane[mask][0], mask))


def secrets_in(said: object, truth: Instances) -> list[str]:
    """Name the true masks, masses, types and ids that something said contains."""
    found = []
    words = [word.lower() for word in (*truth.types, *truth.ids)]
    coarse = truth.masks[:, STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    for leaf in leaves(said):
        if isinstance(leaf, bytes):
            leaf = leaf.decode(errors="replace")
        if isinstance(leaf, str):
            found += [f"{word} in {leaf!r}" for word in words if word in leaf.lower()]
            continue
        array = np.asarray(leaf)
        if array.dtype.kind in "US":
            found += secrets_in(array.tolist(), truth)
        elif array.dtype.kind == "f" and array.size < 10_000:  # smaller than any image
            found += [f"mass {mass}" for mass in truth.masses if np.isclose(array, mass, rtol=1e-6).any()]
        for masks in (truth.masks, coarse):
            for mask in masks:
                if any(shows(plane, mask) for plane in planes(array, mask.shape)):
                    found.append(f"mask in an array {array.shape}")
    return found


def truth_of_room(simulator: MujocoSimulator) -> Instances:
    """Return what is in view; with every other object of the room, by name and mass."""
    seen = simulator.instances()
    room = simulator.compiled(simulator.room)
    others = [item for item in room.movables if item.id not in seen.ids]
    return Instances(
        seen.masks,
        np.concatenate([seen.masses, [item.mass for item in others]]),
        (*seen.types, *(item.type for item in others)),
        (*seen.ids, *(item.id for item in others)),
    )


def test_what_is_said_is_a_function_of_the_images_and_holds_no_secret():
    env = gymnasium.make("ThorInteract-v0", locations=mujoco_locations(), interactions=STEPS)
    assert isinstance(env.unwrapped, ThorInteractEnv)
    simulator = env.unwrapped.simulator
    assert isinstance(simulator, MujocoSimulator)
    successes = 0
    for location in mujoco_locations()[:3]:
        seen, info = env.reset(options={"location": location})
        first = seen["rgb"]
        truth = truth_of_room(simulator)
        assert len(simulator.instances()) >= 2 and len(truth.ids) > len(simulator.instances())
        assert secrets_in((seen, info), truth) == []
        supervisor = Supervisor(first)
        for step in range(STEPS):
            masks = simulator.instances().masks
            pixels = np.argwhere(masks[step % len(masks)]) if len(masks) else np.array([[150, 150]])
            row, column = pixels[len(pixels) // 2]
            before = seen
            seen, reward, terminated, truncated, info = env.step(np.array([row, column, 2, step]))
            judged = supervisor.judge(before["rgb"], seen["rgb"], row // STRIDE, column // STRIDE)
            # These follow from the two images, so whatever they are they tell no more than those.
            assert np.array_equal(info.pop("mask"), judged.mask)
            assert np.array_equal(info.pop("changed"), judged.changed)
            assert info.pop("success") == judged.success and reward == float(judged.success)
            assert not terminated and truncated == (step == STEPS - 1)
            assert secrets_in((seen, info), truth_of_room(simulator)) == []
            successes += judged.success
    assert successes > 0, "nothing was moved, so nothing could have been told"
    env.close()


def test_the_environment_never_asks_for_the_truth(monkeypatch):
    locations = mujoco_locations()
    simulator = make_simulator("mujoco")
    instances = Mock(wraps=simulator.instances)
    monkeypatch.setattr(simulator, "instances", instances)
    env = gymnasium.make("ThorInteract-v0", simulator=simulator, locations=locations, interactions=STEPS)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(STEPS):
        env.step(env.action_space.sample())
    instances.assert_not_called()
    assert isinstance(env.unwrapped, ThorInteractEnv)
    env.unwrapped.ground_truth()
    instances.assert_called_once_with()
    env.close()


MASK = np.zeros((300, 300), bool)
MASK[100:130, 60:120] = True
TRUTH = Instances(MASK[None], np.array([0.62]), ("Mug",), ("Mug|3",))


@pytest.mark.parametrize(
    "leak",
    [
        {"info": {"touched": "Mug"}},
        {"Mug|3": 1.0},
        {"near": [("a mug", 2)]},
        {"names": np.array(["Wall", "Mug"])},
        {"names": np.array(["Wall", "Mug"], object)},
        {"note": b"Mug|3"},
        {"weight": 0.62},
        {"weights": [1.0, np.float32(0.62)]},
        {"weights": np.array([[0.1, 0.62]])},
        {"mask": MASK},
        {"masks": np.stack([~MASK, MASK])},
        {"labels": MASK * 7 + np.arange(300)[:, None] * ~MASK * 8},
        {"rgbm": np.dstack([np.random.default_rng(0).random((300, 300, 3)), MASK])},
        {"coarse": MASK[1::3, 1::3]},
        {"packed": np.packbits(MASK)},
        {"truth": TRUTH},
    ],
    ids=lambda leak: next(iter(leak)),
)
def test_a_leak_would_be_found(leak):
    assert secrets_in(leak, TRUTH)


def test_images_alone_are_no_leak():
    rng = np.random.default_rng(0)
    images = {"rgb": rng.integers(0, 256, (300, 300, 3), np.uint8), "depth": rng.random((300, 300))}
    assert secrets_in({**images, "success": True, "steps": 3}, TRUTH) == []
