"""What the doctor says about a machine, and its exit code."""

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_lines import exit_code

from thor_interact_env import doctor
from thor_interact_env.doctor import Finding, examine_ai2thor, examine_embedded, main, works
from thor_interact_env.simulators.mujoco import golden
from thor_interact_env.world import WORLD_VERSION

GOOD = {
    **{"room": "FloorPlan1", "seconds": 0.5, "view_ms": 20.0, "renderer": "Some GPU", "backend": "egl"},
    "world": {"same": True, "detail": "version 1", "remedy": ""},
}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with an empty home on which processes answer what the test says, by simulator."""
    asked: list[tuple[str, dict[str, Any]]] = []
    answers: dict[str, Any] = {"mujoco": GOOD, "ai2thor": GOOD, "asked": asked}

    def answer(command, timeout):
        simulator, options = (command[command.index(word) + 1] for word in ("--try-simulator", "--options"))
        asked.append((simulator, json.loads(options)))
        return answers[simulator]

    monkeypatch.setattr(doctor, "ask_process", answer)
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("THOR_INTERACT_AI2THOR", raising=False)
    return answers


def is_running(process):
    """Whether there is such a process, and it is no corpse."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def by_name(findings):
    return {finding.name: finding for finding in findings}


class TestEmbedded:
    def test_it_really_renders_a_view(self):
        findings = by_name(examine_embedded())
        assert findings["embedded simulator"].status in ("ok", "slow")
        assert "FloorPlan1" in findings["embedded simulator"].detail
        same = all(golden.recorded()[name] == release for name, release in golden.releases().items())
        assert findings["world"].status == "ok" or not same
        assert f"version {WORLD_VERSION}" in findings["world"].detail
        assert bool(findings["world"].remedy) == (findings["world"].status == "failed")
        assert findings["OpenGL"].detail
        software = any(name in findings["OpenGL"].detail.lower() for name in doctor.SOFTWARE_RASTERISERS)
        assert findings["OpenGL"].status == ("slow" if software else "ok")

    @pytest.mark.parametrize(
        ("renderer", "status"),
        [("llvmpipe (LLVM 15.0.6, 256 bits)", "slow"), ("NVIDIA A100/PCIe/SSE2", "ok"), ("softpipe", "slow")],
    )
    def test_a_software_rasteriser_is_called_slow_and_works(self, machine, renderer, status):
        machine["mujoco"] = {**GOOD, "renderer": renderer}
        findings = examine_embedded()
        assert by_name(findings)["OpenGL"].status == status
        assert bool(by_name(findings)["OpenGL"].remedy) == (status == "slow")
        assert works(findings)

    def test_another_world_is_told_with_its_remedy(self, machine):
        machine["mujoco"] = {**GOOD, "world": {"same": False, "detail": "motion differs", "remedy": "this"}}
        findings = examine_embedded()
        assert by_name(findings)["world"] == Finding("world", "failed", "motion differs", "this")
        assert works(findings)

    def test_a_fault_is_told_with_its_remedy(self, machine):
        machine["mujoco"] = {"error": "no context"}
        finding = by_name(examine_embedded())["embedded simulator"]
        assert (finding.status, finding.detail) == ("failed", "no context")
        assert "libegl1" in finding.remedy

    def test_a_driver_that_crashes_is_reported(self, monkeypatch):
        crash = [sys.executable, "-c", "import os; os.abort()"]
        monkeypatch.setattr(doctor, "view_command", lambda simulator, options: crash)
        finding = by_name(examine_embedded())["embedded simulator"]
        assert finding.status == "failed" and "exit code -6" in finding.detail

    def test_a_driver_that_hangs_is_reported_and_leaves_nothing(self, tmp_path):
        note = tmp_path / "pid"
        start = (
            f"import subprocess; print(subprocess.Popen(['sleep', '60']).pid, file=open({str(note)!r}, 'w'))"
        )
        hang = [sys.executable, "-c", f"{start}; import time; time.sleep(60)"]
        assert "within 5 s" in doctor.ask_process(hang, 5)["error"]
        for _ in range(100):  # init, or another process that adopts it, takes some time
            if not is_running(int(note.read_text())):
                return
            time.sleep(0.05)
        pytest.fail("what the process had started goes on")


