"""Which environment uses a simulator object: it holds one room, so two cannot have an episode in it."""

from typing import Final
from weakref import WeakValueDictionary

from gymnasium.error import ResetNeeded

from thor_interact_env.simulators.base import Simulator

# The last user by the identity of the simulator, which need be neither hashable nor weakly referable. While a
# user holds its simulator, no other object has this identity.
_USERS: Final[WeakValueDictionary[int, object]] = WeakValueDictionary()


def use_simulator(simulator: Simulator, user: object) -> Simulator:
    """Return a simulator that this user will load rooms in: the episode of another user in it ends.

    Args:
        simulator: The simulator.
        user: What loads the rooms, such as an environment; it holds the simulator.
    """
    _USERS[id(simulator)] = user
    return simulator


def check_user(simulator: Simulator, user: object) -> None:
    """Check that nothing else has used a simulator since `use_simulator`.

    Raises:
        ResetNeeded: Something else has; the episode of this user is lost.
    """
    if _USERS.get(id(simulator)) is not user:
        raise ResetNeeded(
            "another environment, or a reset that failed, has used this environment's simulator since its "
            "reset: call reset(), and give each environment a simulator object of its own, or a simulator "
            'by name such as "mujoco"'
        )
