"""What came of a contest: the width of an interval."""

from emberflow.contest import half_width
from emberflow.variant import Interval


def test_half_of_the_interval_stands_behind_plus_minus():
    """From 0.012 to 0.030 is 0.021 +- 0.009."""
    assert round(half_width(Interval(estimate=0.021, low=0.012, high=0.030)), 12) == 0.009
