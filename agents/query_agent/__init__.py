"""The learner of queried masks: its network, how instances are found, and the agent."""
