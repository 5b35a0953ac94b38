"""Agents: what acts in the environment and proposes objects, and how the learning ones learn."""

import lazy_loader

# First of all: it lets triton, which torch brings, be imported although something has been drawn.
import thor_interact_env  # noqa: F401

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
