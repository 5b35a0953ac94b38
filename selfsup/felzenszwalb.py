"""Felzenszwalb and Huttenlocher's segmentation, compiled by numba; importing this module needs numba.

The labels are those of `skimage.segmentation.felzenszwalb`, in a quarter of its time, for three reasons:
edges are sorted by counting, because their costs are bounded; edges within a segment are dropped before they
are sorted; and the passes over the edges are compiled in one piece.

Counting does not determine the order of edges of equal cost; skimage uses that of `numpy.argsort`. While
segments grow the order does not matter: of the segments that meet at edges of one cost, those whose threshold
exceeds it merge, in any order, and so do the resulting segments. When small segments are merged, the order
may matter; then that of `numpy.argsort` is computed.

Source: P. Felzenszwalb and D. Huttenlocher, Efficient graph-based image segmentation, IJCV 2004.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from skimage.filters import gaussian
from skimage.util import img_as_float64

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("NUMBA_DISABLE_JIT is set, and without compilation this takes minutes; unset it")

Array = npt.NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

EDGES_PER_PIXEL = 4
"""Neighbours of a pixel: right, down, right and down; and from its right neighbour to that below it."""

SHIFT = 42
"""Bits of a cost, as an integer, that costs of one bucket need not share; 10 bits of the fraction remain."""

LOWEST = 998
"""Biased exponent of the costs that share the first bucket with all lower ones: 2 to the power of -25."""

HIGHEST = 1024
"""Biased exponent above that of every cost: 2, where the largest is the square root of 3."""

MOST_EQUAL = 32
"""Edges of equal cost that are compared with each other, to find whether their order matters."""


def compiled(function: Function) -> Function:
    """Return a function that numba compiles at its first call, and caches on disk if possible.

    The cache is `__pycache__` next to this file or, if that is not writable, the user's cache folder.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # Neither can be written: each process compiles for itself.
        return cast(Function, numba.njit(nogil=True)(function))


def segment(rgb: npt.NDArray[np.uint8], scale: float, sigma: float, min_size: int) -> npt.NDArray[np.int32]:
    """Return the segment of each pixel.

    Args:
        rgb: (H, W, 3) uint8, at most `most_pixels(scale)` pixels.
        scale: Larger values give larger segments.
        sigma: Standard deviation of the Gaussian that smooths the image, in pixels.
        min_size: Minimum size of a segment, in pixels.

    Returns:
        (H, W) int32, labels from 0, equal to those of `skimage.segmentation.felzenszwalb`.
    """
    height, width = rgb.shape[:2]
    smooth = gaussian(img_as_float64(rgb), sigma=[sigma, sigma, 0], mode="reflect", channel_axis=-1)
    costs = edge_costs(smooth)
    parents, sizes, queue = grow(costs, scale / 255)
    settled = merge_small(parents, sizes, costs.reshape(-1), queue, width, min_size, False)
    if settled < len(queue):
        rest = _in_order_of_argsort(costs, queue[settled:])
        merge_small(parents, sizes, costs.reshape(-1), rest, width, min_size, True)
    return consecutive_labels(parents).reshape(height, width)


def most_pixels(scale: float) -> int:
    """Return the size of an image up to which the order of equal costs does not matter while segments grow.

    The threshold of a segment, in single precision, must exceed the cost at which it was merged.

    Args:
        scale: As of `segment`.
    """
    return int(scale / 255 / np.finfo(np.float32).eps)


