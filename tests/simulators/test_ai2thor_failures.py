"""What the adapter to AI2-THOR does when its player, or the machine, does not do what it should.

The faults that a player can be asked for at any moment are in `tests/env/test_player_faults.py`.
"""

import os
import shlex
import signal
import socket
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import requests

from thor_interact_env.locations.location import Location

pytest.importorskip("ai2thor")
from ai2thor.controller import Controller
from thor_simulators import AWAY, FLAT_PLAYER, HERE, ON_MUG, ON_WALL, flat_simulator, one_sentence

from thor_interact_env.errors import (
    PlayerActionError,
    PlayerDiedError,
    PlayerError,
    PlayerProtocolError,
    PlayerStartError,
    PlayerTimeoutError,
    RenderingError,
    ThorInteractError,
    UnreachableLocationError,
)
from thor_interact_env.simulators.ai2thor.options import PlayerOptions
from thor_interact_env.simulators.ai2thor.player import Player


def test_a_players_failure_is_no_mistake_of_the_user():
    for kind in (
        PlayerStartError,
        PlayerDiedError,
        PlayerTimeoutError,
        PlayerProtocolError,
        PlayerActionError,
    ):
        assert issubclass(kind, PlayerError)
    assert not issubclass(PlayerError, ThorInteractError | RenderingError)


class TestAnswersThatLackSomething:
    @pytest.mark.parametrize(
        ("asked", "cause"),
        [
            ({"without": "rgb"}, "sent no colour image"),
            ({"without": "depth"}, "sent no depth image"),
            ({"without": "ids"}, "sent no instance image"),
            ({"fov": 60.0}, "a field of view of 60 degrees, not of 90"),
            ({"size": [200, 300]}, r"of \(200, 300\), not of \(300, 300\) pixels"),
        ],
    )
    def test_a_missing_image_is_named(self, tmp_path, asked, cause):
        with flat_simulator(tmp_path, asked=asked, restarts=0) as simulator:
            with pytest.raises(PlayerProtocolError, match=cause) as error:
                simulator.load(HERE)
            assert one_sentence(error.value)

    def test_an_action_that_the_player_does_not_know_is_named(self, tmp_path):
        with flat_simulator(tmp_path, asked={"refuses": "MakeAllObjectsMoveable"}) as simulator:
            with pytest.raises(PlayerActionError, match=r"MakeAllObjectsMoveable.*commit_id") as error:
                simulator.load(HERE)
            assert one_sentence(error.value)
            assert not simulator.world.player.running

    def test_a_spawn_that_fails_is_a_warning(self, tmp_path):
        with flat_simulator(tmp_path, asked={"fails": "InitialRandomSpawn"}) as simulator:
            with pytest.warns(RuntimeWarning, match="did not spawn FloorPlan1 with seed 7.*cannot be done"):
                seen = simulator.load(HERE)
            assert seen["rgb"].any()

    @pytest.mark.parametrize("field", ["mass", "objectType", "pickupable", "objectId"])
    def test_metadata_that_lacks_something_is_the_players_fault(self, tmp_path, field):
        with flat_simulator(tmp_path, asked={"lacks": field}, restarts=0) as simulator:
            with pytest.raises(PlayerProtocolError, match=rf"cannot be used .KeyError..{field}") as error:
                simulator.load(HERE)
                simulator.instances()
            assert one_sentence(error.value)

    def test_a_touch_is_never_made_from_another_place(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path, restarts=1) as simulator:
            simulator.load(HERE)
            expected = simulator.touch(*ON_MUG, 30.0, AWAY)
            simulator.load(HERE)
            simulator.world.close()
            play = simulator.world.play
            refused: list[Location] = []

            def refuse_once(location, touches):
                if not refused:
                    refused.append(location)
                    raise UnreachableLocationError("something is in the way")
                return play(location, touches)

            monkeypatch.setattr(simulator.world, "play", refuse_once)
            with pytest.warns(RuntimeWarning, match="could not be put back where it was"):
                after = simulator.touch(*ON_MUG, 30.0, AWAY)
            np.testing.assert_array_equal(after["rgb"], expected["rgb"])


def does_not_start(home, cause, **options):
    """Check that a player with these options cannot be started, and that the cause is told."""
    with flat_simulator(home, **options) as simulator, pytest.raises(PlayerStartError, match=cause) as error:
        simulator.load(HERE)
    assert one_sentence(error.value)


