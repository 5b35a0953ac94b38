"""The learner of queried masks, and its row (o)."""

from agents.query_agent.configuration import SYSTEM
from agents.registry import RegisteredAgent, Row, register

register(
    RegisteredAgent(
        name=SYSTEM,
        label="queried masks",
        agent="agents.query_agent.agent:QueryAgent",
        config="agents.query_agent.configuration:QueryConfig",
        train="agents.query_agent.training:train",
        rows=(Row("o", "queried masks", forces=True),),
    )
)
