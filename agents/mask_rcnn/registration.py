"""Mask R-CNN, and its rows: supervised with mass (b) and without (h), and on self-supervised masks (i, j).

Rows (t) and (u) are not in the paper: (i) and (h) with so many updates that at `quick` they take about the
CPU time of row (c), where both compute in the same precision.
"""

from agents.mask_rcnn.configuration import SYSTEM
from agents.registry import RegisteredAgent, Row, register

_SUPERVISED = {"targets": "truth", "loss": "pixel", "mass": False}
_SELF_SUPERVISED = {**_SUPERVISED, "targets": "self_supervised"}

_IN_TIME_OF_C = {"updates_fraction": 0.33}
"""The updates of `quick` that take, with the making of the views, about as much CPU time as row (c)."""

register(
    RegisteredAgent(
        name=SYSTEM,
        label="Mask R-CNN",
        agent="agents.mask_rcnn.agent:MaskRCNNAgent",
        config="agents.mask_rcnn.configuration:MaskRCNNConfig",
        train="agents.mask_rcnn.training:train",
        rows=(
            Row("b", "Mask R-CNN, supervised, mass", {**_SUPERVISED, "mass": True}, forces=True),
            Row("h", "Mask R-CNN, supervised", _SUPERVISED),
            Row("i", "Mask R-CNN, B+ masks", _SELF_SUPERVISED),
            Row("j", "(i) + robust set loss", {**_SELF_SUPERVISED, "loss": "robust"}),
            Row("t", "(i) in the CPU time of (c)", {**_SELF_SUPERVISED, **_IN_TIME_OF_C}),
            Row("u", "(h) in the CPU time of (c)", {**_SUPERVISED, **_IN_TIME_OF_C}),
        ),
    )
)
