"""The learner of queried masks: its network, how instances are found, and the agent."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
