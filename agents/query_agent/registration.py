"""The learner of queried masks, and its rows (o) and (p), which the paper's table does not have."""

from agents.query_agent.configuration import IMAGES, SYSTEM
from agents.registry import RegisteredAgent, Row, register
from selfsup.training_images.options import TargetOptions

register(
    RegisteredAgent(
        name=SYSTEM,
        label="queried masks",
        agent="agents.query_agent.agent:QueryAgent",
        config="agents.query_agent.configuration:QueryConfig",
        train="agents.query_agent.training:train",
        rows=(
            Row("o", "queried masks", {"targets": IMAGES}, forces=True),
            Row("p", "(o) - own views and cleaned masks", {"targets": TargetOptions()}, forces=True),
        ),
    )
)