class TestAi2thor:
    def test_each_missing_requirement_has_a_remedy(self, machine):
        findings = examine_ai2thor(False, None, 10)
        for finding in findings:
            if finding.status in ("missing", "failed"):
                assert finding.remedy.endswith(".")
                assert "\n" not in finding.remedy
        named = by_name(findings)
        assert named["Unity build"].status == named["Vulkan"].status == named["X display"].status == "missing"

    @pytest.mark.parametrize("home", [None, "/" + "x" * 5000])
    def test_without_a_home_it_says_what_to_set(self, machine, monkeypatch, home):
        """A user whom the system does not know, as in containers; and a folder that cannot be looked into."""
        monkeypatch.delenv("HOME")
        if home is not None:
            monkeypatch.setenv("HOME", home)
        monkeypatch.setattr(pwd, "getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
        build = by_name(examine_ai2thor(False, None, 10))["Unity build"]
        assert build.status == "missing"
        assert build.detail == "HOME is not set" if home is None else "File name too long" in build.detail
        assert build.remedy.startswith("set HOME to a folder") and build.remedy.endswith(".")

    def test_a_client_that_is_not_installed_is_missing(self, machine, monkeypatch):
        def absent(name):
            raise doctor.importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(doctor.importlib.metadata, "version", absent)
        named = by_name(examine_ai2thor(True, None, 10))
        assert named["AI2-THOR's client"].status == "missing"
        assert 'pip install "thor-interact[thor]"' in named["AI2-THOR's player"].remedy
        assert machine["asked"] == []

    def test_builds_and_displays_are_found(self, machine, monkeypatch, tmp_path):
        pytest.importorskip("ai2thor")
        monkeypatch.setenv("THOR_INTERACT_AI2THOR", json.dumps({"commit_id": "abc"}))
        releases = tmp_path / ".ai2thor" / "releases"
        (releases / "thor-CloudRendering-abc").mkdir(parents=True)
        named = by_name(examine_ai2thor(True, None, 10))
        assert named["Unity build"] == Finding("Unity build", "ok", "thor-CloudRendering-abc")
        assert named["AI2-THOR's player"].detail == "for lack of: Vulkan"
        assert machine["asked"] == []
        monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: "libvulkan.so.1")
        assert by_name(examine_ai2thor(False, None, 10))["AI2-THOR's player"].status == "untried"
        assert machine["asked"] == []
        monkeypatch.setenv("DISPLAY", ":7")  # now the build for X is wanted, and there is none
        named = by_name(examine_ai2thor(True, None, 10))
        assert named["X display"].detail == ":7"
        assert "thor-Linux64-abc is missing" in named["Unity build"].detail
        assert "has thor-CloudRendering-abc" in named["Unity build"].detail
        assert named["AI2-THOR's player"].detail == "for lack of: Unity build"
        assert machine["asked"] == []
        (releases / "thor-Linux64-abc").mkdir()
        assert by_name(examine_ai2thor(True, None, 10))["AI2-THOR's player"].status == "ok"
        ((_, options),) = machine["asked"]
        assert "local_executable_path" not in options

    def test_the_build_of_another_commit_is_none(self, machine, monkeypatch, tmp_path):
        pytest.importorskip("ai2thor")
        monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: "libvulkan.so.1")
        (tmp_path / ".ai2thor" / "releases" / "thor-CloudRendering-abc").mkdir(parents=True)
        named = by_name(examine_ai2thor(True, None, 10))
        assert named["Unity build"].status == named["AI2-THOR's player"].status == "missing"
        assert machine["asked"] == []

    def test_the_player_of_the_machine_is_known(self, machine, monkeypatch):
        pytest.importorskip("ai2thor")
        monkeypatch.setenv("THOR_INTERACT_AI2THOR", json.dumps({"local_executable_path": sys.executable}))
        assert by_name(examine_ai2thor(True, None, 10))["AI2-THOR's player"].status == "ok"
        ((_, options),) = machine["asked"]
        assert options["local_executable_path"] == sys.executable
        assert by_name(examine_ai2thor(False, None, 10))["Unity build"].detail == sys.executable
        monkeypatch.setenv("THOR_INTERACT_AI2THOR", "player")
        named = by_name(examine_ai2thor(True, None, 10))
        finding = named["AI2-THOR's player"]
        assert finding.status == "failed" and "unset THOR_INTERACT_AI2THOR" in finding.remedy
        assert named["Vulkan"].status == "missing"  # the rest is told as ever
        monkeypatch.setenv("THOR_INTERACT_AI2THOR", json.dumps({"local_executable_path": "/nowhere/player"}))
        named = by_name(examine_ai2thor(False, None, 10))
        assert "'/nowhere/player' does not exist" in named["AI2-THOR's player"].detail
        assert named["Unity build"].status == "missing"
        named = by_name(examine_ai2thor(False, "/nowhere/player", 10))
        assert named["Unity build"].status == "missing" and "does not exist" in named["Unity build"].detail

    def test_a_player_is_really_started(self, tmp_path):
        pytest.importorskip("ai2thor")
        from player_launcher import client_environment
        from thor_simulators import FLAT_PLAYER

        with client_environment(tmp_path):
            player = by_name(examine_ai2thor(True, FLAT_PLAYER, 60))["AI2-THOR's player"]
            assert player.status == "ok", player
            missing = by_name(examine_ai2thor(True, "/nowhere/player", 60))["AI2-THOR's player"]
            assert missing.status == "failed"
            assert "'/nowhere/player' does not exist" in missing.detail


