"""The options with which AI2-THOR's player is started."""

import math
import pickle
import pwd
import sys
from pathlib import Path
from typing import get_args

import pytest
from gymnasium.error import DependencyNotInstalled

from thor_interact_env.errors import InvalidOptionError, PlayerStartError
from thor_interact_env.simulators import make_simulator
from thor_interact_env.simulators.ai2thor.options import VARIABLE, PlayerOptions, Quality, player_options
from thor_interact_env.simulators.ai2thor.simulator import Ai2thorSimulator

pytest.importorskip("ai2thor")


def test_a_client_without_a_home_is_not_started(monkeypatch):
    """It would make a folder named ~ wherever it runs."""
    options = PlayerOptions(local_executable_path="/bin/true")
    assert options.of_controller()["local_executable_path"] == "/bin/true"
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    with pytest.raises(InvalidOptionError, match="HOME is not set; set HOME to a folder"):
        options.of_controller()
    simulator = make_simulator("ai2thor", local_executable_path="/bin/true")
    with pytest.raises(PlayerStartError, match=r"could not be started .*set HOME to a folder.*its log is ~"):
        simulator.reachable_positions("FloorPlan1", 0)


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"platform": "WebGL"}, "platform 'WebGL' is not one of Linux64, CloudRendering"),
            ({"gpu_device": -1}, "gpu_device -1"),
            ({"quality": "Best"}, "quality 'Best' is not one of Very Low,.* Ultra"),
            ({"start_timeout": 0}, "start_timeout 0"),
            ({"step_timeout": float("inf")}, "step_timeout inf"),
            ({"restarts": -1}, "restarts -1"),
            ({"settle_seconds": 0}, "settle_seconds 0 is not a positive"),
            ({"reach": 0}, "reach 0"),
            ({"reach_from": "hand"}, "reach_from 'hand'"),
            ({"commit_id": ""}, "commit_id ''"),
            ({"local_executable_path": "/nowhere/player"}, "'/nowhere/player' does not exist"),
            ({"local_executable_path": __file__}, "chmod"),
            ({"local_executable_path": 5}, "local_executable_path 5 is neither"),
            ({"local_executable_path": b"/bin/true"}, "local_executable_path b'/bin/true' is neither"),
            ({"local_executable_path": "player 'a"}, "close the quotation"),
        ],
    )
    def test_a_wrong_one_is_named(self, options, message):
        with pytest.raises(InvalidOptionError, match=message):
            make_simulator("ai2thor", **options)

    def test_the_clients_qualities_are_allowed(self):
        from ai2thor.controller import QUALITY_SETTINGS

        assert set(get_args(Quality)) == set(QUALITY_SETTINGS) - {"DONOTUSE"}

    def test_a_copy_has_the_same_ones(self):
        options = {
            "local_executable_path": sys.executable,
            "reach": math.inf,
            "quality": "Low",
            "restarts": 1,
        }
        simulator = make_simulator("ai2thor", settle_seconds=0.5, reach_from="near_plane", **options)
        assert isinstance(simulator, Ai2thorSimulator)
        copy = pickle.loads(pickle.dumps(simulator))
        assert copy.reach == simulator.reach
        assert copy.arguments == simulator.arguments
        assert copy.arguments.items() >= options.items()

    def test_a_path_may_hold_spaces(self, tmp_path):
        program = tmp_path / "my player"
        program.write_text(f"#!{sys.executable}\n")
        program.chmod(0o755)
        assert PlayerOptions(local_executable_path=program).executable() == f"'{program}'"

    def test_a_player_of_the_current_folder_is_found(self, tmp_path, monkeypatch):
        (tmp_path / "player").write_text(f"#!{sys.executable}\n")
        (tmp_path / "player").chmod(0o755)
        monkeypatch.chdir(tmp_path)
        for name in ("player", "./player", Path("./player")):
            assert PlayerOptions(local_executable_path=name).executable() == str(tmp_path / "player")

    def test_which_build_is_taken(self, monkeypatch):
        from ai2thor.platform import CloudRendering, Linux64

        monkeypatch.delenv("DISPLAY", raising=False)
        assert PlayerOptions().of_controller()["platform"] is CloudRendering
        assert PlayerOptions(platform="Linux64").of_controller()["platform"] is Linux64
        assert PlayerOptions(commit_id="abc", gpu_device=2).of_controller() == {
            "quality": "Ultra",
            "gpu_device": 2,
            "platform": CloudRendering,
            "x_display": None,
            "commit_id": "abc",
        }
        monkeypatch.setenv("DISPLAY", ":3")
        assert PlayerOptions().of_controller()["platform"] is Linux64
        local = PlayerOptions(local_executable_path=sys.executable, x_display=":4").of_controller()
        assert "platform" not in local
        assert local["x_display"] == ":4"

    def test_a_machine_has_its_own_for_every_command(self, monkeypatch):
        assert player_options() == {}
        monkeypatch.setenv(VARIABLE, '{"local_executable_path": "/nowhere/player", "restarts": 1}')
        with pytest.raises(InvalidOptionError, match="'/nowhere/player' does not exist"):
            make_simulator("ai2thor")
        simulator = make_simulator("ai2thor", local_executable_path=sys.executable)
        assert isinstance(simulator, Ai2thorSimulator) and simulator.arguments["restarts"] == 1
        simulator.close()

    @pytest.mark.parametrize("text", ["/opt/player", "[]", '{"reach": 3}'])
    def test_a_wrong_variable_is_named(self, monkeypatch, text):
        monkeypatch.setenv(VARIABLE, text)
        with pytest.raises(InvalidOptionError, match=rf"{VARIABLE} .* for example: export {VARIABLE}="):
            make_simulator("ai2thor")

    def test_a_missing_client_names_the_extra(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "ai2thor.controller", None)
        with pytest.raises(DependencyNotInstalled, match=r'pip install "thor-interact\[thor\]"'):
            make_simulator("ai2thor")
