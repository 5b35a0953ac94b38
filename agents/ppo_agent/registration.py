"""PPO; it has no masks, so no row of the tables."""

from agents.registry import RegisteredAgent, register

register(
    RegisteredAgent(
        name="ppo",
        label="PPO",
        agent="agents.ppo_agent.agent:PPOAgent",
        config="agents.ppo_agent.configuration:PPOConfig",
        train="agents.ppo_agent.training:train",
        monitored=False,
    )
)
