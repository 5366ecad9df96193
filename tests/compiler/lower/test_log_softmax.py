"""LOG_SOFTMAX: by hand, and its bytes against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import Parity, compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, assert_equals_tflm, differing_bytes, one_operator


def log_softmax(shape, scale=0.1, output=(1 / 16, 127), zero_point=0, output_shape=None):
    return one_operator("LOG_SOFTMAX", [activation("x", shape, scale, zero_point)], [activation("y", output_shape or shape, *output)])


def answer(model, *rows):
    return Native(compile_model(model, "m")).run([np.array([rows], np.int8)])[0][0].tolist()


def test_two_equal_codes_share():
    """ln(1/2) is -0.693, 11.09 steps below 127."""
    assert [[116, 116]] == answer(log_softmax((1, 2)), [5, 5])


def test_what_is_certain_is_nothing_below_one():
    """ln 1 is 0, code 127; the other is 12.7 below, 203.2 steps: 127 - 203; 25.5 is below all codes."""
    assert [[127, -76]] == answer(log_softmax((1, 2)), [127, 0])
    assert [[127, -128]] == answer(log_softmax((1, 2)), [127, -128])


def test_the_lowest_beside_many_of_the_greatest():
    """29.8 below them, and the sum's logarithm is 6.2: the difference of the two, 36, has more than 32 bits. ln(1/499) is 99.4 steps below 127."""
    assert [[28] * 499 + [-128]] == answer(log_softmax((1, 500), 0.12), [127] * 499 + [-121])


@pytest.mark.parametrize("scale", [0.01, 0.1, 1.0])
def test_codes_are_close_to_the_real_ones(scale):
    """Half a step and what 26 fractional bits lack."""
    codes = np.random.default_rng(0).integers(-128, 128, (8, 40))
    real = scale * (codes - codes.max(axis=1, keepdims=True))
    expected = np.clip(127 + 16 * (real - np.log(np.exp(real).sum(axis=1, keepdims=True))), -128, 127)

    assert np.allclose(expected, answer(log_softmax((8, 40), scale), *codes), rtol=0, atol=0.5 + 2**-16)


@settings(max_examples=12, deadline=None)
@given(
    shape=st.lists(st.integers(1, 3), max_size=3),
    depth=st.one_of(st.integers(1, 12), st.sampled_from([100, 500])),
    exponent=st.floats(-7.5, 2),
    zero_point=st.integers(-128, 127),
    seed=st.integers(0, 10**6),
)
def test_log_softmax_equals_tflm(shape, depth, exponent, zero_point, seed):
    """Any shape and scale."""
    model = log_softmax((*shape, depth), float(10.0**exponent), zero_point=zero_point)

    assert 0 == differing_bytes(model, samples=16, seed=seed, flavours=("plain",))[0]  # it has one path


@pytest.mark.parametrize("scale", [0.06, 0.09, 0.1, 0.115, 0.12, 0.125, 0.2])
def test_low_codes_beside_many_of_the_greatest_equal_tflm(scale):
    """Where the difference to the sum's logarithm comes to as much as 32 bits hold."""
    codes = np.full((4, 1, 1024), 127, np.int8)
    codes[:, 0, :256] = np.arange(-128, 128)

    assert_equals_tflm(log_softmax((1, 1024), scale), codes)


@pytest.mark.parametrize("spread", [0, 1, 2, 5])
def test_long_rows_equal_tflm(spread):
    """Codes that are nearly the same, where the sum is largest."""
    model = log_softmax((1, 4095), 0.1)
    codes = np.random.default_rng(0).integers(-spread, spread + 1, (4, 1, 4095)).astype(np.int8)

    assert_equals_tflm(model, codes)


def test_sums_around_every_power_of_the_root_of_two_equal_tflm():
    """There the logarithm's interval changes: n codes of one value and a row of smaller ones give sums on both sides of each."""
    rng, depth = np.random.default_rng(0), 1024
    counts = [round(2 ** (half / 2)) + more for half in range(2, 18) for more in (-1, 0, 1)]
    codes = np.stack([np.where(np.arange(depth) < count, 100, rng.integers(-28, 40, depth)) for count in counts]).astype(np.int8)[:, np.newaxis]
    model = log_softmax((1, depth), 0.12)

    assert_equals_tflm(model, codes)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (log_softmax((1, 4), output=(1 / 256, -128)), "has scale .* and zero point -128; expected 1/16 and 127; convert the model again"),
        (log_softmax((1, 4096)), r"expected the same shape, and 1 to 4,095 values along the last axis"),
        (log_softmax((1, 4), output_shape=(4,)), r"leads from shape \(1, 4\) to \(4,\); expected the same shape"),
        (log_softmax((1, 4), 1e-9), r"its scale is .*e-1?[01]; expected more than 2\*\*-26; convert the model again"),
    ],
)
def test_what_tflm_does_not_compute_is_refused(model, message):
    """By name, with what to do."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 LOG_SOFTMAX .*{message}"):
        compile_model(model, "m")


def test_the_other_parity_is_refused():
    """LiteRT's reference takes exponentials and logarithms of floats."""
    with pytest.raises(UnsupportedOperator, match=r"sums and logarithms of floats, .*; expected parity tflm, or a SOFTMAX, whose order is the same"):
        compile_model(log_softmax((1, 4)), "m", Parity.LITERT_REFERENCE)
