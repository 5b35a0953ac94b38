"""Agents: what acts in the environment and proposes objects, and how the learning ones learn."""

# First of all: it lets triton, which torch brings, be imported although something has been drawn.
import thor_interact_env  # noqa: F401
