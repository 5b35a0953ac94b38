"""ThorInteract: a Gymnasium environment in which an agent learns about objects by touching them.

Importing this package registers `ThorInteract-v0`, and `ThorInteract-AI2THOR-v0`, the same environment on
AI2-THOR, whose physics is not deterministic. `gymnasium.make("thor_interact_env:ThorInteract-v0")`
imports it first, which is what worker processes need.
"""

from gymnasium.envs.registration import register, registry

from thor_interact_env.simulators.triton_import import prepare_for_triton

__all__ = ["register_envs"]

_ENTRY_POINT = "thor_interact_env.env:ThorInteractEnv"


def register_envs() -> None:
    """Register the environments with Gymnasium; calling it again changes nothing."""
    if "ThorInteract-v0" not in registry:
        register(id="ThorInteract-v0", entry_point=_ENTRY_POINT)
    if "ThorInteract-AI2THOR-v0" not in registry:
        # Gymnasium knows an environment's determinism by its id, before any argument.
        register(
            id="ThorInteract-AI2THOR-v0",
            entry_point=_ENTRY_POINT,
            nondeterministic=True,
            kwargs={"simulator": "ai2thor"},
        )


register_envs()
prepare_for_triton()
