"""Batches for the learner, each prepared while the network learns from the one before.

The sequence of batches is the same as without a thread. A batch depends on the priorities that the one before
it has set, and these are known once the network's forward pass is done: so the next batch is drawn, decoded,
augmented and turned into tensors while the gradients are computed and the weights updated. No batch is drawn
earlier, and none beyond the requested number of batches.

The thread computes with NumPy alone. A parallel operation of torch would give it OpenMP threads of its own,
and if a process has more of these than cores, OpenMP suspends waiting threads: then every operation of the
learner also waits until its threads are resumed.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from agents.closing import Closing
from agents.selfsup_agent.network import View, image_batch
from agents.training.windows import cut_views, cut_windows
from selfsup.augmentation import augment
from selfsup.experience import Experience
from selfsup.feedback import ForceArea, KernelName
from selfsup.grid import GRID
from selfsup.memory_bank import MemoryBank
from selfsup.targets import Targets, build_targets

WithoutReplacement = Literal["batch", "episode"]
"""Within what no location is drawn twice."""

Augmentation = Callable[[Experience, np.random.Generator], Experience]
"""Returns a changed copy of an experience."""


@dataclass(frozen=True, eq=False)
class Batch:
    """The input of one update: whole views, or a square window of each.

    Attributes:
        images: (B, 4, 300, 300) float32, as made by `image_batch`, on the CPU; of windows of n x n cells
            (B, 4, 3 n, 3 n).
        targets: Its targets, on the CPU; of windows with n in place of 100.
        indices: (B,) int64, positions of the locations in the memory bank; None for artificial batches.
        corners: (B, 2) int64, row and column in the view's grid of each window's first cell; None for whole
            views.
    """

    images: Tensor
    targets: Targets
    indices: npt.NDArray[np.int64] | None = None
    corners: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)


def make_batch(
    experiences: Sequence[Experience],
    kernel_name: KernelName,
    indices: npt.NDArray[np.int64] | None = None,
    force_area: ForceArea = "point",
) -> Batch:
    """Turn experiences into tensors.

    Args:
        experiences: One per image, at least one.
        kernel_name: What points are spread with.
        indices: Where they are in the memory bank.
        force_area: Where a touch says something about the force.
    """
    images = image_batch(views_of(experiences))
    return Batch(images, build_targets(experiences, kernel_name, force_area), indices)


def views_of(experiences: Sequence[Experience]) -> list[View]:
    """Return RGB and depth of each experience."""
    return [(experience.rgb, experience.depth) for experience in experiences]


class Batches(Closing):
    """A given number of batches from a memory bank, one after another.

    Use it in a `with` statement; leaving it waits for the thread. Only this object may use the
    bank and the generator until the last batch was taken and `use` was called.
    """

    def __init__(
        self,
        bank: MemoryBank,
        rng: np.random.Generator,
        batch_size: int,
        count: int,
        kernel_name: KernelName = "gaussian",
        augmentation: Augmentation = augment,
        background: bool = True,
        side: int = GRID,
        force_area: ForceArea = "point",
        without_replacement: WithoutReplacement = "batch",
    ) -> None:
        """Start to prepare the first batch.

        Args:
            bank: Where to sample from.
            rng: Source of the batches and their augmentation.
            batch_size: Images of a batch.
            count: Number of batches, 0 or more.
            kernel_name: What points are spread with.
            augmentation: Applied to each experience; draws from the generator.
            background: Whether a thread prepares them; without, `take` does. The batches are the same.
            side: Cells along a side of the window that is cut out of each view (100: none is).
            force_area: Where a touch says something about the force.
            without_replacement: Within what no location is drawn twice. Over the episode, that is all `count`
                batches, by the priorities at its start; where the bank holds fewer, again once it is empty.
        """
        self._bank, self._rng, self._kernel_name = bank, rng, kernel_name
        self._augmentation, self._side, self._force_area = augmentation, side, force_area
        self._batch_size, self._left = batch_size, count
        self._whole_episode, self._undrawn = without_replacement == "episode", count
        self._drawn: deque[npt.NDArray[np.int64]] = deque()
        self._executor = ThreadPoolExecutor(1, "batches") if background else None
        self._next: Future[Batch] | None = None
        self._begin()

    def take(self) -> Batch:
        """Return the next batch, waiting for it if necessary.

        Raises:
            IndexError: All batches were taken, or `use` was not called for the last one.
            ValueError: The bank holds fewer locations than a batch.
            MemoryBankError: A segment file is missing or cannot be read.
        """
        if self._next is None:
            if self._executor is not None or self._left < 1:
                raise IndexError("there is no next batch: take the requested number, and use each")
            self._left -= 1
            return self._prepare()
        batch = self._next.result()
        self._next = None
        return batch

    def use(self, batch: Batch, scores: npt.ArrayLike) -> None:
        """Give a batch its new priorities, and start to prepare the next one.

        Args:
            batch: The last one taken.
            scores: (B,) in 0..1, as given by `image_scores`.
        """
        if batch.indices is not None:
            self._bank.update_priorities(batch.indices, scores)
        self._begin()

    def close(self) -> None:
        """Wait for the batch that is being prepared."""
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _begin(self) -> None:
        if self._executor is not None and self._left > 0:
            self._left -= 1
            self._next = self._executor.submit(self._prepare)

    def _prepare(self) -> Batch:
        if self._whole_episode:
            indices = self._next_drawn()
            experiences = self._bank.read(indices)
        else:
            indices, experiences = self._bank.sample(self._batch_size, self._rng)
        augmented = [self._augmentation(experience, self._rng) for experience in experiences]
        return self.make(augmented, indices, self._rng)

    def _next_drawn(self) -> npt.NDArray[np.int64]:
        """Return where the locations of the next batch of the episode are in the bank."""
        if not self._drawn:
            count = max(min(self._undrawn, len(self._bank) // self._batch_size), 1)
            drawn = self._bank.draw(count * self._batch_size, self._rng)
            self._drawn.extend(np.split(drawn, count))
            self._undrawn -= count
        return self._drawn.popleft()

    def make(
        self, experiences: Sequence[Experience], indices: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> Batch:
        """Make a batch; what a learner with other targets overrides. It computes with NumPy alone.

        Args:
            experiences: Augmented.
            indices: Where they are in the memory bank.
            rng: Decides the windows.
        """
        if self._side == GRID:
            return make_batch(experiences, self._kernel_name, indices, self._force_area)
        targets = build_targets(experiences, self._kernel_name, self._force_area)
        windows, corners = cut_windows(targets, self._side, rng)
        views = cut_views(views_of(experiences), corners, self._side)
        return Batch(image_batch(views, self._side), windows, indices, corners)
