"""ZEROS_LIKE: every byte is 0."""

import numpy as np
import pytest

from emberflow.compiler import Parity, compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, OperatorSpec, activation, codes, differing_bytes, one_operator, tflite, write_tflite
from tests.fuzz import fence

SHAPE = (1, 3, 5)


def zeros(kind, **output):
    return one_operator("ZEROS_LIKE", [activation("x", SHAPE, dtype=kind)], [activation("y", **{"shape": SHAPE, "dtype": kind} | output)])


@pytest.mark.parametrize("dtype", ["int8", "int32", "float32"])
def test_zeros_equal_tflm(dtype):
    """One output, whatever the input."""
    assert (0, 1) == differing_bytes(zeros(dtype), samples=4)


def test_zeros_are_the_code_0():
    """Not what stands for 0, as TFLM has it: added to codes whose zero point is -7, they add 7 steps."""
    code = tflite.BuiltinOperator
    operators = (OperatorSpec(code.ZEROS_LIKE, (0,), (1,)), OperatorSpec(code.ADD, (0, 1), (2,), "AddOptions"))
    model = write_tflite(tuple(codes(name, (1, 9)) for name in "xzy"), operators, outputs=(2,))

    differing, distinct = differing_bytes(model, samples=24)
    assert 0 == differing
    assert distinct > 12


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_the_other_parity_has_them_too(dtype):
    """Of numbers that aren't codes."""
    model, inputs = zeros(dtype), [np.ones((2, *SHAPE), dtype)]
    outputs = Native(compile_model(model, "m", Parity.LITERT_REFERENCE)).run(inputs)

    assert fence.ask_litert(model, inputs, 1) == outputs[0].tobytes()


@pytest.mark.parametrize(
    ("model", "parity", "message"),
    [
        (zeros("uint8"), Parity.TFLM, "'x' is uint8; expected int8 or int32 or float32"),
        (zeros("int8", dtype="int32"), Parity.TFLM, "'y' is int32; expected int8"),
        (zeros("int8", shape=(1, 15)), Parity.TFLM, r"'y' has shape \(1, 15\); expected \(1, 3, 5\)"),
        (
            zeros("int8"),
            Parity.LITERT_REFERENCE,
            "'x' is int8, of which LiteRT's reference kernels make no zeros; expected parity tflm, or a constant",
        ),
    ],
)
def test_what_has_no_zeros_is_refused(model, parity, message):
    """By the tensor's type."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 ZEROS_LIKE at position 0 of 1: .*{message}"):
        compile_model(model, "m", parity)


def test_nothing_is_read():
    """The input may be gone by then."""
    assert () == compile_model(zeros("int8"), "m").program.calls[0].reads
