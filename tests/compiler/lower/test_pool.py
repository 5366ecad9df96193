"""Pooling, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.window import Axis
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, differing_bytes, one_operator, several_operators

SAME, VALID = 0, 1


@st.composite
def pools(draw):
    """A pool of any window, as arguments of `several_operators`."""
    kernel, stride = ((draw(st.integers(1, most)), draw(st.integers(1, most))) for most in (4, 3))
    size = tuple(draw(st.integers(k, 8)) for k in kernel)
    padding, channels, zero_point = draw(st.sampled_from([SAME, VALID])), draw(st.integers(1, 11)), draw(st.integers(-128, 127))
    word = "SAME" if padding == SAME else "VALID"
    output = tuple(Axis(*axis, 0, k, s).steps(word) for axis, k, s in zip(((each,) for each in size), kernel, stride, strict=True))
    options = {"Padding": padding, "StrideH": stride[0], "StrideW": stride[1], "FilterHeight": kernel[0], "FilterWidth": kernel[1]}
    return (
        draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
        [activation("x", (1, *size, channels), 0.05, zero_point)],
        [activation("y", (1, *output, channels), 0.05, zero_point)],
        "Pool2DOptions",
        options | {"FusedActivationFunction": draw(st.integers(0, 3))},
    )


@settings(max_examples=12, deadline=None)
@given(st.lists(pools(), min_size=6, max_size=6), st.integers(0, 10**6))
def test_pools_equal_tflm(operators, seed):
    """Any window, stride, padding, number of channels, zero point and fused activation; six in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=8, seed=seed)[0]


def pool(code, channels=1, **options):
    window = {"Padding": VALID, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2}
    return one_operator(code, [activation("x", (1, 2, 2, 1))], [activation("y", (1, 1, 1, channels))], "Pool2DOptions", **(window | options))


@pytest.mark.parametrize(
    ("code", "codes", "activation_code", "expected"),
    [
        ("AVERAGE_POOL_2D", (1, 2, 3, 4), 0, 3),  # 10 / 4 = 2.5, away from 0
        ("AVERAGE_POOL_2D", (-1, -2, -3, -4), 0, -3),
        ("AVERAGE_POOL_2D", (1, 2, 3, 3), 0, 2),  # 9 / 4 = 2.25
        ("AVERAGE_POOL_2D", (-1, -2, -3, -4), 1, 0),  # RELU: not below the code of 0
        ("MAX_POOL_2D", (-7, -5, -128, -6), 0, -5),
        ("MAX_POOL_2D", (-7, -5, -128, -6), 1, 0),
        ("MAX_POOL_2D", (3, 100, 5, 5), 3, 100),  # RELU6: 6 / 0.05 = 120
        ("MAX_POOL_2D", (3, 127, 5, 5), 3, 120),
    ],
)
def test_pools_by_hand(code, codes, activation_code, expected):
    """One window of four taps."""
    compiled = compile_model(pool(code, FusedActivationFunction=activation_code), "m")
    assert expected == Native(compiled).run([np.array(codes, np.int8).reshape(1, 1, 2, 2, 1)])[0].item()


def test_a_pool_keeps_channels():
    """What one channel becomes can't be two."""
    with pytest.raises(UnsupportedOperator, match=r"operator 0 MAX_POOL_2D .*: it leads from 1 channels to 2; expected as many"):
        compile_model(pool("MAX_POOL_2D", channels=2), "m")
