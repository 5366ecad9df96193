"""A sample of every operator that is compiled: the forms that run on each emulated core. Knows models; runs nothing."""

import itertools

import numpy as np
import tflite

from emberflow.compiler.chain import TABLED
from tests.compiler.harness import TensorSpec, activation, codes, constant, several_operators
from tests.compiler.lower.test_conv import SAME, VALID, conv, dense, depthwise, places, quantities, window_options
from tests.compiler.lower.test_cut import reverse, slicing, split, split_v, strided, unpack
from tests.compiler.lower.test_join import concatenation, pack
from tests.compiler.lower.test_pad import REFLECT, SYMMETRIC, mirror, pad
from tests.compiler.lower.test_pick import gather
from tests.compiler.lower.test_pick import resize as resize_nearest
from tests.compiler.lower.test_reduce import reduction
from tests.compiler.lower.test_resize import resize as resize_bilinear
from tests.compiler.lower.test_table import FIXED
from tests.compiler.lower.test_transpose_conv import transposed
from tests.compiler.lower.test_turn import broadcast, depth_to_space, space_to_depth, transpose
from tests.compiler.weights.layers import KINDS

PACKED = ("clustered", "few", "pruned", "pruned_and_clustered")
"""Kinds of weights that are stored packed: by a table of 16, by one of 4, by a bitmap, by both."""

MOST_BORDERS = 40
"""Inputs and outputs of one model, at most: the compiler takes 64 of each."""


def window(kernel, size, stride=1, dilation=1, padding=SAME):
    output = tuple(places(s, k, stride, dilation, padding) for s, k in zip(size, kernel, strict=True))
    return {"kernel": kernel, "size": size, "output": output, "stride": stride, "dilation": dilation, "padding": padding}


def packed_conv(kind):
    """A convolution whose weights are stored packed, over 75 inputs, which are no multiple of four."""
    rows = KINDS[kind](np.random.default_rng(1), 24, 75)
    _, scales, bias, _ = quantities(1, 24, 75)
    inputs = [activation("x", (1, 3, 3, 75), 0.05, -9), constant("w", rows.reshape(24, 1, 1, 75), scales), bias]
    return "CONV_2D", inputs, [activation("y", (1, 3, 3, 24), 0.4, 5)], "Conv2DOptions", window_options(window((1, 1), (3, 3)))


def packed_dense(kind):
    rows = KINDS[kind](np.random.default_rng(2), 24, 75)
    _, scales, bias, _ = quantities(2, 24, 75)
    inputs = [activation("x", (1, 75), 0.05, -9), constant("w", rows, scales), bias]
    return "FULLY_CONNECTED", inputs, [activation("y", (1, 24), 0.4, 5)], "FullyConnectedOptions", {}


def transposed_conv(size, kernel, stride, padding, activation_code=0):
    generator = np.random.default_rng(3)
    return transposed(
        generator.integers(-127, 128, (5, *kernel, 3)),
        size,
        stride,
        padding,
        bias=generator.integers(-3000, 3000, 5),
        scales=generator.uniform(0.001, 0.01, 5).astype(np.float32),
        zero_points=(7, -20),
        activation=activation_code,
        scale=0.1,
    )


def pool(code, size, kernel, stride, padding, channels):
    output = tuple(places(s, k, stride, 1, padding) for s, k in zip(size, kernel, strict=True))
    options = {"Padding": padding, "StrideH": stride, "StrideW": stride, "FilterHeight": kernel[0], "FilterWidth": kernel[1]}
    x, y = (activation(name, (1, *shape, channels), 0.05, 11) for name, shape in (("x", size), ("y", output)))
    return code, [x], [y], "Pool2DOptions", options | {"FusedActivationFunction": 1}


def pair(code, a, b, scales=(0.05, 0.07, 0.06), fused=0):
    kinds = {"ADD": "AddOptions", "MUL": "MulOptions", "SUB": "SubOptions"}
    options = {"FusedActivationFunction": fused} if code in kinds else {}
    x, z = activation("a", a, scales[0], -3), activation("b", b, scales[1], 20)
    return code, [x, z], [activation("y", np.broadcast_shapes(a, b), scales[2], 9)], kinds.get(code, ""), options


