"""The format `minari`: a dataset that Minari's collector writes, whose environment replays it bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.record.episodes import RecordedEpisode
from thor_interact_env.record.plan import Plan, Start
from thor_interact_env.record.tables import read_table, touched_episode
from thor_interact_env.world import distribution_version

FORMAT: Final = "minari"
"""Name of the format."""

_ROOT: Final = "MINARI_DATASETS_PATH"  # the variable that tells Minari where its datasets are


def load_minari() -> Any:
    """Return the module minari, with what its collector needs.

    Raises:
        DependencyNotInstalled: It, or a library that it needs to write, is not installed.
    """
    try:
        import h5py  # noqa: F401
        import jax  # noqa: F401
        import minari
    except ImportError as error:
        raise DependencyNotInstalled(
            f"records for Minari need minari, h5py and jax ({error}); install them: pip install "
            '"thor-interact[records]"'
        ) from error
    return minari


def check_name(folder: Path) -> None:
    """Check that a folder's name is the identifier of a Minari dataset.

    Raises:
        InvalidOptionError: It is not.
    """
    minari = load_minari()
    try:
        minari.dataset.minari_dataset.parse_dataset_id(folder.name)
    except (TypeError, ValueError) as error:  # a TypeError without a version
        raise InvalidOptionError(
            f"the folder of a Minari dataset is named like touches-v0, not {folder.name!r}"
        ) from error


def write_minari(folder: Path, name: str, plan: Plan, starts: Sequence[Start], parts: Sequence[Path]) -> int:
    """Play the parts of a record back through Minari's collector.

    Args:
        folder: Existing, empty folder.
        name: Identifier of the dataset, such as `touches-v0`.
        plan: The plan of the record.
        starts: The start of each episode.
        parts: A table of touches for each episode, in order.

    Returns:
        The number of touches.

    Raises:
        DatasetError: A part is damaged.
    """
    minari = load_minari()
    longest = max(starts, key=lambda start: len(start.recording.actions) if start.recording else 0)
    env = gymnasium.make("ThorInteract-v0", **plan.environment(longest))
    playback = _Playback(env)
    about: list[dict[str, str]] = []
    touches = 0
    with _minari_root(folder.parent.resolve()) as root, warnings.catch_warnings():
        # It asks for an author and a permalink, which only the user knows.
        warnings.filterwarnings("ignore", message=".*is set to None", category=UserWarning)
        collector = minari.DataCollector(
            playback,
            record_infos=True,
            data_format="hdf5",
            jpeg_encoding=False,
            episode_metadata_callback=lambda: _about(about, minari.EpisodeMetadataCallback()),
        )
        for start, part in zip(starts, parts, strict=True):
            episode = touched_episode(read_table(part).to_pylist())
            playback.insert(episode)
            collector.reset(seed=start.seed, options=start.options)
            for action in episode.actions:
                collector.step(action)
            location = json.dumps(episode.location.to_json())
            about.append({"location": location, "world": episode.world, "agent": episode.agent})
            touches += len(episode)
        collector.create_dataset(
            dataset_id=name,
            algorithm_name=plan.actor,
            description=f"ThorInteract touches in {plan.world}",
            requirements=_requirements(),
        )
        collector.close()
        for path in sorted((root / name).iterdir()):
            shutil.move(path, folder / path.name)
    env.close()
    return touches


class _Playback(gymnasium.Env[Any, Any]):
    """Returns the results of a recorded episode, under the name and the arguments of the environment."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self.spec = env.spec
        self.observation_space = env.observation_space
        self.action_space = env.action_space
        self._episode: RecordedEpisode | None = None
        self._touches = 0

    def insert(self, episode: RecordedEpisode) -> None:
        """Let the next reset start this episode."""
        self._episode = episode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the first view, with the info of a reset."""
        self._touches = 0
        first = self._recorded
        empty = {"mask": np.zeros_like(first.mask[0]), "changed": np.zeros_like(first.changed[0])}
        return self._observation(), {**empty, "success": np.array(False)}

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Return the result of the next touch."""
        episode, number = self._recorded, self._touches
        self._touches += 1
        info = {
            "mask": episode.mask[number],
            "changed": episode.changed[number],
            "success": np.array(episode.success[number]),
        }
        ended = self._touches == len(episode)
        return self._observation(), float(episode.success[number]), False, ended, info

    @property
    def _recorded(self) -> RecordedEpisode:
        assert self._episode is not None, "insert an episode first"
        return self._episode

    def _observation(self) -> dict[str, Any]:
        episode, number = self._recorded, self._touches
        return {"rgb": episode.rgb[number], "depth": episode.depth[number]}


def _about(episodes: Sequence[Mapping[str, str]], usual: Any) -> Any:
    """Return a callback for Minari that adds what is known of an episode to its usual metadata."""
    return lambda episode: {**usual(episode), **episodes[int(episode["id"])]}


def _requirements() -> list[str]:
    versions = {name: distribution_version(name) for name in ("thor-interact", "mujoco")}
    return [f"{name}=={version}" for name, version in versions.items() if version[0].isdigit()]


@contextmanager
def _minari_root(parent: Path) -> Iterator[Path]:
    """Let Minari keep its datasets in a temporary folder on the same disk."""
    before = os.environ.get(_ROOT)
    with tempfile.TemporaryDirectory(prefix=".minari-", dir=parent) as root:
        os.environ[_ROOT] = root
        try:
            yield Path(root)
        finally:
            if before is None:
                del os.environ[_ROOT]
            else:
                os.environ[_ROOT] = before
