"""Mask R-CNN, and its rows: supervised with mass (b) and without (h), and on self-supervised masks (i, j).

Rows (t) and (u) are not in the paper: (i) and (h) with so many updates that they take about the CPU time of
row (c), where both compute in the same precision.
"""

from agents.mask_rcnn.configuration import SYSTEM
from agents.registry import RegisteredAgent, Row, register

_UPDATES_IN_TIME_OF_C = 0.33
"""Fraction of the updates of `quick` that take, with the making of the views, as much CPU time as row (c)."""

register(
    RegisteredAgent(
        name=SYSTEM,
        label="Mask R-CNN",
        agent="agents.mask_rcnn.agent:MaskRCNNAgent",
        config="agents.mask_rcnn.configuration:MaskRCNNConfig",
        train="agents.mask_rcnn.training:train",
        rows=(
            Row(
                "b",
                "Mask R-CNN, supervised, mass",
                {"targets": "truth", "loss": "pixel", "mass": True},
                forces=True,
            ),
            Row("h", "Mask R-CNN, supervised", {"targets": "truth", "loss": "pixel", "mass": False}),
            Row("i", "Mask R-CNN, B+ masks", {"targets": "self_supervised", "loss": "pixel", "mass": False}),
            Row(
                "j", "(i) + robust set loss", {"targets": "self_supervised", "loss": "robust", "mass": False}
            ),
            Row(
                "t",
                "(i) in the CPU time of (c)",
                {
                    "targets": "self_supervised",
                    "loss": "pixel",
                    "mass": False,
                    "updates_fraction": _UPDATES_IN_TIME_OF_C,
                },
            ),
            Row(
                "u",
                "(h) in the CPU time of (c)",
                {
                    "targets": "truth",
                    "loss": "pixel",
                    "mass": False,
                    "updates_fraction": _UPDATES_IN_TIME_OF_C,
                },
            ),
        ),
    )
)
