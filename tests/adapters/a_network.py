"""Two dense layers by hand, int8, whose outputs vary: what firmware is proven with, without TensorFlow."""

import numpy as np
import tflite

from tests.compiler.harness import activation, constant
from tests.models import OperatorSpec, write_tflite

CODES = np.random.default_rng(3).integers(-128, 128, (120, 8)).astype(np.int8)


def network(middle: int = 4, outputs: int = 3, inputs: int = 8) -> bytes:
    """`inputs`, `middle` hidden units, `outputs`."""
    generator = np.random.default_rng(5)
    tensors = (
        activation("x", (1, inputs), 0.05),
        constant("first", generator.integers(-127, 128, (middle, inputs)).astype(np.int8), scales=(0.01,)),
        activation("h", (1, middle), 0.1),
        constant("second", generator.integers(-127, 128, (outputs, middle)).astype(np.int8), scales=(0.01,)),
        activation("y", (1, outputs), 0.1),
    )
    dense = tflite.BuiltinOperator.FULLY_CONNECTED
    operators = (OperatorSpec(dense, (0, 1), (2,), "FullyConnectedOptions"), OperatorSpec(dense, (2, 3), (4,), "FullyConnectedOptions"))
    return write_tflite(tensors, operators, inputs=(0,), outputs=(4,))


PAIRS = (CODES, np.random.default_rng(4).integers(-128, 128, (120, 4)).astype(np.int8))
"""Inputs of `two_by_two`."""


def two_by_two() -> bytes:
    """Two inputs, of 8 and 4; two outputs: the hidden units plus the second input, 4 of int8, and what a layer makes of them, 3 of uint8."""
    generator = np.random.default_rng(6)
    tensors = (
        activation("x", (1, 8), 0.05),
        activation("z", (1, 4), 0.08, 3),
        constant("first", generator.integers(-127, 128, (4, 8)).astype(np.int8), scales=(0.01,)),
        activation("h", (1, 4), 0.1),
        activation("sum", (1, 4), 0.15, -5),
        constant("second", generator.integers(-127, 128, (3, 4)).astype(np.int8), scales=(0.01,)),
        activation("y", (1, 3), 0.1),
        activation("u", (1, 3), 0.1, 128, "uint8"),
    )
    code = tflite.BuiltinOperator
    operators = (
        OperatorSpec(code.FULLY_CONNECTED, (0, 2), (3,), "FullyConnectedOptions"),
        OperatorSpec(code.ADD, (3, 1), (4,), "AddOptions"),
        OperatorSpec(code.FULLY_CONNECTED, (4, 5), (6,), "FullyConnectedOptions"),
        OperatorSpec(code.QUANTIZE, (6,), (7,)),
    )
    return write_tflite(tensors, operators, inputs=(0, 1), outputs=(4, 7))
