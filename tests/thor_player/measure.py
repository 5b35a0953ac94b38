"""Measure what AI2-THOR's client and protocol cost over the embedded simulator: start, and one step.

Run `python tests/thor_player/measure.py`. A step is a touch with image, depth and identifiers: through the
adapter, the client and the player on one side, `MujocoSimulator.touch` and the rendering of the identifiers
on the other, the same touches of the same room. On a machine that does other things as well look at the
processor time (client and player together); wall time is the median.
"""

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "env"))
sys.path.insert(0, str(Path(__file__).parents[2]))

from player_launcher import PLAYER_COMMAND, client_environment

from thor_interact_env.actions import REACH
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator

ROOM, SEED, TOUCHES, REPEATS = "FloorPlan1", 3, 60, 200


def processor_seconds(pid: int) -> float:
    """Return the processor time that another process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Wall and processor time of repeated calls.

    Args:
        player: Process whose processor time counts as well, if any.
    """

    def __init__(self, player: int | None = None) -> None:
        """Remember the process."""
        self._player = player

    def _processor(self) -> float:
        own = resource.getrusage(resource.RUSAGE_SELF)
        other = processor_seconds(self._player) if self._player else 0.0
        return own.ru_utime + own.ru_stime + other

    def run(self, name: str, calls: Sequence[Callable[[], object]]) -> tuple[float, float]:
        """Call each once; print and return the median wall and the mean processor time in milliseconds."""
        walls, start = [], self._processor()
        for call in calls:
            before = time.perf_counter()
            call()
            walls.append(1000 * (time.perf_counter() - before))
        wall, processor = statistics.median(walls), 1000 * (self._processor() - start) / len(calls)
        print(f"{name:60s} wall {wall:7.2f} (minimum {min(walls):6.2f})  processor {processor:7.2f} ms")
        return wall, processor


def main() -> None:
    """Measure and print."""
    from ai2thor.controller import Controller

    with tempfile.TemporaryDirectory() as home, client_environment(Path(home)):
        start = time.perf_counter()
        client = Controller(
            local_executable_path=PLAYER_COMMAND,
            x_display=":0",
            scene=ROOM,
            width=300,
            height=300,
            visibilityDistance=10,
            renderDepthImage=True,
            renderInstanceSegmentation=True,
        )
        ready, player = time.perf_counter() - start, client.unity_pid
        print(f"start to ready: {ready:.2f} s, of it {processor_seconds(player):.2f} s processor time")

        embedded = MujocoSimulator(reach=REACH, touch_at="center_of_mass")
        x, y, z = embedded.reachable_positions(ROOM, SEED)[7]
        location = Location(ROOM, (x, y, z), 270, 30, SEED)
        embedded.load(location)
        adapter = Ai2thorSimulator(local_executable_path=PLAYER_COMMAND)
        adapter.load(location)
        pixels = np.random.default_rng(0).integers(0, 300, (TOUCHES, 2)).tolist()
        asks = adapter.world.player
        counted = patch.object(asks, "step", wraps=asks.step)

        def through(row: int, column: int) -> None:
            adapter.touch(row, column, 200.0, np.ones(3))

        def alone(row: int, column: int) -> None:
            embedded.touch(row, column, 200.0, np.ones(3))
            embedded.instances()

        both, own = Stopwatch(asks.process_id), Stopwatch()
        calls = [[partial(how, *pixel) for pixel in pixels] for how in (through, alone)]
        with counted as step:
            first = both.run("touch through adapter, client and player, with depth and ids", calls[0])
        second = own.run("touch and instances of the embedded simulator", calls[1])
        print(f"difference: wall {first[0] - second[0]:.2f}, processor {first[1] - second[1]:.2f} ms")
        moved = (len(adapter.get_state()) - 7) // 7
        looks = [call.args[0] for call in step.call_args_list].count("AdvancePhysicsStep")
        print(f"{moved} of {TOUCHES} touches met what can move; each took {looks / max(1, moved):.1f} looks")
        adapter.close()
        both = Stopwatch(player)
        both.run("Pass: the protocol alone (990 kB)", [lambda: client.step("Pass")] * REPEATS)
        both.run("Pass without images", [lambda: client.step("Pass", renderImage=False)] * REPEATS)
        both.run("GetReachablePositions: a patch", [lambda: client.step("GetReachablePositions")] * REPEATS)
        embedded.close()
        client.stop()


if __name__ == "__main__":
    main()
