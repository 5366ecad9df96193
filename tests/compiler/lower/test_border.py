"""Floats at the border, by hand and against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, TensorSpec, activation, one_operator, run_tflm, several_operators, tflite


def real(name, shape):
    """A float32 tensor, which has no scale."""
    return TensorSpec(name, shape, tflite.TensorType.FLOAT32)


def quantize(shape, scale, zero_point):
    return one_operator("QUANTIZE", [real("x", shape)], [activation("y", shape, scale, zero_point)])


def run(model, values):
    return Native(compile_model(model, "m")).run([values[np.newaxis]])[0][0].tolist()


def test_quantize_by_hand():
    """In steps of 0.5 from zero point 1: halves go away from zero; what is beyond the codes gets the last of them."""
    values = np.array([0, 0.24, 0.25, -0.25, -0.24, 60, 63.24, 1e30, -1e30, np.inf, -np.inf, np.nan], np.float32)

    assert [1, 1, 2, 0, 1, 121, 127, 127, -128, 127, -128, -128] == run(quantize((12,), 0.5, 1), values)


def test_just_below_a_half():
    """0.49999997 + 0.5 is 1 in float32, so that adding a half and cutting off would round up."""
    assert [0, 0, 1] == run(quantize((3,), 1.0, 0), np.array([0.49999997, -0.49999997, 0.5], np.float32))


def test_dequantize_by_hand():
    """0.25 * (code - 2)."""
    model = one_operator("DEQUANTIZE", [activation("x", (3,), 0.25, 2)], [real("y", (3,))])

    assert [-32.5, 0.0, 31.25] == run(model, np.array([-128, 2, 127], np.int8))


@settings(max_examples=10, deadline=None)
@given(exponent=st.floats(-5, 2), zero_point=st.integers(-128, 127), seed=st.integers(0, 10**6))
def test_borders_equal_tflm(exponent, zero_point, seed):
    """QUANTIZE of floats around all codes, near halves too; DEQUANTIZE of all codes, signed and unsigned."""
    scale, generator = float(np.float32(10.0**exponent)), np.random.default_rng(seed)
    steps = np.concatenate([generator.uniform(-400, 400, 2000), generator.integers(-300, 300, 2000) + 0.5])
    model = several_operators(
        ("QUANTIZE", [real("x", (4000,))], [activation("y", (4000,), scale, zero_point)], "", {}),
        ("DEQUANTIZE", [activation("a", (256,), scale, zero_point)], [real("b", (256,))], "", {}),
        ("DEQUANTIZE", [activation("c", (256,), scale, zero_point + 128, "uint8")], [real("d", (256,))], "", {}),
    )
    inputs = [
        (steps * scale).astype(np.float32)[np.newaxis],
        np.arange(-128, 128, dtype=np.int8)[np.newaxis],
        np.arange(256, dtype=np.uint8)[np.newaxis],
    ]

    assert [a.tolist() for a in run_tflm(model, inputs)] == [a.tolist() for a in Native(compile_model(model, "m")).run(inputs)]


@pytest.mark.parametrize(
    ("name", "source", "target", "message"),
    [
        ("QUANTIZE", real("x", (1, 4)), activation("y", (1, 4), 0.1, 0, "uint8"), "'y' is uint8; expected int8"),
        ("QUANTIZE", real("x", (1, 4)), activation("y", (1, 5), 0.1), r"leads from shape \(1, 4\) to \(1, 5\); expected the same"),
        ("DEQUANTIZE", activation("x", (1, 4), 0.1, 0, "int16"), real("y", (1, 4)), "'x' is int16; expected int8 or uint8"),
        ("DEQUANTIZE", activation("x", (1, 4)), activation("y", (1, 4)), "'y' is int8; expected float32"),
    ],
)
def test_other_borders_are_refused(name, source, target, message):
    """Of types that TFLM doesn't take, or that aren't codes."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 {name} .*{message}"):
        compile_model(one_operator(name, [source], [target]), "m")
