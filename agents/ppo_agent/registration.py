"""PPO; it has no masks, so no row of the tables."""

from agents.ppo_agent.configuration import SYSTEM
from agents.registry import RegisteredAgent, register

register(
    RegisteredAgent(
        name=SYSTEM,
        label="PPO",
        agent="agents.ppo_agent.agent:PPOAgent",
        config="agents.ppo_agent.configuration:PPOConfig",
        train="agents.ppo_agent.training:train",
        monitored=False,
    )
)
