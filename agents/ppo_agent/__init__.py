"""PPO of Stable-Baselines3, rewarded for touches that move objects. `python -m agents.ppo_agent`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
