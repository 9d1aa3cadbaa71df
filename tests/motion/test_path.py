"""The rounds of the path's fit: how much the data count in the next one, and when it ends."""

import pytest

from xct4d.io.history import History
from xct4d.motion import path


def after(done, left, weight=1.0, *, registered=False):
    history = History(terms={"data_weight": [weight], "normalised_residual": [left]})
    return path._weight_of_next_round(done, history, registered=registered)


def test_nothing_is_fitted_where_the_registered_motion_explains_the_sequence():
    assert after(0, path.EXPLAINED, registered=True) is None
    assert after(0, path.EXPLAINED + 0.01, registered=True) == 1


@pytest.mark.parametrize("left", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("done", range(path.LEAST_ROUNDS))
def test_the_first_rounds_are_alike(done, left):
    assert after(done, left) == 1


@pytest.mark.parametrize("left", [0.5, 1.0])
def test_it_ends_where_the_right_motion_would_leave_as_much(left):
    assert after(path.LEAST_ROUNDS, left) is None


def test_motion_that_was_not_fitted_makes_the_data_count_more():
    assert after(2, 2.0) == path.FACTOR


@pytest.mark.parametrize("left", [0.5, 5.0])
def test_it_ends_in_any_case(left):
    assert after(path.ROUNDS, left) is None
