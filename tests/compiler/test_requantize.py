"""Factors as a mantissa and a shift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.compiler.requantize import Multiplier, factors, multiplier, multipliers


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.5, Multiplier(1 << 30, 0)),
        (0.25, Multiplier(1 << 30, -1)),
        (1.0, Multiplier(1 << 30, 1)),
        (0.75, Multiplier(3 << 29, 0)),
        (1 - 2**-40, Multiplier(1 << 30, 1)),  # the mantissa rounds up to 2^31, which is 1
        (2.0**-40, Multiplier(0, 0)),
    ],
)
def test_multiplier(real, expected):
    """Worked out by hand: real = mantissa * 2^(shift - 31)."""
    assert expected == multiplier(real)


@given(st.floats(2.0**-30, 2.0**29))
def test_a_multiplier_is_the_factor_to_31_bits(real):
    """The mantissa has its highest bit set, and the error is half a step of it."""
    made = multiplier(real)

    assert 1 << 30 <= made.mantissa < 1 << 31
    assert abs(made.mantissa * 2.0 ** (made.shift - 31) - real) <= 2.0 ** (made.shift - 32)


@pytest.mark.parametrize("real", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_factor_is_refused(real):
    """Scales are positive."""
    with pytest.raises(ValueError, match=r"received a factor of .*; expected a positive, finite one"):
        multiplier(real)


def test_a_factor_beyond_the_shift_is_refused():
    """A kernel shifts left by 30 at most."""
    with pytest.raises(ValueError, match=r"expected less than 2\*\*30"):
        multiplier(2.0**31)


def test_factors_are_products_in_double_precision():
    """0.5 * [0.25, 1] / 2; scales are float32 first, so 0.1 is 0.100000001490116."""
    np.testing.assert_array_equal([0.0625, 0.25], factors(0.5, np.array([0.25, 1], np.float32), 2.0))
    assert 0.10000000149011612 == factors(0.1, np.ones(1, np.float32), 1.0)[0]


def test_multipliers_of_several_channels():
    """One pair a channel."""
    mantissas, shifts = multipliers(np.array([0.5, 0.25]))

    assert ([1 << 30, 1 << 30], [0, -1]) == (mantissas.tolist(), shifts.tolist())
