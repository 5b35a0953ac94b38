"""Mask R-CNN, and its rows: supervised with mass (b) and without (h), and on self-supervised masks (i, j)."""

from agents.mask_rcnn.configuration import SYSTEM
from agents.registry import RegisteredAgent, Row, register

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
        ),
    )
)
