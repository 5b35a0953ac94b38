"""ThorInteract: a Gymnasium environment in which an agent learns about objects by touching them.

Importing this package registers `ThorInteract-v0`. `gymnasium.make("thor_interact_env:ThorInteract-v0")`
imports it first, which is what worker processes need.
"""

from gymnasium.envs.registration import register, registry

__all__ = ["register_envs"]


def register_envs() -> None:
    """Register the environments with Gymnasium; calling it again changes nothing."""
    if "ThorInteract-v0" not in registry:
        register(id="ThorInteract-v0", entry_point="thor_interact_env.env:ThorInteractEnv")


register_envs()
