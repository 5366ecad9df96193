"""Small int8 models for mutants to begin with: one for each operator that is compiled, chains of several, and two that TensorFlow converted."""

import functools
from pathlib import Path

import numpy as np

from tests.compiler.harness import activation, codes, constant, one_operator
from tests.models import OperatorSpec, TensorSpec, tflite, write_tflite

CONVERTED = Path(__file__).parent / "models"
"""`tiny_tflite("image", "int8")` and `tiny_tflite("signal", "int8")`, kept: a conversion takes longer than a thousand mutants."""

_WINDOW = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
_SOFTMAX = activation("y", (2, 5), 1 / 256, -128)


def _weights(shape, axis=0):
    values = np.random.default_rng(5).integers(-127, 128, shape).astype(np.int8)
    return constant("weights", values, [0.01 + 0.001 * channel for channel in range(shape[axis])], axis=axis)


def _bias(channels):
    return constant("bias", np.arange(-50, channels - 50, dtype=np.int32), [0.0005] * channels)


def _numbers(*values):
    return constant("numbers", np.array(values, np.int32))


def _real(name, shape):
    return TensorSpec(name, shape, tflite.TensorType.FLOAT32)


def _unary(code, kind="", scale=0.03, zero_point=3, **options):
    return one_operator(code, [activation("x", (1, 9), 0.05, -20)], [activation("y", (1, 9), scale, zero_point)], kind, **options)


def _pair(code, kind="", shape=(1, 2, 3)):
    a, b = activation("a", (1, 2, 3), 0.04, 5), activation("b", shape, 0.06, -9)
    return one_operator(code, [a, b], [activation("y", (1, 2, 3), 0.1, 2)], kind)


def _reduction(code, scale=0.07, zero_point=4):
    inputs = [codes("x", (1, 3, 4, 5)), _numbers(1, 2)]
    return one_operator(code, inputs, [activation("y", (1, 5), scale, zero_point)], "ReducerOptions")


def _moved(code, source, numbers, output, kind="", **options):
    return one_operator(code, [codes("x", source), *numbers], [codes("y", output)], kind, **options)


