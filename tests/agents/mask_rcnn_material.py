"""Small Mask R-CNNs, and views for them that no simulator made."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np

from agents.collection.interact import InteractionRecord
from agents.mask_rcnn.configuration import MaskRCNNConfig, mask_rcnn_preset
from agents.mask_rcnn.views import ViewFolder
from selfsup.experience import Experience
from thor_interact_env.simulators.base import Instances

TINY = replace(
    mask_rcnn_preset("smoke"), image_size=96, channels=8, box_features=8, mask_channels=8, proposals=20
)


def configuration(precision="32-true", **values):
    return MaskRCNNConfig(
        TINY, preset="smoke", precision=precision, device="cpu", threads=1, workers=0, **values
    )


def record(seed, truth):
    """Two rectangles on noise; what moved is the left one, recorded twice, and too large."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 60, (300, 300, 3), dtype=np.uint8)
    masks = np.zeros((2, 300, 300), bool)
    masks[0, 30:150, 30 : 90 + int(rng.integers(30))] = True
    masks[1, 200:260, 180:290] = True
    rgb[masks.any(0)] += np.uint8(150)
    recorded = np.zeros((2, 100, 100), bool)
    recorded[:, 8:55, 8:42] = True
    recorded[1, 8] = False
    none = np.zeros((0, 2), np.int16)
    experience = Experience(
        rgb,
        rng.uniform(0.5, 3, (300, 300)).astype(np.float16),
        none if truth else np.array([[20, 20], [25, 25]], np.int16),
        recorded[:0] if truth else recorded,
        np.array([] if truth else [2, 2], np.int8),
        np.array([] if truth else [0, 0], np.int8),
        none,
    )
    found = Instances(masks, np.array([0.2, 5.0]), ("Mug", "Pot"), ("Mug|1", "Pot|1")) if truth else None
    return InteractionRecord(experience, 0, 0, 0, 0, 0, 0, found)


class ToyCollector:
    """Answers tasks at once, without a simulator."""

    def __init__(self):
        self.seeds = []

    def submit(self, task):
        self.seeds += task.seeds
        future: Future[list[InteractionRecord]] = Future()
        future.set_result([record(seed, task.truth) for seed in task.seeds])
        return future

    def close(self):
        pass


def collected(folder, config):
    views, collector = ViewFolder(folder, config), ToyCollector()
    for _ in views.collect(collector):
        pass
    return views, collector.seeds
