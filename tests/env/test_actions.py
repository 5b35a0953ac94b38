"""The action space: constants and the check of actions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfsup.grid import GRID, IMAGE_SIZE, STRIDE
from thor_interact_env import actions
from thor_interact_env.actions import ACTION_FIELDS, DIRECTIONS, FORCES, check_action
from thor_interact_env.errors import InvalidActionError, ThorInteractError

valid_actions = st.tuples(*(st.integers(0, count - 1) for _, count in ACTION_FIELDS))


def test_constants_are_the_papers():
    assert FORCES == (5.0, 30.0, 200.0)
    assert actions.REACH == 1.5
    assert (IMAGE_SIZE, GRID, STRIDE) == (300, 100, 3)
    assert [count for _, count in ACTION_FIELDS] == [300, 300, 3, 8]


def test_directions_are_eight_upward_vectors_in_the_authors_order():
    expected = list(itertools.product((-1, 1), (1, 2), (-1, 1)))
    assert DIRECTIONS.dtype == np.float64
    assert DIRECTIONS.tolist() == [list(map(float, vector)) for vector in expected]
    lengths = np.linalg.norm(DIRECTIONS, axis=1)
    np.testing.assert_allclose(sorted(set(lengths.round(12))), np.sqrt([3, 6]))


def test_directions_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        DIRECTIONS[0, 0] = 2


@given(valid_actions, st.sampled_from([tuple, list, np.array, np.uint16, np.int32]))
def test_every_action_of_the_space_passes(action, kind):
    given_action = (
        np.array(action, kind) if isinstance(kind, type) and kind not in (tuple, list) else kind(action)
    )
    entries = check_action(given_action)
    assert entries == action
    assert all(type(entry) is int for entry in entries)


@given(valid_actions, st.integers(0, 3), st.integers(1, 10**6), st.booleans())
def test_an_entry_out_of_range_is_named_with_its_range(action, index, excess, below):
    name, count = ACTION_FIELDS[index]
    wrong = list(action)
    wrong[index] = -excess if below else count - 1 + excess
    with pytest.raises(InvalidActionError, match=rf"{name} {wrong[index]} .* 0\.\.{count - 1}"):
        check_action(wrong)


@pytest.mark.parametrize(
    "action",
    [
        [1.0, 2.0, 0.0, 0.0],
        np.zeros(4, np.float32),
        np.zeros(4, bool),
        [True, 5, 1, 0],
        [1, 2, np.bool_(True), 0],
        [np.nan, 0, 0, 0],
        [1, 2, 0],
        np.zeros((1, 4), int),
        np.zeros(5, int),
        [[1], [2, 3], 0, 0],
        [2**70, 0, 0, 0],
        "1200",
        ["1", "2", "0", "0"],
        None,
        7,
        {"row": 1},
    ],
    ids=repr,
)
def test_what_is_not_four_integers_is_refused(action):
    with pytest.raises(
        InvalidActionError, match=r"the action .*\[row, column, force, direction\], 4 integers"
    ):
        check_action(action)


def test_errors_are_value_errors():
    assert issubclass(InvalidActionError, ThorInteractError)
    assert issubclass(ThorInteractError, ValueError)
