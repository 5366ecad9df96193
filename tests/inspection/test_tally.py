"""Sums, worked out by hand."""

from math import log10

import numpy as np
import pytest

from emberflow.graph import Quantization, Tensor
from emberflow.inspection.tally import Power, Tally


def tensor(dtype="int8", scale=0.5, zero_point=0):
    quantization = Quantization(np.float32([scale]), np.int64([zero_point]), 0)
    return Tensor(0, "t", (1, 4), (1, 4), dtype, quantization, None, 0, False)


def codes(*values, dtype="int8"):
    return np.array([values], dtype)


def test_decibels_are_ten_times_the_logarithm_of_the_ratio_of_powers():
    """Signal 3^2 + 4^2 = 25, noise 0.5^2 + 0.5^2 = 0.5: 10 log10(50) = 17 dB."""
    power = Power()
    power.add(np.array([3.0, 4.0]), np.array([3.5, 3.5]))

    assert (25.0, 0.5) == (power.signal, power.noise)
    assert pytest.approx(10 * log10(50)) == power.decibels


@pytest.mark.parametrize(("real", "approximate"), [([0.0], [0.1]), ([1.0], [1.0]), ([], [])])
def test_silence_and_exactness_have_no_ratio(real, approximate):
    """Nothing to divide, or to divide by."""
    power = Power()
    power.add(np.array(real), np.array(approximate))

    assert power.decibels is None


def test_a_code_stands_for_scale_times_its_distance_from_the_zero_point():
    """int8 with a step of 0.5 around -8: -128 is -60, 127 is 67.5."""
    tally = Tally(tensor(zero_point=-8))

    assert (-60.0, 67.5) == tally.range
    assert [[4.0, 4.5]] == tally.mean(codes(0, 1)).tolist()


def test_noise_and_reach_are_of_the_float_model():
    """Codes 2 and 4 stand for 1.0 and 2.0; the model gave 1.1 and 1.8."""
    tally = Tally(tensor())
    tally.add(codes(2, 4), np.array([[1.1, 1.8]]))

    assert pytest.approx(0.05) == tally.here.noise
    assert (1.1, 1.8) == (tally.lowest, tally.highest)
    assert tally.alone.decibels is None


def test_an_operator_alone_is_summed_up_apart():
    """Its noise doesn't count the layers before."""
    tally = Tally(tensor())
    tally.add_alone(codes(2), np.array([[1.5]]))

    assert (2.25, 0.25, 0.0) == (tally.alone.signal, tally.alone.noise, tally.here.noise)


def test_weights_are_summed_up_apart_too():
    """What they give is float already."""
    tally = Tally(tensor())
    tally.add_weights(np.array([[2.0]]), np.array([[1.5]]))

    assert (2.25, 0.25, 0.0) == (tally.weights.signal, tally.weights.noise, tally.alone.noise)


def test_numbers_more_than_a_step_outside_the_range_are_cut_off():
    """The range ends at -64 and 63.5, a step is 0.5: 64.0 is softmax's 1.0, 64.1 is too much; so is -65."""
    tally = Tally(tensor())
    tally.add(codes(127, 127, -128, 0), np.array([[64.0, 64.1, -65.0, 0.0]]))

    assert 0.5 == tally.saturation


def test_without_a_float_model_codes_at_the_ends_are_cut_off():
    """But for those where an activation holds them."""
    free, clamped = Tally(tensor()), Tally(tensor(), frozenset({-128}))
    for tally in (free, clamped):
        tally.add(codes(127, -128, -128, 0), None)

    assert (0.75, 0.25) == (free.saturation, clamped.saturation)
    assert (-64.0, 63.5) == (free.lowest, free.highest)


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255), ("int16", -32768, 32767)])
def test_what_is_used_of_a_range_is_counted_in_steps_of_1_of_256(dtype, low, high):
    """Ends alone are all of it; one code is 1 of 256."""
    whole, one = Tally(tensor(dtype)), Tally(tensor(dtype))
    whole.add(codes(low, high, dtype=dtype), None)
    one.add(codes(low, low, dtype=dtype), None)

    assert (1.0, 1 / 256) == (whole.used, one.used)


def test_the_bulk_leaves_out_five_of_ten_thousand_on_either_side():
    """Of 10,000 codes 5 are 127 and the others 0 to 7: 8 of 256; with one more they belong to the bulk."""
    few, more = Tally(tensor()), Tally(tensor())
    few.add(codes(*[127] * 5, *(np.arange(9995) % 8)), None)
    more.add(codes(*[127] * 6, *(np.arange(9994) % 8)), None)

    assert (128 / 256, 8 / 256) == (few.used, few.bulk)
    assert 128 / 256 == more.bulk
