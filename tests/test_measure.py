"""A metric's direction and its words, both ways."""

import pytest

from emberflow.measure import Measure
from emberflow.variant import Interval

ACCURACY = Measure(name="accuracy")
MAE = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")


@pytest.mark.parametrize(("measure", "before", "after", "loss"), [(ACCURACY, 0.75, 0.5, 0.25), (MAE, 1.5, 2.0, 0.5), (MAE, 2.0, 1.5, -0.5)])
def test_a_loss_is_positive_whatever_the_direction(measure, before, after, loss):
    """Less accuracy, or more error."""
    assert loss == measure.loss(before, after)


def test_the_better_value_ranks_first():
    """0.9 of accuracy before 0.8; 1 K of error before 2 K."""
    assert sorted([0.8, 0.9], key=ACCURACY.rank) == [0.9, 0.8]
    assert sorted([2.0, 1.0], key=MAE.rank) == [1.0, 2.0]
    assert ACCURACY.is_better(0.9, 0.8)
    assert not MAE.is_better(2.0, 2.0)


def test_values_are_written_as_shares_or_with_their_unit():
    """Four decimals, or three meaningful digits."""
    assert (ACCURACY.show(0.90941), ACCURACY.show(0.90941, digits=3)) == ("0.9094", "0.909")
    assert (MAE.show(1.2345), MAE.show(12_345)) == ("1.23 K", "12,345 K")


def test_losses_have_a_sign_and_an_interval():
    """The unit stands with the metric."""
    loss = Interval(estimate=12, low=-0.5, high=120)

    assert ACCURACY.show_loss(Interval(estimate=0.01, low=0, high=0.02)) == "+0.010 [+0.000, +0.020]"
    assert MAE.show_loss(loss) == "+12.0 [-0.500, +120]"


def test_words_follow_the_direction():
    """For sentences on what is higher or lower."""
    assert (ACCURACY.better, ACCURACY.worse, MAE.better, MAE.worse) == ("higher", "lower", "lower", "higher")
