"""The baselines that learn nothing, and their rows (r) and (s), which the paper's table does not have."""

from agents.registry import RegisteredAgent, Row, register

RANDOM_POINTS, SUPERPIXELS = "random_points", "superpixels"

register(
    RegisteredAgent(
        name=RANDOM_POINTS,
        label="random points",
        agent="agents.random_agent:RandomAgent",
        rows=(Row("r", "random points, superpixel as mask"),),
        seeded=True,
    )
)
register(
    RegisteredAgent(
        name=SUPERPIXELS,
        label="all superpixels",
        agent="agents.superpixel_agent:SuperpixelAgent",
        rows=(Row("s", "all superpixels as proposals"),),
    )
)
