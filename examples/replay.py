"""Record a seed and actions, replay them later, and compare every byte.

    python examples/replay.py record run.json --seed 3 --steps 10
    python examples/replay.py replay run.json

It also replays the episodes that `python -m thor_interact_env.play` saves. A replay that differs from its
recording ends with exit code 1.
"""

import argparse
from pathlib import Path

import gymnasium
import numpy as np

import thor_interact_env  # noqa: F401  (registers ThorInteract-v0)
from thor_interact_env.errors import ThorInteractError
from thor_interact_env.recording import Recording, digest

REACH = 1.5  # metres


def record(path: Path, seed: int, steps: int) -> None:
    """Touch random points in reach, and write seed, actions and digests to a JSON file."""
    env = gymnasium.make("ThorInteract-v0", interactions=steps)
    rng = np.random.default_rng(seed)
    start = env.reset(seed=seed)
    digests = [digest(start)]
    rows, columns = np.nonzero(start[0]["depth"] < REACH)
    actions = []
    for _ in range(steps):
        index = rng.integers(max(len(rows), 1))
        pixel = (int(rows[index]), int(columns[index])) if len(rows) else (150, 150)
        actions.append((*pixel, int(rng.integers(3)), int(rng.integers(8))))
        digests.append(digest(env.step(np.array(actions[-1]))))
    env.close()
    Recording(seed, actions, digests).write(path)
    print(f"recorded {steps} touches to {path}")


def replay(path: Path) -> None:
    """Repeat a recording, and end with exit code 1 at the first difference."""
    recording = Recording.read(path)
    env = gymnasium.make("ThorInteract-v0", interactions=max(len(recording.actions), 1))
    found = [digest(env.reset(seed=recording.seed, options=recording.options))]
    found += [digest(env.step(np.array(action))) for action in recording.actions]
    env.close()
    for step, (expected, actual) in enumerate(zip(recording.sha256, found, strict=True)):
        if expected != actual:
            name = "the first view" if step == 0 else f"touch {step}"
            raise SystemExit(f"{name} differs from {path}: sha256 {actual}, recorded {expected}")
    print(f"all {len(found)} results equal the recording, byte for byte")


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    recorder = commands.add_parser("record", help="touch objects and write the recording")
    recorder.add_argument("file", type=Path)
    recorder.add_argument("--seed", type=int, default=0, help="seed of the room, the pose and the touches")
    recorder.add_argument("--steps", type=int, default=10, help="number of touches, at least 1")
    player = commands.add_parser("replay", help="repeat a recording and compare")
    player.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "replay" and not arguments.file.is_file():
        parser.error(f"there is no file {arguments.file}: make one with the command record")
    try:
        if arguments.command == "record":
            record(arguments.file, arguments.seed, arguments.steps)
        else:
            replay(arguments.file)
    except ThorInteractError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
