"""Break the code on purpose, one place at a time, and see whether the tests notice.

python tools/mutations.py            # all of them, some minutes
python tools/mutations.py rate stage # those whose names contain one of the words

Each mutation is made in a copy of the files that git tracks, so the checkout stays as it is.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutation:
    """One place to break.

    Attributes:
        name: What is broken.
        file: Where, from the root of the checkout.
        before: Text that occurs there exactly once.
        after: What takes its place.
        tests: Files of the tests that should notice, below `tests`.
    """

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


BEHAVIOUR = ("agents/test_training_behaviour.py",)
LOCATIONS = ("env/test_locations.py",)
TOUCHES = ("simulators/test_touch_directions.py",)
TRAINING = "agents/selfsup_agent/training.py"
SAMPLING = "thor_interact_env/locations/sampling.py"

MUTATIONS = (
    Mutation(
        "rate of the schedule not applied",
        TRAINING,
        "rate = self.schedule.rate(self.updates)\n                for",
        "rate = self.schedule.learning_rate\n                for",
        BEHAVIOUR,
    ),
    Mutation("stage without a fresh optimizer", TRAINING, "self.learner.start_stage()", "pass", BEHAVIOUR),
    Mutation(
        "start of a stage keeps the optimizer",
        "agents/training/learner.py",
        'moments: a stage is a training run of its own."""\n        self.optimizer = self._new_optimizer()',
        'moments: a stage is a training run of its own."""',
        BEHAVIOUR,
    ),
    Mutation(
        "augmentation off",
        TRAINING,
        "partial(augment, jitter_probability=self.schedule.jitter_probability)",
        "lambda experience, rng: experience",
        BEHAVIOUR,
    ),
    Mutation(
        "fraction within reach ignored",
        "agents/collection/collect.py",
        "(room,), task.reachable_share)",
        "(room,), 0.0)",
        BEHAVIOUR,
    ),
    Mutation(
        "another normalization",
        "agents/training/configuration.py",
        '"averaged"] = "added"',
        '"averaged"] = "averaged"',
        BEHAVIOUR,
    ),
    Mutation(
        "coordinates from -1 to 1",
        "agents/selfsup_agent/network.py",
        "COORDINATE_RANGE = 4.0",
        "COORDINATE_RANGE = 1.0",
        BEHAVIOUR,
    ),
    Mutation(
        "threshold of instances 0",
        "agents/selfsup_agent/clustering.py",
        "INFERENCE_THRESHOLD = -3.0",
        "INFERENCE_THRESHOLD = 0.0",
        BEHAVIOUR,
    ),
    Mutation(
        "left and right exchanged",
        "thor_interact_env/simulators/mujoco/touching.py",
        "along = direction[0] * viewpoint.right",
        "along = -direction[0] * viewpoint.right",
        TOUCHES,
    ),
    Mutation(
        "objects of one pixel",
        "thor_interact_env/simulators/mujoco/simulator.py",
        "MINIMUM_VISIBLE_PIXELS = 10",
        "MINIMUM_VISIBLE_PIXELS = 1",
        TOUCHES,
    ),
    Mutation(
        "rotations biased",
        SAMPLING,
        "ROTATIONS[rng.integers(len(ROTATIONS))]",
        "ROTATIONS[rng.integers(len(ROTATIONS)) * (rng.random() < 0.2)]",
        LOCATIONS,
    ),
    Mutation(
        "horizons biased",
        SAMPLING,
        "HORIZONS[rng.integers(len(HORIZONS))]",
        "HORIZONS[rng.integers(len(HORIZONS)) * (rng.random() < 0.2)]",
        LOCATIONS,
    ),
    Mutation(
        "reach of a view",
        SAMPLING,
        '(view["depth"] < REACH)',
        '(view["depth"] < 2 * REACH)',
        LOCATIONS,
    ),
    Mutation(
        "threshold of success",
        "selfsup/feedback.py",
        "SUCCESS_THRESHOLD = 1.5",
        "SUCCESS_THRESHOLD = 1.0",
        ("selfsup/test_feedback.py",),
    ),
    Mutation(
        "kernel of success",
        "selfsup/feedback.py",
        "np.exp(-exponents)",
        "np.exp(-2 * exponents)",
        ("selfsup/test_feedback.py",),
    ),
    Mutation(
        "first attempt with the predicted force",
        "selfsup/feedback.py",
        "(force - 1, Feedback.TOO_LARGE)",
        "(force, Feedback.TOO_LARGE)",
        ("selfsup/test_feedback.py",),
    ),
    Mutation(
        "threshold of change",
        "selfsup/change.py",
        "CHANGE_THRESHOLD = 0.01",
        "CHANGE_THRESHOLD = 0.02",
        ("selfsup/test_change.py",),
    ),
    Mutation(
        "fraction of a superpixel",
        "selfsup/superpixels.py",
        "MIN_SHARE = 0.25",
        "MIN_SHARE = 0.5",
        ("selfsup/test_superpixels.py",),
    ),
    Mutation(
        "feedback on forces exchanged",
        "selfsup/targets.py",
        "index > predicted, index < predicted)",
        "index < predicted, index > predicted)",
        ("selfsup/test_targets.py",),
    ),
    Mutation(
        "rate falls at once",
        "agents/training/schedule.py",
        "start = last - self.decay_share",
        "start = last - 2 * self.decay_share",
        ("agents/test_schedule.py",),
    ),
    Mutation(
        "window of the last point only",
        "agents/training/windows.py",
        "points[int(choice * len(points))]",
        "points[-1] + 0 * int(choice)",
        ("agents/test_windows.py",),
    ),
    Mutation(
        "attempts after a success",
        "agents/collection/interact.py",
        '                mask = info["mask"]\n                break',
        '                mask = info["mask"]',
        ("agents/test_interact.py",),
    ),
)


def mutated(mutation: Mutation, text: str) -> str:
    """Return the text of a file with a mutation.

    Args:
        mutation: What to break.
        text: The file's text.

    Raises:
        ValueError: The text to replace does not occur exactly once.
    """
    found = text.count(mutation.before)
    if found != 1:
        raise ValueError(
            f"{mutation.name}: {mutation.before!r} occurs {found} times in {mutation.file}, not once"
        )
    return text.replace(mutation.before, mutation.after)


def is_caught(mutation: Mutation, folder: Path) -> bool:
    """Return whether the tests of a mutation fail in a copy of the checkout.

    Args:
        mutation: What to break.
        folder: The copy; it is as before afterwards.
    """
    file = folder / mutation.file
    text = file.read_text(encoding="utf-8")
    file.write_text(mutated(mutation, text), encoding="utf-8")
    tests = [f"tests/{name}" for name in mutation.tests]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        return (
            subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode
            == 1
        )
    finally:
        file.write_text(text, encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 1 where a mutation survives."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument(
        "words", nargs="*", help="words of the names of the mutations to make; by default all"
    )
    wanted = parser.parse_args(words).words
    chosen = [one for one in MUTATIONS if not wanted or any(word in one.name for word in wanted)]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    caught = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for relative in filter(None, listed.stdout.split("\0")):
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / relative, folder / relative)
        for mutation in chosen:
            noticed = is_caught(mutation, folder)
            caught += noticed
            print(f"{'caught  ' if noticed else 'SURVIVED'}  {mutation.name}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return int(caught < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