def table(code, scale=0.05, zero_point=-20):
    kind, options = ("LeakyReluOptions", {"Alpha": 0.3}) if code == "LEAKY_RELU" else ("", {})
    return code, [activation("x", (1, 256), scale, zero_point)], [activation("y", (1, 256), *FIXED.get(code, (0.04, 13)))], kind, options


def softmax(shape, scale):
    return "SOFTMAX", [activation("x", shape, scale, 4)], [activation("y", shape, 1 / 256, -128)], "SoftmaxOptions", {"Beta": 1.0}


def cast(source, target):
    return "CAST", [activation("x", (1, 50), dtype=source)], [activation("y", (1, 50), dtype=target)], "", {}


def rows(code, shape, output, kind=""):
    return code, [activation("x", shape, 0.07, 4)], [activation("y", shape, *output)], kind, {}


def arg(code, shape, axis):
    output = tuple(size for place, size in enumerate(shape) if place != axis % len(shape))
    inputs = [activation("x", shape), constant("axis", np.array([axis], np.int32))]
    return code, inputs, [TensorSpec("y", output, tflite.TensorType.INT32)], "", {}


def real(name, shape):
    return TensorSpec(name, shape, tflite.TensorType.FLOAT32)


def reshaped(code, shape, output, kind, options, *more):
    return code, [codes("x", shape), *(constant("k", np.array(each, np.int32)) for each in more)], [codes("y", output)], kind, options


PAIRS = (((1, 3, 4, 5), (1, 3, 4, 5)), ((1, 3, 4, 5), (5,)), ((1, 3, 1, 5), (1, 1, 4, 1)))
"""The same shape, a row for each row, and each repeated along an axis of the other."""

