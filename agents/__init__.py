"""Agents: what acts in the environment and proposes objects, and how the learning ones learn."""
