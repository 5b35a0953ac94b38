"""Recorded episodes: what is written is read, and what is no recording is refused."""

import json

import numpy as np
import pytest
from env_makers import SOMEWHERE
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.errors import InvalidLocationError, RecordingError
from thor_interact_env.recording import Recording, digest

ACTIONS = st.lists(st.tuples(*(st.integers(0, count - 1) for count in (300, 300, 3, 8))), max_size=5)


@given(seed=st.integers(0, 2**31), actions=ACTIONS, located=st.booleans())
def test_what_is_written_is_read(tmp_path_factory, seed, actions, located):
    path = tmp_path_factory.mktemp("recordings") / "episode.json"
    digests = [digest(number) for number in range(len(actions) + 1)]
    recording = Recording(seed, tuple(actions), tuple(digests), SOMEWHERE if located else None)
    recording.write(path)
    assert Recording.read(path) == recording
    assert recording.options == ({"location": SOMEWHERE} if located else None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"seed": -1}, "seed -1"),
        ({"seed": True}, "seed True"),
        ({"actions": 3}, "must be lists"),
        ({"actions": [[0, 300, 0, 0]]}, "column 300"),
        ({"sha256": ["a"]}, "1 entries; its 1 actions need 2"),
        ({"sha256": ["a", 1]}, "need 2 texts"),
    ],
)
def test_a_malformed_entry_is_named(change, complaint):
    value = {"seed": 0, "actions": [[0, 0, 0, 0]], "sha256": ["a", "b"], **change}
    with pytest.raises(RecordingError, match=complaint):
        Recording.from_json(value)


@pytest.mark.parametrize("name", ["seed", "actions", "sha256"])
def test_a_missing_entry_is_named(name):
    value = {"seed": 0, "actions": [], "sha256": ["a"]}
    del value[name]
    with pytest.raises(RecordingError, match=f"no '{name}'"):
        Recording.from_json(value)


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / "text.json").write_text("[")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "place.json").write_text('{"seed": 0, "actions": [], "sha256": ["a"], "location": {}}')
    for name in ("text.json", "list.json", "place.json"):
        with pytest.raises(RecordingError, match=name):
            Recording.read(tmp_path / name)
    with pytest.raises(InvalidLocationError):
        Recording.from_json({"seed": 0, "actions": [], "sha256": ["a"], "location": {}})


def test_a_digest_depends_on_every_byte_and_type():
    base = {"a": np.zeros((2, 3), np.uint8), "b": (1.0, False)}
    others = [
        {**base, "a": np.zeros((3, 2), np.uint8)},
        {**base, "a": np.zeros((2, 3), np.int8)},
        {**base, "a": np.eye(2, 3, dtype=np.uint8)},
        {**base, "b": (1.0, True)},
        {**base, "b": (2.0, False)},
        {**base, "c": 0},
    ]
    assert len({digest(each) for each in (base, *others)}) == 7
    assert digest(base) == digest(json.loads("{}") | dict(reversed(base.items())))


def test_a_path_may_be_a_text(tmp_path):
    recording = Recording(3, (), (digest(0),))
    recording.write(str(tmp_path / "episode.json"))
    assert Recording.read(str(tmp_path / "episode.json")) == recording
    (tmp_path / "episode.json").write_text("[")
    with pytest.raises(RecordingError, match=r"episode\.json is not JSON text"):
        Recording.read(str(tmp_path / "episode.json"))
