"""Centring and scaling, worked out by hand; undone up to rounding."""

import numpy as np

from emberflow.standardization import Standardization


def test_each_channel_has_its_own_mean_and_deviation():
    """(5 - 1) / 2 and (5 - 2) / 3, in float32."""
    applied = Standardization(mean=(1, 2), std=(2, 3)).apply(np.float32([[5, 5]]))

    assert applied.tolist() == [[2, 1]]
    assert applied.dtype == np.float32


def test_undoing_gives_the_raw_values_back():
    """2 * 2 + 1 and 1 * 3 + 2."""
    assert Standardization(mean=(1, 2), std=(2, 3)).undo(np.float32([[2, 1]])).tolist() == [[5, 5]]
