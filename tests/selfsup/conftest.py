"""Fixtures of the tests of selfsup."""

from collections.abc import Callable

import numpy as np
import pytest

from selfsup.experience import Experience

ExperienceFactory = Callable[..., Experience]


@pytest.fixture(scope="session")
def make_experience() -> ExperienceFactory:
    """Return a function that makes a random experience of so many successes and failures."""

    def make(seed: int = 0, successes: int = 2, failures: int = 3) -> Experience:
        rng = np.random.default_rng(seed)
        return Experience(
            rgb=rng.integers(0, 256, (300, 300, 3), dtype=np.uint8),
            depth=rng.integers(200, 5000, (300, 300)).astype(np.float32) / np.float32(1000),
            success_points=rng.integers(0, 100, (successes, 2)).astype(np.int16),
            masks=rng.random((successes, 100, 100)) < 0.1,
            forces=rng.integers(0, 3, successes).astype(np.int8),
            feedback=rng.integers(0, 3, successes).astype(np.int8),
            failure_points=rng.integers(0, 100, (failures, 2)).astype(np.int16),
        )

    return make
