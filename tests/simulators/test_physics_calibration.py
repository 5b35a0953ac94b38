"""The calibration command, and that the forces tell the mass classes apart."""

import json

import pytest

from thor_interact_env.actions import FORCES
from thor_interact_env.errors import UnknownRoomError
from thor_interact_env.simulators.mujoco import calibrate
from thor_interact_env.simulators.mujoco.calibrate import Touch
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator


def made(mass, force, success, cells=30.0, overlap=None):
    return Touch("FloorPlan1", "Mug", mass, cells, force, 0, success, success, overlap)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return what the command wrote about a few rooms."""
    path = tmp_path_factory.mktemp("calibration") / "calibration.json"
    rooms = ["FloorPlan1", "FloorPlan7", "FloorPlan203", "FloorPlan308", "FloorPlan305", "FloorPlan9"]
    calibrate.main(["--rooms", *rooms, "--locations", "3", "--seed", "4", "--json", str(path)])
    return json.loads(path.read_text())


def test_success_rates_count_by_class_force_and_size():
    touches = [made(0.1, 0, True), made(0.1, 0, False), made(0.1, 0, True, cells=5), made(9.0, 2, True)]
    seen = {(rate.mass_class, rate.force): rate for rate in calibrate.success_rates(touches, 20)}
    assert (seen["light", 5.0].touches, seen["light", 5.0].successes) == (2, 1)
    assert (seen["heavy", 200.0].touches, seen["heavy", 200.0].successes) == (1, 1)
    assert calibrate.success_rates(touches)[0].touches == 3
    assert seen["medium", 30.0].touches == 0


def test_overlaps_are_means_of_successes():
    touches = [made(0.1, 0, True, overlap=0.5), made(0.1, 0, True, overlap=1.0), made(0.1, 0, False)]
    assert calibrate.mean_overlaps(touches) == [0.75, None, None]


def test_the_report_shows_every_class_twice():
    text = calibrate.report([made(0.1, 0, True), made(1.0, 1, True)])
    assert text.count("| light | ") == text.count("| heavy | ") == 2
    assert "| light | 1 each | 1.00 | - | - |" in text


def test_each_object_is_touched_with_each_force(written):
    touches = written["touches"]
    assert len(touches) >= 45 and len(touches) % len(FORCES) == 0
    for first in range(0, len(touches), len(FORCES)):
        group = touches[first : first + len(FORCES)]
        assert [touch["force"] for touch in group] == [0, 1, 2]
        assert len({(touch["type"], touch["cells"], touch["direction"]) for touch in group}) == 1
        assert all(touch["moved"] for touch in group if touch["success"])


def test_a_force_that_moves_its_class_mostly_spares_heavier_ones(written):
    rates = {
        (row["mass_class"], row["force"]): row["successes"] / row["touches"]
        for row in written["success_rates_seen"]
    }
    assert rates["heavy", 5.0] <= 0.1 < rates["heavy", 200.0]
    assert rates["heavy", 30.0] < rates["medium", 30.0]
    assert rates["medium", 5.0] < rates["light", 5.0]


def test_equal_seeds_measure_equal_touches():
    simulator = MujocoSimulator()
    first = calibrate.measure(simulator, ["FloorPlan2"], 1, seed=3)
    again = calibrate.measure(simulator, ["FloorPlan302", "FloorPlan2"], 1, seed=3)
    simulator.close()
    assert first and first == again[-len(first) :]


def test_refusals(capsys):
    simulator = MujocoSimulator()
    with pytest.raises(UnknownRoomError, match="FloorPlan77"):
        calibrate.measure(simulator, ["FloorPlan77"], 1)
    simulator.close()
    for arguments, named in (
        (["--locations", "0"], "0"),
        (["--seed", "-1"], "-1"),
        (["--json", "/nowhere/x.json"], "/nowhere"),
    ):
        with pytest.raises(SystemExit):
            calibrate.main(arguments)
        assert named in capsys.readouterr().err
