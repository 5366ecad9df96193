"""CAST: every pair of types that TFLM has, by hand and against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emberflow.compiler import Parity, compile_model
from emberflow.compiler.lower.cast import CASTABLE
from emberflow.compiler.program import Alias
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import TYPES, Native, OperatorSpec, TensorSpec, activation, note, one_operator, run_tflm, tflite, write_tflite
from tests.fuzz import fence

COUNT = 12


def plain(name, dtype, shape=(1, COUNT)):
    """A tensor whose numbers stand for themselves."""
    return TensorSpec(name, shape, TYPES[dtype])


def cast(source, target, shape=(1, COUNT)):
    return one_operator("CAST", [plain("x", source, shape)], [plain("y", target, shape)])


def casts(pairs):
    """A model of casts side by side: an input of each of CASTABLE, an output for each of `pairs`."""
    width = len(CASTABLE)
    operators = [OperatorSpec(tflite.BuiltinOperator.CAST, (CASTABLE.index(a),), (width + place,)) for place, (a, _) in enumerate(pairs)]
    tensors = (*(plain(f"x{dtype}", dtype) for dtype in CASTABLE), *(plain(f"y{dtype}", dtype) for _, dtype in pairs))
    return write_tflite(tensors, tuple(operators), inputs=tuple(range(width)), outputs=tuple(range(width, len(tensors))))


def run(source, target, values):
    array = np.array([[values]], source)
    return Native(compile_model(cast(source, target, (1, len(values))), "m")).run([array])[0][0].reshape(-1).tolist()


def test_whole_numbers_keep_their_lowest_bits():
    """300 is 256 + 44; a negative number is one in a wider type too."""
    assert [44, 127, -1, 0] == run("int32", "int8", [300, -129, -1, -(2**31)])
    assert [-128, -1, 127] == run("int8", "int32", [-128, -1, 127])
    assert [2**32 - 128, 127] == run("int8", "uint32", [-128, 127])


def test_all_but_zero_is_true():
    """256, whose lowest byte is 0, and a half, too; negative zero is zero."""
    assert [True, False, True] == run("int32", "bool", [256, 0, -1])
    assert [True, False, False, True] == run("float32", "bool", [0.5, 0.0, -0.0, np.nan])


def test_floats_lose_what_is_behind_the_point():
    """Towards zero; what is beyond the type gets its last number, and what is no number 0."""
    assert [1, -1, 0, 127, -128, 127, 0] == run("float32", "int8", [1.9, -1.9, -0.9, 127.9, -128.9, 1e30, np.nan])
    assert [2**31 - 1, -(2**31), 2**31 - 128] == run("float32", "int32", [2.0**31, -(2.0**31), 2.0**31 - 128])
    assert [2**32 - 1, 0, 0, 2**32 - 256] == run("float32", "uint32", [2.0**32, -1.0, -0.5, 2.0**32 - 256])


def test_a_float_of_a_large_number_is_the_nearest():
    """2^24 + 1 has no float; the even one of both neighbours is taken."""
    assert [2.0**24, 2.0**24 + 4, 2.0**32] == run("uint32", "float32", [2**24 + 1, 2**24 + 3, 2**32 - 1])


PAIRS = [(source, target) for source in CASTABLE for target in CASTABLE if target != source]
NUMBERS = st.floats(-300, 300, width=32) | st.floats(width=32)
ELEMENTS = {"float32": NUMBERS}


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_every_pair_equals_tflm(pairs, data):
    """Any numbers of each type, infinities and NaN among them."""
    inputs = [data.draw(arrays(np.dtype(dtype), (4, 1, COUNT), elements=ELEMENTS.get(dtype))) for dtype in CASTABLE]
    model, native = pairs
    expected, actual = run_tflm(model, inputs), native.run(inputs)
    differing = sum(int((e.reshape(a.shape).view(np.uint8) != a.view(np.uint8)).sum()) for e, a in zip(expected, actual, strict=True))
    note(model, len(inputs[0]), differing, forms=0)

    assert [each.tobytes() for each in expected] == [each.tobytes() for each in actual]


@pytest.fixture(scope="module")
def pairs():
    """The model of every pair, and its C."""
    model = casts(PAIRS)
    note(model, 0, 0)
    return model, Native(compile_model(model, "m"))


@pytest.mark.parametrize("pair", [("int8", "int8"), ("int32", "int32"), ("bool", "int8")])
def test_bytes_that_stay_need_no_kernel(pair):
    """Between a RESHAPE and another the cast is a name for the same memory."""
    source, target = pair
    tensors = tuple(plain(name, dtype, (1, 4)) for name, dtype in zip("xayb", (source, source, target, target), strict=True))
    code = tflite.BuiltinOperator
    kinds = ((code.RESHAPE, 0, 1), (code.CAST, 1, 2), (code.RESHAPE, 2, 3))
    operators = tuple(OperatorSpec(kind, (read,), (written,)) for kind, read, written in kinds)
    compiled = compile_model(write_tflite(tensors, operators, outputs=(3,)), "m")

    assert Alias(2, 1) in compiled.program.aliases
    assert {"ef_copy"} == {call.function for call in compiled.program.calls}


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_the_other_parity_has_the_same_whole_numbers(whole, data):
    """LiteRT's reference, from whole numbers to any type, from floats to bool."""
    inputs = [data.draw(arrays(np.dtype(dtype), (4, 1, COUNT), elements=ELEMENTS.get(dtype))) for dtype in CASTABLE]
    model, native = whole
    outputs = native.run(inputs)

    assert fence.ask_litert(model, inputs, len(outputs)) == b"".join(each[n].tobytes() for n in range(4) for each in outputs)


@pytest.fixture(scope="module")
def whole():
    """The model of the pairs that LiteRT has as TFLM has them, and its C."""
    model = casts([(source, target) for source, target in PAIRS if source != "float32" or target == "bool"])
    return model, Native(compile_model(model, "m", Parity.LITERT_REFERENCE))


def test_floats_to_whole_numbers_are_refused_for_the_other_parity():
    """It makes NaN 127."""
    with pytest.raises(
        UnsupportedOperator, match=r"make what is no number the greatest int8, TFLM makes it 0, .*; expected parity tflm, or a QUANTIZE"
    ):
        compile_model(cast("float32", "int8"), "m", Parity.LITERT_REFERENCE)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (activation("x", (1, 4), dtype="uint8"), plain("y", "int8", (1, 4)), "'x' is uint8, which TFLM doesn't cast; expected one of int8, int16"),
        (plain("x", "int8", (1, 4)), plain("y", "int64", (1, 4)), "'y' is int64, which TFLM doesn't cast; .*; quantize in its place"),
        (plain("x", "int8", (1, 4)), plain("y", "int32", (1, 2, 2)), r"'y' has shape \(1, 2, 2\); expected \(1, 4\)"),
    ],
)
def test_what_tflm_does_not_cast_is_refused(source, target, message):
    """By the tensor and its type."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 CAST at position 0 of 1: .*{message}"):
        compile_model(one_operator("CAST", [source], [target]), "m")