class TestStarting:
    def test_digits_in_the_cuda_variable_choose_no_gpu(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path) as simulator:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
            simulator.load(HERE)
            assert "-force-device-index" not in _command_line(simulator)

    def test_gpus_are_counted_among_all_whatever_cuda_shows(self, tmp_path, monkeypatch):
        folder = tmp_path / ".ai2thor"
        folder.mkdir()
        (folder / "cuda-vulkan-mapping.json").write_text('{"0": 4, "3": 7}')
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
        with flat_simulator(tmp_path, gpu_device=3) as simulator:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
            simulator.load(HERE)
            words = _command_line(simulator)
            assert words[words.index("-force-device-index") + 1] == "7"

    def test_a_variable_that_players_refuse_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AI2THOR_VISIBILITY_DISTANCE", "1.5")
        does_not_start(tmp_path, r"AI2THOR_VISIBILITY_DISTANCE='1.5'.*; unset AI2THOR_VISIBILITY_DISTANCE")

    def test_the_programs_that_find_gpus_leave_the_start_its_time(self, tmp_path, monkeypatch):
        _add_program(tmp_path, "vulkaninfo", "import time; time.sleep(3)")
        _add_program(tmp_path, "nvidia-smi", "import time; time.sleep(3)")
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        executable = PlayerOptions(local_executable_path=FLAT_PLAYER).executable()
        monkeypatch.setattr(Controller, "unity_command", lambda *_: shlex.split(executable))
        with flat_simulator(tmp_path, gpu_device=0, start_timeout=5) as simulator:
            simulator.load(HERE)

    def test_a_gpu_that_cannot_be_found_is_reported(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))  # neither vulkaninfo nor nvidia-smi
        does_not_start(tmp_path, r"vulkaninfo.*doctor", gpu_device=0)

    def test_a_program_that_looks_for_gpus_and_hangs_is_reported(self, tmp_path, monkeypatch):
        _add_program(tmp_path, "vulkaninfo", "import time; time.sleep(60)")
        monkeypatch.setenv("PATH", str(tmp_path))
        does_not_start(tmp_path, r"`vulkaninfo`, .* did not end within 1 s", gpu_device=0, start_timeout=1)

    def test_a_gpu_that_there_is_not_is_named(self, tmp_path):
        folder = tmp_path / ".ai2thor"
        folder.mkdir()
        (folder / "cuda-vulkan-mapping.json").write_text('{"0": 0}')
        does_not_start(tmp_path, r"gpu_device 5 is not one of the GPUs in .*mapping", gpu_device=5)

    def test_without_a_build_and_without_a_network_both_are_named(self, tmp_path, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        options = {"local_executable_path": None, "commit_id": "0" * 40}
        does_not_start(tmp_path, r"no build of AI2-THOR.*cannot be reached", **options)

    def test_a_build_that_nobody_has_is_named(self, tmp_path, monkeypatch):
        answer = requests.Response()
        answer.status_code = 404
        monkeypatch.setattr(requests, "head", lambda url, timeout: answer)
        options = {"local_executable_path": None, "commit_id": "0" * 40}
        does_not_start(tmp_path, r"Invalid commit_id: 0{40}", **options)

    def test_an_x_server_that_does_not_answer_is_reported(self, tmp_path):
        (tmp_path / ".ai2thor" / "releases" / "thor-Linux64-abc").mkdir(parents=True)
        options: dict[str, Any] = {"local_executable_path": None, "commit_id": "abc", "platform": "Linux64"}
        with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and says nothing
            display = silent.getsockname()[1] - 6000  # TCP display N listens on port 6000 + N
            options |= {"x_display": f"127.0.0.1:{display}", "start_timeout": 2}
            cause = (
                rf"the X server of display 127.0.0.1:{display} did not answer within 2 s: .*CloudRendering"
            )
            does_not_start(tmp_path, cause, **options)

    def test_an_x_server_that_there_is_not_is_reported(self, tmp_path):
        (tmp_path / ".ai2thor" / "releases" / "thor-Linux64-abc").mkdir(parents=True)
        options = {"local_executable_path": None, "commit_id": "abc", "platform": "Linux64"}
        does_not_start(tmp_path, r"Invalid display: :4321", x_display=":4321", **options)

    def test_a_build_that_knows_no_pipes_is_reported(self, tmp_path, monkeypatch):
        from ai2thor.platform import CloudRendering

        monkeypatch.setattr(CloudRendering, "validate", lambda request: [])
        folder = tmp_path / ".ai2thor" / "releases" / "thor-CloudRendering-abc"
        folder.mkdir(parents=True)
        (folder / "metadata.json").write_text('{"server_types": ["WSGI"]}')
        options = {"local_executable_path": None, "commit_id": "abc", "platform": "CloudRendering"}
        does_not_start(tmp_path, r"named pipes; choose a later commit_id", **options)

    def test_a_local_build_is_told_the_quality(self, tmp_path):
        # The command line says it too, which a build for CloudRendering ignores, as this player does.
        for quality, grey in (("Very Low", 60), ("Ultra", 90)):
            with flat_simulator(tmp_path, quality=quality) as simulator:
                assert tuple(simulator.load(HERE)["rgb"][ON_WALL]) == (grey, grey, grey)

    def test_a_home_that_cannot_be_written_to_is_reported(self, tmp_path, monkeypatch):
        with flat_simulator(tmp_path) as simulator:
            (tmp_path / "file").touch()
            monkeypatch.setenv("HOME", str(tmp_path / "file"))
            with pytest.raises(PlayerStartError, match="could not be started"):
                simulator.load(HERE)

    def test_unitys_own_log_is_named_if_it_was_written(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        player = Player(PlayerOptions(local_executable_path=FLAT_PLAYER), 10.0)
        assert player.log() == tmp_path / ".ai2thor" / "log" / "unity.log"
        folder = tmp_path / ".config/unity3d/Allen Institute for Artificial Intelligence/AI2-THOR"
        folder.mkdir(parents=True)
        (folder / "Player.log").touch()
        assert player.log() == folder / "Player.log"


class TestFailingLater:
    def test_restarts_are_counted_for_each_episode(self, tmp_path):
        crash = {"kind": "crash", "action": "TouchThenApplyForce", "after": 0}
        with flat_simulator(tmp_path, faults=[crash, None, None, crash, None], restarts=1) as simulator:
            simulator.load(HERE)
            with pytest.warns(RuntimeWarning, match=r"1 of at most 1 times"):
                simulator.touch(*ON_MUG, 30.0, AWAY)
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with pytest.raises(PlayerDiedError, match="exit code -9") as error:
                simulator.touch(*ON_MUG, 30.0, AWAY)
            assert one_sentence(error.value)
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                before = simulator.load(HERE)  # a new episode, a new player
            os.kill(simulator.world.player.process_id, signal.SIGKILL)
            with (
                warnings.catch_warnings(record=True),
                pytest.raises(PlayerDiedError),
            ):
                simulator.touch(*ON_MUG, 30.0, AWAY)  # its successor crashes as well
            assert simulator.touch(*ON_MUG, 30.0, AWAY) is not before  # asked again, it goes on

    def test_a_new_player_that_does_not_start_is_one_of_the_attempts(self, tmp_path):
        crash = {"kind": "crash", "action": "TouchThenApplyForce", "after": 0}
        with flat_simulator(tmp_path, faults=[crash, {"kind": "exits", "code": 3}, None]) as simulator:
            before = simulator.load(HERE)
            with pytest.warns(RuntimeWarning, match=r"of at most 3 times") as caught:
                after = simulator.touch(*ON_MUG, 30.0, AWAY)
            assert len(caught) == 2
            assert not np.array_equal(before["rgb"], after["rgb"])

    def test_a_forked_child_starts_a_player_of_its_own(self, tmp_path):
        with flat_simulator(tmp_path) as simulator:
            simulator.load(HERE)
            child = os.fork()
            if not child:  # in the child: nothing of the test's own machinery may run
                try:
                    shared = simulator.world.player.running
                    simulator.touch(*ON_MUG, 30.0, AWAY)
                    fine = not shared and simulator.world.player.running
                    simulator.close()
                    os._exit(0 if fine else 1)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
            process = simulator.world.player.process_id
            simulator.touch(*ON_MUG, 30.0, AWAY)
            assert simulator.world.player.process_id == process  # untouched by what the child did

    def test_an_interruption_leaves_no_player_that_is_out_of_step(self, tmp_path):
        stall = {"kind": "stall", "action": "TouchThenApplyForce", "after": 0}
        with flat_simulator(tmp_path, faults=[stall]) as simulator:
            before = simulator.load(HERE)
            process = simulator.world.player.process_id

            def interrupt(*_):
                raise KeyboardInterrupt

            previous = signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            try:
                with pytest.raises(KeyboardInterrupt):
                    simulator.touch(*ON_MUG, 30.0, AWAY)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, previous)
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
            assert simulator.touch(*ON_MUG, 30.0, AWAY) is not before


def _add_program(folder, name, text):
    program = folder / name
    program.write_text(f"#!{sys.executable}\n{text}\n")
    program.chmod(0o755)


def _command_line(simulator):
    from pathlib import Path

    return Path(f"/proc/{simulator.world.player.process_id}/cmdline").read_text().split("\0")


if sys.platform != "linux":
    pytest.skip("the processes are looked at in /proc", allow_module_level=True)
