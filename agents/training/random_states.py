"""The states of all random generators of a run, as JSON-able values."""

import base64
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.training.checkpoint import CheckpointError


def random_states(generator: np.random.Generator) -> dict[str, Any]:
    """Return the states of Python's, torch's and one NumPy generator as JSON-able values."""
    version, words, gauss = random.getstate()
    states = {
        "python": [version, list(words), gauss],
        "torch": _encode(torch.get_rng_state()),
        "numpy": generator.bit_generator.state,
    }
    if torch.cuda.is_available():
        states["cuda"] = _encode(torch.cuda.get_rng_state())
    return states


def restore_random_states(states: Mapping[str, Any], generator: np.random.Generator) -> None:
    """Restore what `random_states` returned.

    Raises:
        CheckpointError: A state is missing or malformed.
    """
    try:
        version, words, gauss = states["python"]
        random.setstate((version, tuple(words), gauss))
        torch.set_rng_state(_decode(states["torch"]))
        generator.bit_generator.state = states["numpy"]
        if "cuda" in states and torch.cuda.is_available():
            torch.cuda.set_rng_state(_decode(states["cuda"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"the random states are malformed ({error!r}); the checkpoint is corrupt."
        ) from None


def _encode(state: Tensor) -> str:
    return base64.b64encode(state.numpy().tobytes()).decode("ascii")


def _decode(text: str) -> Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)
