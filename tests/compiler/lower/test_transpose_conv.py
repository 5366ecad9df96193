"""Transposed convolution, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.transpose_conv import Phase, phases
from emberflow.compiler.lower.window import Axis
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, constant, differing_bytes, several_operators

SAME, VALID = 0, 1
INPUT_SCALE = 0.05


def transposed(weights, size, stride=(1, 1), padding=VALID, **more):
    """Arguments of `several_operators`; the output as large as Keras makes it.

    more: `bias`, `scales`, `activation`, `zero_points` of input and output, `scale` of the output.
    """
    channels, *kernel, depth = weights.shape
    gains = [0 if padding == SAME else max(k - s, 0) for k, s in zip(kernel, stride, strict=True)]
    output = (1, *(n * s + gain for n, s, gain in zip(size, stride, gains, strict=True)), channels)
    scales = more.get("scales", (0.01,) * channels)
    points = more.get("zero_points", (0, 0))
    inputs = [
        constant("shape", np.array(output, np.int32)),
        constant("w", weights.astype(np.int8), scales),
        activation("x", (1, *size, depth), INPUT_SCALE, points[0]),
    ]
    if more.get("bias") is not None:
        inputs.append(constant("b", np.array(more["bias"], np.int32), [scale * INPUT_SCALE for scale in scales]))
    options = {"Padding": padding, "StrideH": stride[0], "StrideW": stride[1], "FusedActivationFunction": more.get("activation", 0)}
    return "TRANSPOSE_CONV", inputs, [activation("y", output, more.get("scale", 0.0005), points[1])], "TransposeConvOptions", options


@st.composite
def convolutions(draw):
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    kernel, stride, size = ((draw(st.integers(1, most)), draw(st.integers(1, most))) for most in (4, 3, 4))
    channels, depth = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    weights = generator.integers(-127, 128, (channels, *kernel, depth))
    return transposed(
        weights,
        size,
        stride,
        draw(st.sampled_from([SAME, VALID])),
        bias=generator.integers(-3000, 3000, channels) if draw(st.booleans()) else None,
        scales=generator.uniform(0.001, 0.01, channels).astype(np.float32),
        zero_points=tuple(generator.integers(-128, 128, 2).tolist()),
        activation=draw(st.integers(0, 3)),
        scale=float(generator.uniform(0.02, 0.2)),
    )


@settings(max_examples=12, deadline=None)
@given(st.lists(convolutions(), min_size=4, max_size=4), st.integers(0, 10**6))
def test_transposed_convolutions_equal_tflm(operators, seed):
    """Any kernel, stride, padding, depth, zero points and fused activation, with and without biases; four in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


def test_a_transposed_convolution_by_hand():
    """Two inputs, a kernel of three, stride 2: 10 * (1, 2, 3), and 20 * (1, 2, 3) two further; the step from sums to codes is 1."""
    weights = np.array([1, 2, 3]).reshape(1, 1, 3, 1)
    native = Native(compile_model(several_operators(transposed(weights, (1, 2), (1, 2))), "m"))
    assert [10, 20, 30 + 20, 40, 60] == native.run([np.array([[10, 20]], np.int8).reshape(1, 1, 1, 2, 1)])[0].reshape(-1).tolist()


@pytest.mark.parametrize(
    ("axis", "pad", "expected"),
    [
        (Axis(5, 2, 3, 2), 0, [Phase(0, (2, 0), -1), Phase(1, (1,), 0)]),
        (Axis(4, 2, 3, 2), 0, [Phase(0, (2, 0), -1), Phase(1, (1,), 0)]),
        (Axis(4, 4, 3, 1), 1, [Phase(0, (2, 1, 0), -1)]),
        (Axis(6, 2, 1, 3), 0, [Phase(0, (0,), 0), Phase(1, (), 0), Phase(2, (), 0)]),
    ],
)
def test_phases(axis, pad, expected):
    """Stride 2: even outputs see the ends of the kernel, odd ones its middle; stride 1; a kernel shorter than the stride."""
    assert expected == list(phases(axis, pad))


ONES = np.ones((1, 2, 2, 1))


def without(parts, **changed):
    code, inputs, outputs, kind, options = parts
    return code, changed.get("inputs", inputs), changed.get("outputs", outputs), kind, options


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (without(transposed(ONES, (2, 2)), outputs=[activation("y", (1, 3, 3, 2))]), r"weights of shape \(1, 2, 2, 1\) don't go with input"),
        (without(transposed(ONES, (2, 2)), outputs=[activation("y", (1, 9, 3, 1))]), r"its input has \(2, 2\) places; .* comes from \(8, 2\)"),
        (transposed(ONES, (1, 1), (1, 300)), "and 255 for strides"),
        (
            without(transposed(ONES, (2, 2)), inputs=[*transposed(ONES, (2, 2))[1][:1], activation("w", ONES.shape), transposed(ONES, (2, 2))[1][2]]),
            "tensor 1 'w' is computed while the model runs; expected constant weights",
        ),
        (
            without(
                transposed(ONES, (2, 2)),
                inputs=[transposed(ONES, (2, 2))[1][0], constant("w", ONES.astype(np.int8), (0.01,), (1,)), transposed(ONES, (2, 2))[1][2]],
            ),
            "has zero points, or scales along axis 0; expected none, and axis 0",
        ),
    ],
)
def test_what_is_no_transposed_convolution_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
