"""ThorInteract: a Gymnasium environment in which an agent learns about objects by touching them.

Importing this package registers `ThorInteract-v0`, and `ThorInteract-AI2THOR-v0`, the same environment on
AI2-THOR, whose physics is not deterministic. `gymnasium.make("thor_interact_env:ThorInteract-v0")`
imports it first, as worker processes need.
"""

from gymnasium.envs.registration import register, registry

from thor_interact_env.hidden import check_not_hidden
from thor_interact_env.simulators.triton_import import prepare_for_triton
from thor_interact_env.world import distribution_version

__all__ = ["__version__", "register_envs"]

__version__ = distribution_version("thor-interact")


def register_envs() -> None:
    """Register the environments with Gymnasium; a second call does nothing."""
    worlds: dict[str, dict[str, str]] = {
        "ThorInteract-v0": {},
        "ThorInteract-AI2THOR-v0": {"simulator": "ai2thor"},
    }
    for name, arguments in worlds.items():
        if name not in registry:
            register(
                id=name,
                entry_point="thor_interact_env.env:ThorInteractEnv",
                kwargs=arguments,
                # Gymnasium knows an environment's determinism by its id, before any argument.
                nondeterministic=bool(arguments),
                # Both wrappers reject a step after `set_state`, although it starts an episode like a reset.
                # The environment itself rejects a step before a start.
                order_enforce=False,
                disable_env_checker=True,
            )


check_not_hidden("selfsup")
register_envs()
prepare_for_triton()
