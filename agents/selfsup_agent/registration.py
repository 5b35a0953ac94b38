"""The paper's learner and its rows (a), (c) to (f) and (k) to (n): one configuration with other fields.

They differ from a preset in two ways that make the rows comparable with each other:

* Rows other than (a) are segmentation only: the segmentation stages of the preset, or where it has none, as
  in `quick` and `hour`, its stages without forces.
* Every row samples its memory bank by priority, as the paper does, except (l), which is (c) sampled
  uniformly. The presets `quick` and `hour` sample uniformly, so row (a) is not exactly those presets.

Row (m) has no limit of reach, and is evaluated, as in the paper, on all movable objects in sight; its
views are those of the other rows. Row (n) is not in the paper's table; its appendix D mentions it. Row (q) is
not in the paper either: in (f), masks may have a single cell, of which the loss takes much notice.
"""

from typing import Any

from agents.collection.oracles import OracleOptions
from agents.registry import RegisteredAgent, Row, register
from agents.training.configuration import SELF_SUPERVISED, UNLIMITED_REACH
from selfsup.grid import MINIMUM_SUPERPIXEL


def paper_row(letter: str, name: str, forces: bool = False, prioritized: bool = True, **options: Any) -> Row:
    """Return a row of the self-supervised learner.

    Args:
        letter: Of the row, not taken by another.
        name: What the row shows.
        forces: Whether forces are learned as well.
        prioritized: Whether the memory bank is sampled by priority, as in the paper.
        **options: Further fields of `TrainConfig` that differ from the preset's.
    """
    return Row(letter, name, {"forces": forces, "prioritized": prioritized, **options}, forces)


register(
    RegisteredAgent(
        name=SELF_SUPERVISED,
        label="self-supervised",
        agent="agents.selfsup_agent.agent:SelfSupervisedAgent",
        config="agents.training.configuration:TrainConfig",
        train="agents.selfsup_agent.training:train",
        rows=(
            paper_row("a", "joint self-supervised", forces=True),
            paper_row("c", "self-supervised"),
            paper_row("d", "(c) + true masks", oracles=OracleOptions(masks=True)),
            paper_row("e", "(c) + oracle points", oracles=OracleOptions(points=True)),
            paper_row("f", "(c) + both oracles", oracles=OracleOptions(points=True, masks=True)),
            paper_row(
                "q",
                "(f) - objects below a superpixel",
                oracles=OracleOptions(points=True, masks=True, minimum_pixels=MINIMUM_SUPERPIXEL),
            ),
            paper_row("k", "(c) - superpixels", use_superpixels=False),
            paper_row("l", "(c) - prioritised sampling", prioritized=False),
            paper_row("m", "(c), unlimited reach", reach=UNLIMITED_REACH),
            paper_row("n", "(c), optical flow", change_test="optical_flow"),
        ),
    )
)
