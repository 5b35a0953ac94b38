"""Made-up output of the network, for the tests of what is done with it."""

import numpy as np
import numpy.typing as npt

Maps = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]


def make_maps(seed: int, rows: int, columns: int, clusters: int, spread: float, offset: float = 0.0) -> Maps:
    """Cells scattered about a few centres in embedding space."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1.5, (clusters, 16))
    embeddings = centres[rng.integers(clusters, size=(rows, columns))].transpose(2, 0, 1)
    embeddings = embeddings + rng.normal(0, spread, embeddings.shape) + offset
    scores = rng.normal(0, 3, (rows, columns))
    forces = rng.normal(0, 1, (3, rows, columns))
    return scores.astype(np.float32), forces.astype(np.float32), embeddings.astype(np.float32)
