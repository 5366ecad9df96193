"""Sums, means and extremes over axes, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.reduce import mean_multiplier
from emberflow.compiler.requantize import Multiplier, Parity
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, constant, differing_bytes, one_operator, several_operators

CODES = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN")


def reduction(code, shape, axes, keep_dims=False, ins=(0.05, 3), outs=(0.05, 3)):
    """Arguments of `several_operators`."""
    gone = {axis % len(shape) for axis in axes}
    output = [1 if axis in gone else size for axis, size in enumerate(shape) if keep_dims or axis not in gone]
    inputs = [activation("x", shape, *ins), constant("axes", np.array(axes, np.int32))]
    return code, inputs, [activation("y", output, *outs)], "ReducerOptions", {"KeepDims": keep_dims}


@st.composite
def reductions(draw):
    """A reduction of up to five axes; extremes keep scale and zero point."""
    shape = (1, *draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    axes = draw(st.lists(st.integers(1, len(shape) - 1), min_size=1, unique=True).filter(lambda found: len(found) <= 2))
    code = draw(st.sampled_from(CODES))
    ins = draw(st.floats(0.001, 1)), draw(st.integers(-128, 127))
    outs = (ins[0] * draw(st.floats(0.1, 8)), draw(st.integers(-128, 127))) if code in ("MEAN", "SUM") else ins
    return reduction(code, shape, draw(st.permutations(axes)), draw(st.booleans()), ins, outs)


@settings(max_examples=12, deadline=None)
@given(st.lists(reductions(), min_size=8, max_size=8), st.integers(0, 10**6))
def test_reductions_equal_tflm(operators, seed):
    """Any axes, shapes, scales and zero points; eight in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=8, seed=seed)[0]


def test_a_mean_over_an_image_equals_tflm():
    """Global average pooling: the whole image, channels in fours and a rest."""
    parts = [reduction(code, (1, 48, 48, 7), (1, 2), outs=(0.01, -100) if code == "MEAN" else (0.05, 3)) for code in ("MEAN", "REDUCE_MAX")]
    assert 0 == differing_bytes(several_operators(*parts), samples=8)[0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("MEAN", [[2, 5]]),  # the sums are 6 and 15 steps; (6, 15) / 3
        ("SUM", [[6, 15]]),
        ("REDUCE_MAX", [[3, 6]]),
        ("REDUCE_MIN", [[1, 4]]),
    ],
)
def test_reductions_by_hand(code, expected):
    """Two rows of three codes, the zero point 0."""
    parts = reduction(code, (1, 2, 3), (2,), ins=(0.05, 0), outs=(0.05, 0))
    native = Native(compile_model(several_operators(parts), "m"))
    assert expected == native.run([np.array([[[[1, 2, 3], [4, 5, 6]]]], np.int8)])[0][0].tolist()


@pytest.mark.parametrize(
    ("factor", "count", "expected"),
    [
        (Multiplier(1 << 30, 1), 1, Multiplier(1 << 30, 1)),
        (Multiplier(1 << 30, 1), 4, Multiplier(1 << 30, -1)),
        (Multiplier(1 << 30, 1), 3, Multiplier((1 << 31) // 3, 0)),  # below 2^30: TFLM doesn't normalize it
        (Multiplier(1 << 30, -30), 9, Multiplier((1 << 31) // 9, -31)),  # one place is left to 31
    ],
)
def test_a_mean_divides_its_multiplier(factor, count, expected):
    """The mantissa, shifted left as far as the count reaches."""
    assert expected == mean_multiplier(factor, count)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (reduction("MEAN", (1, 4), (2,)), r"it works along axis 2; expected one of the 2 axes"),
        (reduction("REDUCE_MAX", (1, 4), (1,), outs=(0.1, 3)), r"has scale and zero point .*, its output .*; expected the same"),
        (reduction("SUM", (1, 2, 2, 2, 2, 2, 2, 2), (1, 3, 5, 7)), "it keeps or sums 4 axes that don't lie side by side; expected at most 3"),
        (reduction("SUM", (1, 2900, 2900), (1, 2)), "it sums 8,410,000 numbers; expected at most 8,388,608"),
        (reduction("SUM", (1, 4), (1,), ins=(1e9, 0), outs=(1e-5, 0)), "received a factor of .*; expected less than 2.*another calibration set"),
    ],
)
def test_what_is_no_reduction_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")


def test_axes_must_be_constant():
    """Shapes can't depend on data."""
    inputs = [activation("x", (1, 4), 0.05, 3), activation("axes", (1,), dtype="int32")]
    model = one_operator("MEAN", inputs, [activation("y", (1,), 0.05, 3)], "ReducerOptions")
    with pytest.raises(UnsupportedOperator, match=r"its axes \(tensor 1 'axes'\) is computed while the model runs; expected constants"):
        compile_model(model, "m")


def test_a_sum_is_refused_for_litert():
    """Its reference adds up in floats."""
    with pytest.raises(UnsupportedOperator, match=r"LiteRT's reference kernels add up in floats, .*; expected parity tflm, or a MEAN in its place"):
        compile_model(several_operators(reduction("SUM", (1, 2, 3), (2,))), "m", Parity.LITERT_REFERENCE)