def _in_order_of_argsort(
    costs: npt.NDArray[np.float64], queue: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """Return edges in the order in which `numpy.argsort` puts skimage's list of all edges."""
    edges = np.arange(costs.size, dtype=np.int32).reshape(costs.shape)
    pieces = [np.s_[:, :-1, 0], np.s_[:-1, :, 1], np.s_[:-1, :-1, 2], np.s_[:-1, :-1, 3]]
    order = np.argsort(np.concatenate([costs[piece].ravel() for piece in pieces]))
    wanted = np.zeros(costs.size, bool)
    wanted[queue] = True
    ordered = np.concatenate([edges[piece].ravel() for piece in pieces])[order]
    return ordered[wanted[ordered]]


@compiled
def _distance(image: Array, row: int, column: int, other_row: int, other_column: int) -> float:
    # The order of the additions is NumPy's, so that the last bit is as well.
    total = 0.0
    for channel in range(3):
        difference = image[row, column, channel] - image[other_row, other_column, channel]
        total += difference * difference
    return np.sqrt(total)


@compiled
def _first(edge: int, width: int) -> int:
    pixel, kind = edge >> 2, edge & 3
    return pixel + 1 if kind == 3 else pixel


@compiled
def _second(edge: int, width: int) -> int:
    pixel, kind = edge >> 2, edge & 3
    if kind == 0:
        return pixel + 1
    return pixel + width + 1 if kind == 2 else pixel + width


@compiled
def _root(parents: Array, pixel: int) -> int:
    while parents[pixel] != pixel:
        parents[pixel] = parents[parents[pixel]]
        pixel = parents[pixel]
    return pixel


@compiled
def _join(parents: Array, sizes: Array, one: int, other: int) -> int:
    if sizes[one] < sizes[other]:
        one, other = other, one
    parents[other] = one
    sizes[one] += sizes[other]
    return one


@compiled
def _sort(edges: Array, costs: Array) -> None:
    # Shell's method: a bucket holds some ten edges, or in odd images nearly all.
    gap = len(edges) // 2
    while gap > 0:
        for index in range(gap, len(edges)):
            edge, place = edges[index], index
            while place >= gap and costs[edges[place - gap]] > costs[edge]:
                edges[place] = edges[place - gap]
                place -= gap
            edges[place] = edge
        gap //= 2


@compiled
def edge_costs(image: Array) -> Array:
    """Return the colour difference along each edge.

    Args:
        image: (H, W, 3) float64.

    Returns:
        (H, W, 4) float64; -1 where a pixel has no such neighbour. An edge is an index into the flat array.
    """
    height, width = image.shape[:2]
    costs = np.full((height, width, EDGES_PER_PIXEL), -1.0)
    for row in range(height):
        for column in range(width):
            right, down = column + 1 < width, row + 1 < height
            if right:
                costs[row, column, 0] = _distance(image, row, column, row, column + 1)
            if down:
                costs[row, column, 1] = _distance(image, row, column, row + 1, column)
            if right and down:
                costs[row, column, 2] = _distance(image, row, column, row + 1, column + 1)
                costs[row, column, 3] = _distance(image, row + 1, column, row, column + 1)
    return costs


@compiled
def grow(costs: Array, scale: float) -> tuple[Array, Array, Array]:
    """Merge pixels into segments along edges of growing cost.

    Args:
        costs: (H, W, 4) float64, as of `edge_costs`.
        scale: Larger values give larger segments; in units of the costs.

    Returns:
        (H W) int32, the parent of each pixel, a root being its own; (H W) int64, the size of each root's
        segment; and int32, edges that ended between two segments, by growing cost.
    """
    height, width = costs.shape[:2]
    flat = costs.reshape(-1)
    lowest = LOWEST << (52 - SHIFT)
    bits = flat.view(np.int64)
    ends = np.zeros(((HIGHEST - LOWEST) << (52 - SHIFT)) + 1, np.int32)
    for edge in range(len(flat)):
        if bits[edge] >= 0:
            ends[max((bits[edge] >> SHIFT) - lowest, 0) + 1] += 1
    for bucket in range(1, len(ends)):
        ends[bucket] += ends[bucket - 1]
    edges = np.empty(ends[-1], np.int32)
    for edge in range(len(flat)):
        if bits[edge] >= 0:
            bucket = max((bits[edge] >> SHIFT) - lowest, 0)
            edges[ends[bucket]] = edge
            ends[bucket] += 1
    parents = np.arange(height * width, dtype=np.int32)
    sizes = np.ones(height * width, np.int64)
    inner = np.zeros(height * width, np.float64)
    between = start = 0
    for bucket in range(len(ends) - 1):
        # Edges that join two segments are moved to the start of the bucket, and sorted there.
        stop = start
        for index in range(start, ends[bucket]):
            edge = edges[index]
            if _root(parents, _first(edge, width)) != _root(parents, _second(edge, width)):
                edges[stop] = edge
                stop += 1
        _sort(edges[start:stop], flat)
        for index in range(start, stop):
            edge = edges[index]
            one, other = _root(parents, _first(edge, width)), _root(parents, _second(edge, width))
            if one == other:
                continue
            # As in skimage, thresholds are in single precision.
            threshold = min(
                np.float32(inner[one] + scale / sizes[one]), np.float32(inner[other] + scale / sizes[other])
            )
            if flat[edge] < threshold:
                inner[_join(parents, sizes, one, other)] = flat[edge]
            else:
                edges[between] = edge
                between += 1
        start = ends[bucket]
    return parents, sizes, edges[:between]


@compiled
def merge_small(
    parents: Array, sizes: Array, costs: Array, queue: Array, width: int, min_size: int, in_order: bool
) -> int:
    """Merge segments that are too small with a neighbour, along edges of growing cost.

    Args:
        parents: (H W) int32, changed in place; as of `grow`.
        sizes: (H W) int64, changed in place.
        costs: (4 H W) float64.
        queue: Edges by growing cost.
        width: Of the image, in pixels.
        min_size: Minimum size of a segment, in pixels.
        in_order: Whether edges of equal cost are in the order of skimage; otherwise merging stops before
            edges of equal cost whose order may matter.

    Returns:
        The number of processed edges.
    """
    start = 0
    active = np.empty((MOST_EQUAL, 2), np.int32)
    while start < len(queue):
        stop = start + 1
        while stop < len(queue) and costs[queue[stop]] == costs[queue[start]]:
            stop += 1
        if not in_order and stop - start > 1:
            count = 0
            for index in range(start, stop):
                one = _root(parents, _first(queue[index], width))
                other = _root(parents, _second(queue[index], width))
                if one == other or min(sizes[one], sizes[other]) >= min_size:
                    continue
                if count == MOST_EQUAL:
                    return start
                for known in range(count):
                    first, second = active[known]
                    same = (one == first) + (one == second) + (other == first) + (other == second)
                    if same == 1:
                        return start
                active[count, 0], active[count, 1] = one, other
                count += 1
        for index in range(start, stop):
            one = _root(parents, _first(queue[index], width))
            other = _root(parents, _second(queue[index], width))
            if one != other and min(sizes[one], sizes[other]) < min_size:
                _join(parents, sizes, one, other)
        start = stop
    return start


@compiled
def consecutive_labels(parents: Array) -> Array:
    """Return labels from 0, in the order in which the segments' first pixels come: (H W) int32."""
    labels = np.full(len(parents), -1, np.int32)
    result = np.empty(len(parents), np.int32)
    count = 0
    for pixel in range(len(parents)):
        root = _root(parents, pixel)
        if labels[root] < 0:
            labels[root] = count
            count += 1
        result[pixel] = labels[root]
    return result