PARTS = (
    *(conv(window((3, 3), (7, 6), stride, 1, padding), 6, 5, 1, 1, stride) for stride, padding in ((1, SAME), (2, VALID))),
    conv(window((2, 3), (7, 6), 1, 2, VALID), 3, 4),
    conv(window((1, 1), (5, 4)), 7, 8),
    conv(window((3, 2), (5, 5)), 6, 3, 2),
    *(packed_conv(kind) for kind in PACKED),
    *(depthwise(window((3, 3), (6, 7), stride), 5, multiplier) for stride, multiplier in ((1, 1), (2, 1), (1, 3))),
    depthwise(window((2, 4), (8, 8), 1, 2, VALID), 9),
    dense(2, 37, 7),
    dense(1, 16, 9),
    *(packed_dense(kind) for kind in PACKED),
    transposed_conv((3, 4), (3, 2), (2, 2), VALID),
    transposed_conv((4, 3), (2, 3), (1, 3), SAME, 1),
    *(pool(code, (7, 6), (3, 2), 2, padding, 7) for code in ("AVERAGE_POOL_2D", "MAX_POOL_2D") for padding in (SAME, VALID)),
    *(pair(code, *shapes, fused=fused) for code in ("ADD", "SUB") for fused, shapes in enumerate(PAIRS)),
    *(pair("MUL", *shapes, (0.05, 0.07, 0.3)) for shapes in PAIRS),
    *(pair(code, *shapes, (0.05, 0.05, 0.05)) for code in ("MAXIMUM", "MINIMUM") for shapes in PAIRS),
    *(pair("PRELU", *shapes, (0.05, 0.01, 0.06)) for shapes in PAIRS),
    *(pair("SQUARED_DIFFERENCE", *shapes, (0.05, 0.07, 0.4)) for shapes in PAIRS),
    *(table(code) for code in sorted(TABLED - {"QUANTIZE", "RSQRT"})),
    table("RSQRT", 0.05, -128),  # below the code of 0 TFLM gives no answer
    *(cast(*pair) for pair in (("int8", "int32"), ("int32", "int8"), ("bool", "int16"), ("int8", "float32"), ("float32", "int8"))),
    *(rows("L2_NORMALIZATION", shape, (1 / 128, 0), "L2NormOptions") for shape in ((1, 10), (3, 70))),
    *(rows("LOG_SOFTMAX", shape, (1 / 16, 127)) for shape in ((1, 10), (3, 70))),
    rows("ZEROS_LIKE", (1, 50), (0.07, 4)),
    *(softmax(shape, scale) for shape, scale in (((1, 10), 0.2), ((3, 7), 0.01))),
    *(
        reduction(code, (1, 4, 5, 6), axes, keep, outs=(0.05, 3))
        for code in ("REDUCE_MAX", "REDUCE_MIN")
        for axes, keep in (((1, 2), True), ((3,), False))
    ),
    *(reduction(code, (1, 4, 5, 6), axes, keep, outs=(0.1, -9)) for code in ("MEAN", "SUM") for axes, keep in (((1, 2), True), ((3,), False))),
    *(arg(code, (2, 5, 3), axis) for code in ("ARG_MAX", "ARG_MIN") for axis in (1, -1)),
    concatenation([(1, 3, 2), (1, 3, 5), (1, 3, 1)], 2, constants=(2,)),
    concatenation([(1, 2, 3), (1, 4, 3)], 1, "int32"),
    pack((1, 3, 2), 3, 1),
    pack((1, 3), 2, -1),
    pad((1, 3, 4), [(0, 0), (1, 2), (0, 3)]),
    pad((1, 3, 4), [(0, 0), (2, 0), (1, 1)], 77),
    mirror((1, 3, 4), [(0, 0), (2, 1), (1, 3)], REFLECT),
    mirror((1, 3, 4), [(0, 0), (2, 3), (1, 0)], SYMMETRIC),
    gather((1, 5, 3), [4, 0, 2, 2], 1),
    gather((1, 2, 6), 3, 2),
    *(resize((1, 3, 4, 3), size, *ways) for resize in (resize_nearest, resize_bilinear) for size, ways in (((7, 5), ()), ((2, 9), (False, True)))),
    slicing((1, 4, 5), (0, 1, 2), (1, 2, -1)),
    strided((1, 6, 5), (0, 5, 1), (1, 0, 5), (1, -2, 2), EndMask=2),
    strided((1, 4, 3), (0, 2, 0), (1, 3, 3), (1, 1, 1), ShrinkAxisMask=2),
    split((1, 3, 6), 3, 2),
    split_v((1, 7, 2), [2, -1, 1], 1),
    unpack((1, 3, 4), 1),
    reverse((1, 3, 4), 2),
    reverse((1, 5, 2), 1),
    transpose((1, 2, 3, 4), (0, 3, 1, 2)),
    transpose((1, 5, 6), (0, 2, 1)),
    space_to_depth((2, 3), 3, 2),
    depth_to_space((2, 3), 3, 2),
    broadcast((1, 3, 1), (2, 3, 4)),
    reshaped("RESHAPE", (1, 6, 4), (1, 3, 8), "ReshapeOptions", {}, (1, 3, 8)),
    reshaped("SQUEEZE", (1, 5, 1, 3), (1, 5, 3), "SqueezeOptions", {"SqueezeDims": (2,)}),
    reshaped("EXPAND_DIMS", (1, 5, 3), (1, 5, 1, 3), "", {}, (2,)),
    ("QUANTIZE", [real("x", (1, 50))], [activation("y", (1, 50), 0.02, 6)], "", {}),
    ("QUANTIZE", [activation("x", (1, 256), 0.05, 5, "uint8")], [activation("y", (1, 256), 0.07, 9)], "", {}),
    ("QUANTIZE", [activation("x", (1, 256), 0.05, 5)], [activation("y", (1, 256), 0.05, 133, "uint8")], "", {}),
    ("DEQUANTIZE", [activation("x", (1, 256), 0.013, 6)], [real("y", (1, 256))], "", {}),
    ("DEQUANTIZE", [activation("x", (1, 256), 0.013, 134, "uint8")], [real("y", (1, 256))], "", {}),
)
"""Arguments of `several_operators`: strides, paddings, dilations, groups, broadcasts, packed weights, and counts that are no multiple of four."""


def batches(parts=PARTS):
    """`parts` in as many models as it takes, side by side in each."""
    borders = itertools.accumulate(len(part[1]) + len(part[2]) for part in parts)
    grouped = itertools.groupby(zip(parts, borders, strict=True), key=lambda each: each[1] // MOST_BORDERS)
    return tuple(several_operators(*(part for part, _ in group)) for _, group in grouped)