class TestVerdict:
    def test_one_simulator_is_enough(self, machine, capsys):
        machine["ai2thor"] = {"error": "broken"}
        assert exit_code(main, "--executable", sys.executable) == 0
        machine["mujoco"], machine["ai2thor"] = {"error": "broken"}, GOOD
        pytest.importorskip("ai2thor")
        assert exit_code(main, "--executable", sys.executable) == 0
        machine["ai2thor"] = {"error": "broken"}
        assert exit_code(main, "--executable", sys.executable) == 1
        assert "No simulator works" in capsys.readouterr().out

    def test_a_player_is_started_unasked_only_where_the_embedded_simulator_fails(self, machine, monkeypatch):
        pytest.importorskip("ai2thor")
        monkeypatch.setenv("THOR_INTERACT_AI2THOR", json.dumps({"local_executable_path": sys.executable}))
        assert exit_code(main) == 0
        assert [name for name, _ in machine["asked"]] == ["mujoco"]
        machine["mujoco"] = {"error": "broken"}
        assert exit_code(main) == 0
        assert [name for name, _ in machine["asked"]] == ["mujoco", "mujoco", "ai2thor"]

    def test_json_says_the_same(self, machine, capsys):
        assert exit_code(main, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["works"] is True
        assert {"name": "MuJoCo", "status": "ok"}.items() <= report["findings"][0].items()
        assert set(report["findings"][0]) == {"name", "status", "detail", "remedy"}

    def test_the_text_names_every_finding_and_remedy(self, machine, capsys):
        exit_code(main)
        text = capsys.readouterr().out
        for finding in doctor.examine():
            assert finding.detail in text
            assert finding.remedy in text

    @pytest.mark.parametrize("words", [["--timeout", "0"], ["--timeout", "x"], ["--no-such"], ["extra"]])
    def test_a_mistake_is_one_line(self, words, capsys):
        assert exit_code(main, *words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1

    def test_it_runs_as_a_module_with_no_image_to_be_had(self, tmp_path):
        environment = {**os.environ, "MUJOCO_GL": "no-such-backend", "HOME": str(tmp_path)}
        environment.pop("DISPLAY", None)
        done = subprocess.run(
            [sys.executable, "-m", "thor_interact_env.doctor"],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert done.returncode == 1
        assert "MUJOCO_GL is 'no-such-backend'" in done.stdout
        assert "-> unset it, or set it to one of egl, osmesa, glfw.\n" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
