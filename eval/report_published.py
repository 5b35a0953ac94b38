"""The numbers that the paper published (tables 1, 2 and their text), to be set beside measured ones."""

from collections.abc import Mapping
from typing import Any, Final

SCORES: Final[tuple[str, ...]] = ("bbox_ap50", "bbox_ap", "mask_ap50", "mask_ap")
"""The columns of table 1, as results are called here."""

NAMES: Final[Mapping[str, str]] = {
    "a": "Joint self-supervised",
    "b": "Mask R-CNN, supervised, with mass",
    "c": "Self-supervised, segmentation only",
    "d": "(c) with true masks",
    "e": "(c) with oracle points",
    "f": "(c) with both oracles",
    "g": "VideoPCA",
    "h": "Mask R-CNN, supervised",
    "i": "Mask R-CNN on self-supervised masks",
    "j": "(i) with the robust set loss",
    "k": "(c) without superpixels",
    "l": "(c) without prioritised sampling",
    "m": "(c) with unlimited reach",
}
"""Rows of table 1 by letter."""

_NOVEL_OBJECTS: Mapping[str, tuple[float, float, float, float]] = {
    "a": (24.19, 11.65, 22.00, 10.24),
    "b": (33.94, 22.08, 28.21, 16.75),
    "c": (27.06, 12.71, 24.37, 11.09),
    "d": (30.77, 16.83, 27.46, 13.89),
    "e": (26.11, 12.26, 24.87, 11.53),
    "f": (30.23, 14.86, 27.40, 13.23),
    "g": (8.10, 3.99, 7.33, 3.27),
    "h": (36.49, 22.92, 30.66, 18.35),
    "i": (15.93, 8.16, 10.88, 6.08),
    "j": (17.51, 9.11, 10.71, 4.02),
    "k": (12.74, 4.77, 10.21, 3.81),
    "l": (21.04, 8.70, 19.02, 7.75),
    "m": (21.06, 9.38, 20.64, 9.15),
}
_NOVEL_SPACES: Mapping[str, tuple[float, float, float, float]] = {
    "a": (27.59, 13.44, 25.01, 11.00),
    "b": (50.72, 34.44, 45.57, 30.12),
    "c": (26.10, 12.05, 23.70, 10.30),
    "d": (38.44, 21.25, 36.49, 18.67),
    "e": (28.06, 13.23, 26.14, 11.71),
    "f": (25.68, 12.03, 24.54, 11.00),
    "g": (7.48, 3.45, 6.97, 2.82),
    "h": (49.86, 31.63, 44.87, 28.85),
    "i": (21.26, 11.39, 15.84, 8.73),
    "j": (22.29, 12.08, 16.23, 8.81),
    "k": (13.24, 4.93, 10.72, 3.75),
    "l": (21.32, 8.78, 19.68, 7.76),
    "m": (20.10, 9.36, 17.26, 7.56),
}
TABLE_1: Final[Mapping[str, Mapping[str, tuple[float, float, float, float]]]] = {
    "NovelObjects": _NOVEL_OBJECTS,
    "NovelSpaces": _NOVEL_SPACES,
}
"""AP in percent by split and row, in the order of `SCORES` (AI2-THOR)."""

TABLE_2: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "NovelObjects": {
        "a": {
            "mass_accuracy": 50.79,
            "mass_bbox_ap50": 11.85,
            "confusion": [[0.1318, 0.5041, 0.3641], [0.0510, 0.6114, 0.3376], [0.0066, 0.2128, 0.7805]],
        },
        "b": {"mass_accuracy": 78.28, "mass_bbox_ap50": 26.90, "confusion": None},
    },
    "NovelSpaces": {
        "a": {
            "mass_accuracy": 55.86,
            "mass_bbox_ap50": 11.01,
            "confusion": [[0.4193, 0.5092, 0.0714], [0.1591, 0.5413, 0.2996], [0.0366, 0.2483, 0.7151]],
        },
        "b": {"mass_accuracy": 86.11, "mass_bbox_ap50": 46.24, "confusion": None},
    },
}
"""Mass by split and row: mean accuracy per class and AP50 with mass in percent, confusion in 0..1."""
