"""Looking at rooms, in this process or another, as bytes to compare."""

from hashlib import sha256

from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mujoco.drawing.drawing_thread import drawing_thread
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOMS = ("FloorPlan402", "FloorPlan7")


def place(simulator: MujocoSimulator, room: str) -> Location:
    position = simulator.reachable_positions(room, 1)[0]
    return Location(room, tuple(position.tolist()), 90.0, 30.0, 1)


def look_with(simulator: MujocoSimulator, room: str) -> tuple[bytes, bytes]:
    """Look at a room and draw it again, even if it is loaded."""
    simulator.load(place(simulator, room))
    seen = simulator.set_state(simulator.get_state())
    return seen["rgb"].tobytes(), seen["depth"].tobytes()


def look(room: str) -> tuple[bytes, bytes]:
    """Look at a room in a simulator of its own."""
    simulator = MujocoSimulator(room_cache=1)
    seen = look_with(simulator, room)
    simulator.close()
    return seen


def digest(seen: tuple[bytes, bytes]) -> str:
    return sha256(b"".join(seen)).hexdigest()


def uploads() -> int:
    """Return how many rooms take up memory of OpenGL."""
    return drawing_thread.call(lambda: drawing_thread.kept)