# one a line, so that the dictionary can be read down its names
# ruff: noqa: E501
SINGLE = {
    "ABS": _unary("ABS"),
    "ADD": _pair("ADD", "AddOptions"),
    "ADD spread": _pair("ADD", "AddOptions", (3,)),
    "ARG_MAX": one_operator("ARG_MAX", [codes("x", (1, 4, 3)), _numbers(1)], [TensorSpec("y", (1, 3), tflite.TensorType.INT32)], "ArgMaxOptions"),
    "ARG_MIN": one_operator("ARG_MIN", [codes("x", (1, 4, 3)), _numbers(2)], [TensorSpec("y", (1, 4), tflite.TensorType.INT32)], "ArgMinOptions"),
    "AVERAGE_POOL_2D": _moved("AVERAGE_POOL_2D", (1, 5, 6, 5), (), (1, 2, 3, 5), "Pool2DOptions", StrideH=2, StrideW=2, FilterHeight=2, FilterWidth=2, Padding=1),
    "BROADCAST_TO": _moved("BROADCAST_TO", (1, 3), [_numbers(2, 4, 3)], (2, 4, 3)),
    "CAST": one_operator("CAST", [codes("x", (1, 9))], [TensorSpec("y", (1, 9), tflite.TensorType.INT32)]),
    "CAST float32": one_operator("CAST", [_real("x", (1, 9))], [codes("y", (1, 9))]),
    "CONCATENATION": one_operator("CONCATENATION", [codes("a", (1, 2, 3)), codes("b", (1, 2, 2))], [codes("y", (1, 2, 5))], "ConcatenationOptions", Axis=2),
    "CONV_2D": one_operator("CONV_2D", [codes("x", (1, 5, 6, 3)), _weights((5, 3, 2, 3)), _bias(5)], [activation("y", (1, 5, 6, 5), 0.2, 9)], "Conv2DOptions", **_WINDOW),
    "CONV_2D grouped": one_operator("CONV_2D", [codes("x", (1, 5, 6, 4)), _weights((4, 2, 2, 2)), _bias(4)], [activation("y", (1, 4, 5, 4), 0.2, 9)], "Conv2DOptions", Padding=1, **_WINDOW),
    "CONV_2D pointwise": one_operator("CONV_2D", [codes("x", (1, 3, 3, 8)), _weights((16, 1, 1, 8)), _bias(16)], [activation("y", (1, 3, 3, 16), 0.2, 9)], "Conv2DOptions", **_WINDOW),
    "DEPTHWISE_CONV_2D": one_operator("DEPTHWISE_CONV_2D", [codes("x", (1, 5, 6, 5)), _weights((1, 2, 3, 10), 3), _bias(10)], [activation("y", (1, 5, 6, 10), 0.2, 9)], "DepthwiseConv2DOptions", DepthMultiplier=2, **_WINDOW),
    "DEPTHWISE_CONV_2D 3x3": one_operator("DEPTHWISE_CONV_2D", [codes("x", (1, 5, 6, 5)), _weights((1, 3, 3, 5), 3), _bias(5)], [activation("y", (1, 5, 6, 5), 0.2, 9)], "DepthwiseConv2DOptions", DepthMultiplier=1, **_WINDOW),
    "DEPTH_TO_SPACE": _moved("DEPTH_TO_SPACE", (1, 2, 3, 8), (), (1, 4, 6, 2), "DepthToSpaceOptions", BlockSize=2),
    "DEQUANTIZE": one_operator("DEQUANTIZE", [codes("x", (1, 5))], [_real("y", (1, 5))]),
    "ELU": _unary("ELU"),
    "EXPAND_DIMS": _moved("EXPAND_DIMS", (1, 3), [_numbers(1)], (1, 1, 3), "ExpandDimsOptions"),
    "FULLY_CONNECTED": one_operator("FULLY_CONNECTED", [codes("x", (1, 8)), _weights((7, 8)), _bias(7)], [activation("y", (1, 7), 0.2, 9)], "FullyConnectedOptions", version=4),
    "FULLY_CONNECTED packed": one_operator("FULLY_CONNECTED", [codes("x", (1, 32)), constant("weights", np.eye(32, dtype=np.int8), [0.02])], [activation("y", (1, 32), 0.002, 9)], "FullyConnectedOptions", version=4),
    "GATHER": _moved("GATHER", (1, 4, 3), [_numbers(2, 0, 2)], (1, 3, 3), "GatherOptions", Axis=1),
    "HARD_SWISH": _unary("HARD_SWISH"),
    "L2_NORMALIZATION": one_operator("L2_NORMALIZATION", [activation("x", (2, 5), 0.1, 7)], [activation("y", (2, 5), 1 / 128)], "L2NormOptions"),
    "LEAKY_RELU": _unary("LEAKY_RELU", "LeakyReluOptions", Alpha=0.3),
    "LOG_SOFTMAX": one_operator("LOG_SOFTMAX", [activation("x", (2, 5), 0.1, 7)], [activation("y", (2, 5), 1 / 16, 127)]),
    "LOGISTIC": _unary("LOGISTIC", "", 1 / 256, -128),
    "MAXIMUM": _pair("MAXIMUM", "MaximumMinimumOptions", (3,)),
    "MAX_POOL_2D": _moved("MAX_POOL_2D", (1, 5, 6, 5), (), (1, 3, 3, 5), "Pool2DOptions", StrideH=2, StrideW=2, FilterHeight=3, FilterWidth=2),
    "MEAN": _reduction("MEAN"),
    "MINIMUM": _pair("MINIMUM", "MaximumMinimumOptions"),
    "MIRROR_PAD": _moved("MIRROR_PAD", (1, 4, 3), [constant("paddings", np.array([[0, 0], [2, 1], [0, 0]], np.int32))], (1, 7, 3), "MirrorPadOptions"),
    "MUL": _pair("MUL", "MulOptions"),
    "MUL spread": _pair("MUL", "MulOptions", (2, 1)),
    "PACK": one_operator("PACK", [codes("a", (1, 3)), codes("b", (1, 3))], [codes("y", (1, 2, 3))], "PackOptions", Axis=1, ValuesCount=2),
    "PAD": _moved("PAD", (1, 2, 3), [constant("paddings", np.array([[0, 0], [2, 1], [0, 1]], np.int32))], (1, 5, 4), "PadOptions"),
    "PADV2": _moved("PADV2", (1, 2, 3), [constant("paddings", np.array([[0, 0], [2, 1], [0, 0]], np.int32)), constant("value", np.array(-7, np.int8), [0.05], [-7])], (1, 5, 3), "PadV2Options"),
    "PRELU": one_operator("PRELU", [activation("x", (1, 2, 3), 0.04, 5), constant("slopes", np.array([[-9, 40, 127]], np.int8), [0.01])], [activation("y", (1, 2, 3), 0.05, 2)]),
    "QUANTIZE": one_operator("QUANTIZE", [_real("x", (1, 5))], [activation("y", (1, 5), 0.05, 3)]),
    "QUANTIZE codes": _unary("QUANTIZE"),
    "REDUCE_MAX": _reduction("REDUCE_MAX", 0.05, -7),
    "REDUCE_MIN": _reduction("REDUCE_MIN", 0.05, -7),
    "RELU": _unary("RELU"),
    "RELU6": _unary("RELU6"),
    "RESHAPE": _moved("RESHAPE", (1, 2, 3), [_numbers(3, 2)], (3, 2), "ReshapeOptions"),
    "RESIZE_BILINEAR": _moved("RESIZE_BILINEAR", (1, 2, 3, 2), [_numbers(5, 4)], (1, 5, 4, 2), "ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": _moved("RESIZE_NEAREST_NEIGHBOR", (1, 2, 3, 2), [_numbers(5, 4)], (1, 5, 4, 2), "ResizeNearestNeighborOptions"),
    "REVERSE_V2": _moved("REVERSE_V2", (1, 4, 3), [_numbers(1)], (1, 4, 3), "ReverseV2Options"),
    "RSQRT": one_operator("RSQRT", [activation("x", (1, 9), 0.05, -128)], [activation("y", (1, 9), 0.02, 5)]),
    "SLICE": _moved("SLICE", (1, 4, 3), [_numbers(0, 1, 1), _numbers(1, 3, -1)], (1, 3, 2), "SliceOptions"),
    "SOFTMAX": one_operator("SOFTMAX", [activation("x", (2, 5), 0.1, 7)], [_SOFTMAX], "SoftmaxOptions", Beta=1.0),
    "SPACE_TO_DEPTH": _moved("SPACE_TO_DEPTH", (1, 4, 6, 2), (), (1, 2, 3, 8), "SpaceToDepthOptions", BlockSize=2),
    "SPLIT": one_operator("SPLIT", [_numbers(2), codes("x", (1, 2, 6))], [codes(f"y{i}", (1, 2, 3)) for i in range(2)], "SplitOptions", NumSplits=2),
    "SPLIT_V": one_operator("SPLIT_V", [codes("x", (1, 6, 2)), _numbers(2, -1), _numbers(1)], [codes("y", (1, 2, 2)), codes("z", (1, 4, 2))], "SplitVOptions", NumSplits=2),
    "SQUARED_DIFFERENCE": _pair("SQUARED_DIFFERENCE", "SquaredDifferenceOptions"),
    "SQUEEZE": _moved("SQUEEZE", (1, 1, 3), (), (1, 3), "SqueezeOptions", SqueezeDims=(1,)),
    "STRIDED_SLICE": _moved("STRIDED_SLICE", (1, 6, 3), [_numbers(0, 1, 0), _numbers(1, 6, 3), _numbers(1, 2, 1)], (1, 3, 3), "StridedSliceOptions", BeginMask=1),
    "SUB": _pair("SUB", "SubOptions"),
    "SUM": _reduction("SUM"),
    "TANH": _unary("TANH", "", 1 / 128, 0),
    "TRANSPOSE": _moved("TRANSPOSE", (1, 2, 3, 4), [_numbers(0, 3, 1, 2)], (1, 4, 2, 3), "TransposeOptions"),
    "TRANSPOSE_CONV": one_operator("TRANSPOSE_CONV", [_numbers(1, 5, 7, 2), _weights((2, 3, 3, 3)), codes("x", (1, 2, 3, 3)), _bias(2)], [activation("y", (1, 5, 7, 2), 0.2, 9)], "TransposeConvOptions", Padding=1, StrideH=2, StrideW=2),
    "UNPACK": one_operator("UNPACK", [codes("x", (1, 2, 3))], [codes("y", (1, 3)), codes("z", (1, 3))], "UnpackOptions", Axis=1, Num=2),
    "ZEROS_LIKE": _moved("ZEROS_LIKE", (1, 9), (), (1, 9)),
}  # fmt: skip


def _chain(tensors, *steps, outputs):
    operators = tuple(
        OperatorSpec(getattr(tflite.BuiltinOperator, code), reads, writes, kind, options) for code, reads, writes, kind, options in steps
    )
    return write_tflite(tuple(tensors), operators, inputs=(0,), outputs=outputs)


CHAINS = {
    "residual": _chain(
        [codes("x", (1, 4, 3)), codes("a", (1, 4, 3)), codes("b", (1, 4, 3)), codes("y", (1, 4, 6)), _numbers(1, 24), codes("z", (1, 24))],
        ("RELU", (0,), (1,), "", {}),
        ("ADD", (0, 1), (2,), "AddOptions", {}),
        ("CONCATENATION", (2, 1), (3,), "ConcatenationOptions", {"Axis": 2}),
        ("RESHAPE", (3, 4), (5,), "ReshapeOptions", {}),
        outputs=(5,),
    ),
    "branches": _chain(
        [codes("x", (1, 6)), _numbers(1), codes("a", (1, 3)), codes("b", (1, 3)), codes("c", (1, 3)), codes("y", (1, 3))],
        ("SPLIT", (1, 0), (2, 3), "SplitOptions", {"NumSplits": 2}),
        ("MUL", (2, 3), (4,), "MulOptions", {}),
        ("SUB", (4, 2), (5,), "SubOptions", {}),
        outputs=(5, 3),
    ),
    "floats": _chain(
        [_real("x", (1, 6)), codes("a", (1, 6)), activation("b", (1, 6), 1 / 256, -128), _real("y", (1, 6))],
        ("QUANTIZE", (0,), (1,), "", {}),
        ("LOGISTIC", (1,), (2,), "", {}),
        ("DEQUANTIZE", (2,), (3,), "", {}),
        outputs=(3,),
    ),
}


@functools.cache
def seeds() -> dict[str, bytes]:
    """Every seed by its name."""
    converted = {path.stem: path.read_bytes() for path in sorted(CONVERTED.glob("*.tflite"))}
    return {**SINGLE, **CHAINS, **converted}
