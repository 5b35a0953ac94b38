"""Lists of locations with their ground truth: drawing, measuring, statistics, and the two shipped test lists.

`python -m thor_interact_env.datasets --help` explains the command line.
"""

from thor_interact_env.datasets.drawing import Drawing, draw_room, rooms_with_counts
from thor_interact_env.datasets.making import PAPER_SIZES, make_dataset
from thor_interact_env.datasets.measuring import measure
from thor_interact_env.datasets.shipped import SHIPPED_SPLITS, shipped_locations
from thor_interact_env.datasets.statistics import Statistics

__all__ = [
    "PAPER_SIZES",
    "SHIPPED_SPLITS",
    "Drawing",
    "Statistics",
    "draw_room",
    "make_dataset",
    "measure",
    "rooms_with_counts",
    "shipped_locations",
]
