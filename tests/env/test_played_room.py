"""A room that is touched by hand: outcomes, undo, score, and recordings that replay."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from env_makers import idle_actions, moving_actions
from fake_simulator import SIDE, FakeSimulator, touch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from thor_interact_env.actions import AGENT_HEIGHT_Y, DIRECTIONS
from thor_interact_env.env import ThorInteractEnv
from thor_interact_env.errors import InvalidActionError, UnknownRoomError, UnreachableLocationError
from thor_interact_env.locations.location import Location
from thor_interact_env.play.outcome import OutcomeKind, in_words, outcome_of
from thor_interact_env.play.played_room import MAX_TOUCHES, ROUND, PlayedRoom, PlayError
from thor_interact_env.play.sessions import make_environment
from thor_interact_env.recording import digest

ROOT = Path(__file__).parents[2]
LEFT, RIGHT = 0, 4
"""Directions to either side."""


def toy_environment():
    return ThorInteractEnv(FakeSimulator(), interactions=MAX_TOUCHES, record_motion=True)


@pytest.fixture
def played():
    env = toy_environment()
    room = PlayedRoom(env)
    room.start(0)
    yield room, env.simulator
    room.close()


def replayed(recording, env):
    """Return what an environment without motion says to a recording."""
    plain = ThorInteractEnv(env, interactions=max(len(recording.actions), 1))
    first = digest(plain.reset(seed=recording.seed, options=recording.options))
    return first, *(digest(plain.step(np.array(action))) for action in recording.actions)


def test_each_outcome_is_said(played):
    room, simulator = played
    wall = np.argwhere(room.view["depth"] == 3)[0]
    table = np.argwhere((room.view["depth"] > 1) & (room.view["depth"] < 1.5))[-1]
    expected = [
        ("out of reach", [*wall, 2, 0]),
        ("not movable", [*table, 2, 0]),
        ("too weak", touch_of(simulator, 2, 0)),
        ("success", touch_of(simulator, 0, 0)),
    ]
    for kind, action in expected:
        touch, frames = room.touch([int(part) for part in action])
        assert touch.outcome.kind == kind
        assert (len(frames) > 0) == touch.mask.any() == (kind == "success")
    assert [each.object_type for each in room.touches] == [None, None, "Chair", "Pen"]
    assert room.touches[2].outcome.sentence == "The chair did not move: 5 N is too weak."


@pytest.mark.parametrize(
    ("success", "moved", "changed", "kind"),
    [
        (True, True, True, "success"),
        (False, True, True, "too little"),
        (False, True, False, "not visible"),
        (False, False, False, "too weak"),
    ],
)
def test_what_moved_too_little_is_told_from_what_cannot_be_seen(
    success: bool, moved: bool, changed: bool, kind: OutcomeKind
) -> None:
    # What has moved was in reach, whatever its depth is rounded to.
    distance = 1.51 if moved else 1.0
    outcome = outcome_of(success, moved, changed, distance, 1.5, 1, "Mug")
    assert outcome.kind == kind and "mug" in outcome.sentence.lower()


@pytest.mark.parametrize(
    ("name", "words"), [("Mug", "mug"), ("AlarmClock", "alarm clock"), ("CD", "CD"), ("TVStand", "TV stand")]
)
def test_object_types_in_words(name, words):
    assert in_words(name) == words


def test_a_touch_outside_the_action_space_changes_nothing(played):
    room, _ = played
    with pytest.raises(InvalidActionError, match="row 300"):
        room.touch([300, 0, 0, 0])
    assert room.touches == []


@given(touched=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([LEFT, RIGHT])), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_undo_goes_back_through_every_view(touched):
    env = toy_environment()
    room = PlayedRoom(env)
    room.start(4)
    states, views = [], []
    for index, direction in touched:
        states.append(digest(env.get_state()))
        views.append(digest(dict(room.view)))
        room.touch(touch_of(env.simulator, index, 2, direction))
    while room.touches:
        last = room.touches[-1]
        assert room.undo() is last
        assert digest(env.get_state()) == states.pop()
        assert digest(dict(room.view)) == views.pop()
    with pytest.raises(PlayError, match="no touch to undo"):
        room.undo()
    room.close()


def test_touches_after_an_undo_are_those_without_it(played):
    room, simulator = played
    room.touch(touch_of(simulator, 0, 2, RIGHT))
    room.touch(touch_of(simulator, 1, 2, LEFT))
    room.undo()
    room.touch(touch_of(simulator, 2, 2, RIGHT))
    recording = room.recording()
    assert len(recording.actions) == 2
    assert tuple(recording.sha256) == replayed(recording, FakeSimulator())


def test_a_recording_without_a_touch_is_that_of_the_first_view(played):
    room, _ = played
    recording = room.recording()
    assert recording.actions == [] and tuple(recording.sha256) == replayed(recording, FakeSimulator())


def test_the_score_counts_distinct_objects_of_the_first_touches(played):
    room, simulator = played
    room.touch(touch_of(simulator, 1, 2, RIGHT))
    room.touch(touch_of(simulator, 1, 2, LEFT))
    assert room.moved_objects() == ["Mug|1"]
    for _ in range(ROUND - 3):
        room.touch([0, 0, 0, 0])
    room.touch(touch_of(simulator, 0, 2, RIGHT))
    room.touch(touch_of(simulator, 2, 2, RIGHT))  # the eleventh
    assert room.touches[-1].outcome.kind == "success"
    assert room.moved_objects() == ["Mug|1", "Pen|1"]


def test_a_full_episode_takes_no_touch(played):
    room, _ = played
    for _ in range(MAX_TOUCHES):
        room.touch([0, 0, 0, 0])
    with pytest.raises(PlayError, match=f"at most {MAX_TOUCHES}"):
        room.touch([0, 0, 0, 0])
    room.undo()
    room.touch([0, 0, 0, 1])


def test_touches_that_move_nothing_share_their_states(played):
    room, _ = played
    room.touch([0, 0, 0, 0])
    room.touch([0, 1, 0, 0])
    first, second = (touch.before for touch in room.touches)
    assert first["rgb"] is second["rgb"] and first["depth"] is second["depth"]


def test_a_room_by_name_depends_on_the_seed_alone(played):
    room, _ = played
    places = []
    for seed in (5, 6, 5):
        room.start(seed, "FloorPlan22")
        places.append(room.location)
    assert places[0] == places[2] != places[1]
    assert {place.scene for place in places} == {"FloorPlan22"}


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (UnknownRoomError, {"room": "FloorPlan99"}),
        (UnreachableLocationError, {"location": Location("FloorPlan1", (0.1, AGENT_HEIGHT_Y, 0.5), 0, 0, 7)}),
    ],
)
def test_a_start_that_fails_leaves_the_episode_as_it_is(played, error, start):
    room, simulator = played
    room.touch(touch_of(simulator, 0, 2, RIGHT))
    before, view = room.location, room.view
    with pytest.raises(error):
        room.start(1, **start)
    assert room.location == before and room.view is view
    room.touch(touch_of(simulator, 1, 2, LEFT))
    recording = room.recording()
    assert tuple(recording.sha256) == replayed(recording, FakeSimulator())


def test_an_object_is_known_where_it_has_moved_to(played):
    room, simulator = played
    room.touch(touch_of(simulator, 1, 2, RIGHT))
    old, new = room.touches[0].action, touch_of(simulator, 1, 2, RIGHT)
    assert abs(new[1] - old[1]) == 30
    # At this pixel it was not before, but there it is now.
    side = SIDE // 2 - 1
    edge = [new[0], new[1] + (side if new[1] > old[1] else -side), 2, LEFT]
    assert room.touch(edge)[0].object_type == "Mug"


@pytest.mark.parametrize(("seed", "name"), [(30, None), (2, "FloorPlan9")])
def test_the_example_replays_an_episode_of_the_embedded_simulator(tmp_path, seed, name):
    env = make_environment()
    room = PlayedRoom(env)
    room.start(seed, name)
    first = room.view
    for action in moving_actions(env)[:2] + idle_actions(env, room.view):
        room.touch(action)
    assert any(touch.outcome.kind == "success" for touch in room.touches)
    moved = room.view
    room.touch([150, 150, 2, len(DIRECTIONS) - 1])
    room.undo()
    assert digest(dict(room.view)) == digest(dict(moved))
    assert not np.array_equal(first["rgb"], moved["rgb"])

    path = tmp_path / "episode.json"
    room.recording().write(path)
    room.close()
    replay = [sys.executable, str(ROOT / "examples" / "replay.py"), "replay", str(path)]
    result = subprocess.run(replay, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"all {len(json.loads(path.read_text())['sha256'])} results equal" in result.stdout


@pytest.mark.parametrize("method", ["touch_with_frames", "load"])
def test_an_error_of_the_simulator_leaves_the_episode_as_it_was(played, monkeypatch, method):
    room, simulator = played
    room.touch(touch_of(simulator, 0, 0))
    before, touches = room.view, list(room.touches)

    def fails(*_):
        monkeypatch.undo()  # once
        raise RuntimeError("the driver was reset")

    monkeypatch.setattr(FakeSimulator, method, fails)
    with pytest.raises(RuntimeError, match="driver"):
        room.touch([5, 5, 2, 0]) if method == "touch_with_frames" else room.start(7)
    assert room.touches == touches and np.array_equal(room.view["rgb"], before["rgb"])
    room.touch([5, 5, 2, 0])
    room.start(7)
    assert room.touches == []
