"""SOFTMAX: its table by hand, its bytes against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.softmax import exponentials
from emberflow.compiler.requantize import multiplier
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, differing_bytes, one_operator, run_tflm


def softmax(shape, scale=0.1, beta=1.0, output=(1 / 256, -128), zero_point=0, output_shape=None):
    target = activation("y", output_shape or shape, *output)
    return one_operator("SOFTMAX", [activation("x", shape, scale, zero_point)], [target], "SoftmaxOptions", Beta=beta)


def test_two_equal_codes_share():
    """One half each: code 128 - 128."""
    assert [[0, 0]] == Native(compile_model(softmax((1, 2)), "m")).run([np.array([[[5, 5]]], np.int8)])[0][0].tolist()


def test_what_is_certain_is_the_highest_code():
    """e^-12.7 of 256 steps is nothing; 256 itself is no code, 255 is."""
    assert [[127, -128]] == Native(compile_model(softmax((1, 2)), "m")).run([np.array([[[127, 0]]], np.int8)])[0][0].tolist()


@pytest.mark.parametrize("scale", [0.003, 0.1, 1.0])
def test_exponentials_are_close_to_the_real_ones(scale):
    """Fixed point of 31 bits, of which the polynomial keeps more than 20."""
    table = exponentials(multiplier(scale * (1 << 26)))
    padded = np.pad(table, (0, 256 - len(table)))

    assert np.allclose(np.exp(-np.arange(256) * scale), padded / 2.0**31, atol=2.0**-20)
    assert (np.diff(padded) <= 0).all()


def test_the_table_ends_where_nothing_is_left():
    """A step of 1.0 has a shift of 27, with which 31 * 2^26 / 2^27 = 15 steps are the most; e^-21.5 is below half of 2^-31."""
    assert 16 == len(exponentials(multiplier(1.0 * (1 << 26))))
    assert 28 == len(exponentials(multiplier(0.8 * (1 << 26))))  # 21.5 / 0.8
    assert 256 == len(exponentials(multiplier(0.05 * (1 << 26))))


@settings(max_examples=20, deadline=None)
@given(
    shape=st.lists(st.integers(1, 3), max_size=3),
    depth=st.one_of(st.integers(1, 12), st.sampled_from([100, 500])),
    exponents=st.tuples(st.floats(-5, 2), st.one_of(st.just(0.0), st.floats(-2, 2))),
    zero_point=st.integers(-128, 127),
)
def test_softmax_equals_tflm(shape, depth, exponents, zero_point):
    """Any shape, scale and beta."""
    scale, beta = (float(10.0**exponent) for exponent in exponents)

    assert 0 == differing_bytes(softmax((*shape, depth), scale, beta, zero_point=zero_point), samples=12, flavours=("plain",))[0]  # it has one path


@pytest.mark.parametrize("spread", [0, 1, 2, 5])
def test_long_rows_equal_tflm(spread):
    """Codes that are nearly the same, where the sum is largest: above 512 equal ones TFLM stops at a check of its own."""
    model = softmax((1, 511), 0.1)
    codes = np.random.default_rng(0).integers(-spread, spread + 1, (4, 1, 511)).astype(np.int8)
    assert run_tflm(model, [codes])[0].tolist() == Native(compile_model(model, "m")).run([codes])[0].tolist()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (softmax((1, 4), output=(1 / 255, -128)), "has scale .* and zero point -128; expected 1/256 and -128; convert the model again"),
        (softmax((1, 4), output=(1 / 256, 0)), "zero point 0; expected 1/256 and -128"),
        (softmax((1, 4), beta=0.0), r"its beta is 0\.0; expected a positive one; set softmax's beta to 1"),
        (softmax((1, 4), scale=1e-5, beta=1e-5), r"its beta \* scale is .*e-11; expected more than 2\*\*-26; convert the model again"),
        (softmax((1, 4), beta=-1.0), r"its beta is -1\.0; expected a positive one"),
        (softmax((1, 4096)), r"expected the same shape, and 1 to 4,095 values along the last axis"),
        (softmax((1, 4), output_shape=(4,)), r"leads from shape \(1, 4\) to \(4,\); expected the same shape"),
        (softmax(()), r"leads from shape \(\) to \(\); expected the same shape"),
    ],
)
def test_what_tflm_does_not_compute_is_refused(model, message):
    """By name, with what to do."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 SOFTMAX .*{message}"):
        compile_model(model, "m")
