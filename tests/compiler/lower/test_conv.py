"""Layers with weights, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.conv import interleave, pad_rows
from emberflow.compiler.lower.window import Axis
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, constant, differing_bytes, one_operator, several_operators

INPUT_SCALE = 0.05
SAME, VALID = 0, 1


def places(size, kernel, stride, dilation, padding):
    return Axis(size, 0, kernel, stride, dilation).steps("SAME" if padding == SAME else "VALID")


@st.composite
def windows(draw, most_kernel=4):
    """Kernel, strides, dilations and padding, and an input that they fit on."""
    kernel = (draw(st.integers(1, most_kernel)), draw(st.integers(1, most_kernel)))
    dilation = draw(st.integers(1, 2))
    stride = 1 if dilation > 1 else draw(st.integers(1, 3))
    padding = draw(st.sampled_from([SAME, VALID]))
    size = tuple(draw(st.integers((k - 1) * dilation + 1, 9)) for k in kernel)
    output = tuple(places(s, k, stride, dilation, padding) for s, k in zip(size, kernel, strict=True))
    return {"kernel": kernel, "size": size, "output": output, "stride": stride, "dilation": dilation, "padding": padding}


def window_options(window):
    return {
        "Padding": window["padding"],
        "StrideH": window["stride"],
        "StrideW": window["stride"],
        "DilationHFactor": window["dilation"],
        "DilationWFactor": window["dilation"],
    }


def quantities(seed, channels, depth, axis=0):
    """Scales, biases and an output scale for which outputs fill the range of int8."""
    generator = np.random.default_rng(seed)
    scales = generator.uniform(0.001, 0.01, channels).astype(np.float32)
    bias = generator.integers(-3000, 3000, channels).astype(np.int32)
    return generator, scales, constant("b", bias, scales * INPUT_SCALE), float(0.6 * 0.006 * np.sqrt(depth)) + 0.002


def conv(window, channels, depth, groups=1, seed=0, activation_code=0):
    """Arguments of `several_operators`."""
    generator, scales, bias, output_scale = quantities(seed, channels, window["kernel"][0] * window["kernel"][1] * depth)
    weights = generator.integers(-127, 128, (channels, *window["kernel"], depth)).astype(np.int8)
    return (
        "CONV_2D",
        [
            activation("x", (1, *window["size"], depth * groups), INPUT_SCALE, int(generator.integers(-128, 128))),
            constant("w", weights, scales),
            bias,
        ],
        [activation("y", (1, *window["output"], channels), output_scale * 20, int(generator.integers(-128, 128)))],
        "Conv2DOptions",
        {**window_options(window), "FusedActivationFunction": activation_code},
    )


def conv_model(*args):
    """A model of it alone."""
    return several_operators(conv(*args))


@settings(max_examples=25, deadline=None)
@given(windows(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 3), st.integers(0, 10**6))
def test_conv_equals_tflm(window, channels, depth, activation_code, seed):
    """Any window, depth, zero point and fused activation."""
    assert 0 == differing_bytes(conv_model(window, channels, depth, 1, seed, activation_code), samples=8)[0]


@settings(max_examples=8, deadline=None)
@given(windows(), st.integers(1, 3), st.integers(1, 4), st.integers(2, 3), st.integers(0, 10**6))
def test_grouped_conv_equals_tflm(window, channels, depth, groups, seed):
    """Each group sees its own part of the input."""
    assert 0 == differing_bytes(conv_model(window, channels * groups, depth, groups, seed), samples=8)[0]


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(1, 12), st.integers(1, 5), st.integers(0, 10**6))
def test_pointwise_conv_equals_tflm(height, width, channels, quads, seed):
    """1x1 over channels in fours, which needs no gathering."""
    size = (height, width)
    window = {"kernel": (1, 1), "size": size, "output": size, "stride": 1, "dilation": 1, "padding": SAME}

    assert 0 == differing_bytes(conv_model(window, channels, 4 * quads, 1, seed), samples=8)[0]


def depthwise(window, channels, multiplier=1, seed=0):
    """Arguments of `several_operators`."""
    generator, scales, bias, output_scale = quantities(seed, channels * multiplier, window["kernel"][0] * window["kernel"][1])
    weights = generator.integers(-127, 128, (1, *window["kernel"], channels * multiplier)).astype(np.int8)
    return (
        "DEPTHWISE_CONV_2D",
        [
            activation("x", (1, *window["size"], channels), INPUT_SCALE, int(generator.integers(-128, 128))),
            constant("w", weights, scales, axis=3),
            bias,
        ],
        [activation("y", (1, *window["output"], channels * multiplier), output_scale * 20, int(generator.integers(-128, 128)))],
        "DepthwiseConv2DOptions",
        {**window_options(window), "DepthMultiplier": multiplier},
    )


def depthwise_model(*args):
    """A model of it alone."""
    return several_operators(depthwise(*args))


@settings(max_examples=20, deadline=None)
@given(windows(), st.integers(1, 13), st.integers(1, 3), st.integers(0, 10**6))
def test_depthwise_conv_equals_tflm(window, channels, multiplier, seed):
    """Channels in fours and what is left over, and several kernels a channel."""
    assert 0 == differing_bytes(depthwise_model(window, channels, multiplier, seed), samples=8)[0]


def dense(batches, depth, outputs, seed=0):
    """Arguments of `several_operators`."""
    generator, scales, bias, output_scale = quantities(seed, outputs, depth)
    weights = generator.integers(-127, 128, (outputs, depth)).astype(np.int8)
    return (
        "FULLY_CONNECTED",
        [activation("x", (batches, depth), INPUT_SCALE, int(generator.integers(-128, 128))), constant("w", weights, scales), bias],
        [activation("y", (batches, outputs), output_scale * 20, int(generator.integers(-128, 128)))],
        "FullyConnectedOptions",
        {},
    )


def dense_model(*args):
    """A model of it alone."""
    return several_operators(dense(*args))


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 9), st.integers(0, 10**6))
def test_fully_connected_equals_tflm(batches, depth, outputs, seed):
    """Rows in fours and what is left over; depths that are no multiple of four."""
    assert 0 == differing_bytes(dense_model(batches, depth, outputs, seed), samples=8)[0]


def test_a_convolution_by_hand():
    """1x2 kernel [2, -1] over [1, 5, 2] with zero point 1: 2 * 0 - 4 = -4 and 2 * 4 - 1 = 7; times 0.5, plus 10: 8 and 13.5, which is 14."""
    model = one_operator(
        "CONV_2D",
        [activation("x", (1, 1, 3, 1), 1.0, 1), constant("w", np.array([[[[2], [-1]]]], np.int8), (1.0,))],
        [activation("y", (1, 1, 2, 1), 2.0, 10)],
        "Conv2DOptions",
        **window_options({"padding": VALID, "stride": 1, "dilation": 1}),
    )

    answer = Native(compile_model(model, "m")).run([np.array([1, 5, 2], np.int8).reshape(1, 1, 1, 3, 1)])
    assert [8, 14] == answer[0].reshape(-1).tolist()


def test_rows_are_padded_to_words():
    """Zeros count as nothing."""
    assert [[1, 2, 3, 4, 5, 0, 0, 0]] == pad_rows(np.array([[1, 2, 3, 4, 5]])).tolist()


def test_rows_are_interleaved_in_fours():
    """Five rows of eight: four rows word by word, then the fifth as it is."""
    rows = np.arange(40).reshape(5, 8)

    flat = interleave(rows).tolist()
    assert [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27, 4, 5] == flat[:18]
    assert list(range(32, 40)) == flat[32:]


def test_rows_of_an_odd_depth_stay_as_they_are():
    """A word would reach into the next row."""
    assert list(range(20)) == interleave(np.arange(20).reshape(4, 5)).tolist()


WINDOW = {"kernel": (1, 1), "size": (2, 2), "output": (2, 2), "stride": 1, "dilation": 1, "padding": SAME}


def conv_with(weights, output_channels=1, bias=None, code="CONV_2D", kind="Conv2DOptions", dtype="int8"):
    inputs = [activation("x", (1, 2, 2, 2), dtype=dtype), weights, *([bias] if bias else [])]
    return one_operator(code, inputs, [activation("y", (1, 2, 2, output_channels))], kind, **window_options(WINDOW))


def test_a_multiplier_other_than_the_options_say_is_refused():
    """TFLM goes by the options, and would take weights of another channel."""
    weights = constant("w", np.ones((1, 1, 1, 2), np.int8), (0.1,))
    with pytest.raises(UnsupportedOperator, match="its depth_multiplier is 0; expected 1, of 2 and 2 channels"):
        compile_model(conv_with(weights, 2, code="DEPTHWISE_CONV_2D", kind="DepthwiseConv2DOptions"), "m")


@pytest.mark.parametrize("code", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_an_image_of_another_rank_is_refused(code):
    """Before anything is looked up in its shape."""
    inputs = [activation("x", ()), constant("w", np.ones((1, 1, 1, 1), np.int8), (0.1,))]
    kind = "Conv2DOptions" if code == "CONV_2D" else "DepthwiseConv2DOptions"
    with pytest.raises(UnsupportedOperator, match=r"it leads from shape \(\) to \(1,\); expected \(1, height, width, channels\) for both"):
        compile_model(one_operator(code, inputs, [activation("y", (1,))], kind, **window_options(WINDOW)), "m")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (conv_with(constant("w", np.ones((1, 1, 1, 3), np.int8), (0.1,))), r"weights of shape \(1, 1, 1, 3\) don't go with input \(1, 2, 2, 2\)"),
        (conv_with(constant("w", np.ones((1, 2), np.int8), (0.1,))), r"'w' has shape \(1, 2\); expected four sizes above 0"),
        (conv_with(activation("w", (1, 1, 1, 2))), r"'w' is computed while the model runs; expected constant weights"),
        (conv_with(constant("w", np.ones((1, 1, 1, 2), np.int8), (0.1,), (3,))), r"'w' has zero points other than 0"),
        (conv_with(constant("w", np.ones((1, 1, 1, 2), np.int8), (0.1, 0.2), axis=3)), r"'w' has scales along axis 3; expected axis 0"),
        (conv_with(constant("w", np.ones((1, 1, 1, 2), np.int8), (0.1,)), dtype="int16"), r"'x' is int16; expected int8"),
        (conv_with(constant("w", np.ones((1, 1, 1, 2), np.int8), (0.1,)), bias=activation("b", (1,), dtype="int32")), r"'b' is computed"),
        (
            conv_with(constant("w", np.ones((1, 1, 1, 3), np.int8), (0.1,)), 3, code="DEPTHWISE_CONV_2D", kind="DepthwiseConv2DOptions"),
            r"weights of shape \(1, 1, 1, 3\) don't go with input \(1, 2, 2, 2\) and output",
        ),
    ],
)
def test_weights_that_dont_fit_are_refused(model, message):
    """Each by name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(model, "m")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (constant("w", np.ones((2, 3), np.int8), (0.1,)), r"weights of shape \(2, 3\) don't go with input \(1, 4\) and output \(1, 2\)"),
        (
            constant("w", np.ones((1, 4), np.int8), (0.1,)),
            r"'y' has shape \(1, 2\); expected 1 last, one an output",
        ),  # TFLM goes by the output's last
        (constant("w", np.ones(4, np.int8), (0.1,)), r"'w' has shape \(4,\); expected \(outputs, inputs\)"),
    ],
)
def test_dense_weights_that_dont_fit_are_refused(weights, message):
    """A depth that doesn't divide the input, and weights that are no matrix."""
    model = one_operator("FULLY_CONNECTED", [activation("x", (1, 4)), weights], [activation("y", (1, 2))], "FullyConnectedOptions")
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(model, "m")


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 9), st.integers(3, 9), st.integers(1, 5), st.sampled_from([1, 2]), st.sampled_from([SAME, VALID]), st.integers(0, 10**6))
def test_planar_depthwise_conv_equals_tflm(height, width, channels, stride, padding, seed):
    """3x3, the common case, which has a kernel of its own: even and odd widths, borders, strides."""
    output = tuple(places(size, 3, stride, 1, padding) for size in (height, width))
    window = {"kernel": (3, 3), "size": (height, width), "output": output, "stride": stride, "dilation": 1, "padding": padding}

    assert 0 == differing_bytes(depthwise_model(window, channels, 1, seed), samples=8)[0]
