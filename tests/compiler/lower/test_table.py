"""Operators as tables of all codes: exact by construction, so every code is compared."""

import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.chain import TABLED
from emberflow.compiler.program import Alias
from emberflow.errors import UnsupportedOperator
from emberflow.evaluate.codes import all_codes
from tests.compiler.harness import Native, OperatorSpec, TensorSpec, activation, note, one_operator, run_tflm, side_by_side, write_tflite

FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}  # the specification fixes scale and zero point of these outputs


def assert_equal(model, codes):
    """All outputs are TFLM's; each of the 256 codes counts as a vector."""
    expected, actual = run_tflm(model, codes), Native(compile_model(model, "m")).run(codes)
    note(model, codes[0].size, sum(int((e.reshape(a.shape) != a).sum()) for e, a in zip(expected, actual, strict=True)))

    assert [each.tolist() for each in expected] == [each.tolist() for each in actual]


def step(name, scale, zero_point, alpha):
    output = activation(name, (1, 256), *FIXED.get(name, (scale, zero_point)))
    return (name, output, "LeakyReluOptions", {"Alpha": alpha}) if name == "LEAKY_RELU" else (name, output, "", {})


@settings(max_examples=6, deadline=None)
@given(
    exponents=st.tuples(st.floats(-4, 1), st.floats(-1, 1)),
    points=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    alpha=st.floats(-1, 1, width=32),
)
def test_every_code_of_every_operator_equals_tflm(exponents, points, alpha):
    """All of them side by side, but RSQRT, which takes no code below zero."""
    scale, ratio = (10.0**exponent for exponent in exponents)
    model = side_by_side(
        [activation("x", (1, 256), scale, points[0])], [step(n, scale * ratio, points[1], alpha) for n in sorted(TABLED - {"RSQRT"})]
    )
    codes = [all_codes("int8")[np.newaxis]]

    assert_equal(model, codes)


def test_rsqrt_equals_tflm_where_tflm_answers():
    """With the zero point below all codes, none is negative."""
    model = one_operator("RSQRT", [activation("x", (1, 256), 0.05, -128)], [activation("y", (1, 256), 0.02, 5)])
    codes = [all_codes("int8")[np.newaxis]]

    assert_equal(model, codes)


@pytest.mark.parametrize("pair", [("int8", "uint8"), ("uint8", "int8")])
@pytest.mark.parametrize("points", [(0, 0), (5, 100)])
@pytest.mark.parametrize("scale", [0.05, 0.07])
def test_quantize_between_signed_and_unsigned(pair, points, scale):
    """At the border of a model with uint8."""
    zero_points = [point - 128 if dtype == "int8" and point == 0 else point for dtype, point in zip(pair, points, strict=True)]
    source, target = (activation(n, (1, 256), s, z, d) for n, s, z, d in zip("xy", (0.05, scale), zero_points, pair, strict=True))
    model = one_operator("QUANTIZE", [source], [target])
    codes = [all_codes(pair[0])[np.newaxis]]

    assert_equal(model, codes)


def functions(model):
    return [call.function for call in compile_model(model, "m").program.calls]


def test_signed_to_unsigned_of_one_scale_needs_no_table():
    """The top bit changes."""
    x, y = activation("x", (1, 7), 0.05, -28), activation("y", (1, 7), 0.05, 100, "uint8")

    assert ["ef_flip"] == functions(one_operator("QUANTIZE", [x], [y]))


def test_a_table_that_changes_nothing_is_an_alias():
    """RELU with its zero point below all codes; the second writes the output of the graph, which has memory of its own."""
    tensors = [activation(name, (1, 4), 0.05, -128) for name in "xyz"]
    relu = tflite.BuiltinOperator.RELU
    model = write_tflite(tuple(tensors), (OperatorSpec(relu, (0,), (1,)), OperatorSpec(relu, (1,), (2,))), outputs=(2,))

    assert (Alias(1, 0),) == compile_model(model, "m").program.aliases
    assert ["ef_copy"] == functions(model)


def test_equal_tables_stand_once():
    """Two of three operators have the same scales."""
    steps = [("TANH", activation("y", (1, 4), *FIXED["TANH"]), "", {})] * 2 + [("ELU", activation("z", (1, 4), 0.05), "", {})]
    compiled = compile_model(side_by_side([activation("x", (1, 4), 0.05)], steps), "m")

    assert 2 == compiled.files["m.c"].count(b"table_") - 3  # each definition once, each of three calls


def test_a_table_may_overwrite_its_input():
    """Each byte is read where it is written."""
    model = one_operator("TANH", [activation("x", (1, 4))], [activation("y", (1, 4), *FIXED["TANH"])])

    assert ((1, 0),) == compile_model(model, "m").program.calls[0].in_place


@pytest.mark.parametrize(
    ("name", "source", "target", "message"),
    [
        ("LOGISTIC", activation("x", (1, 4)), activation("y", (1, 4), 1 / 256, 3), "TFLM refuses the model: .*logistic_common.cc"),
        ("ABS", activation("x", (1, 4)), activation("y", (1, 2, 2)), r"leads from shape \(1, 4\) to \(1, 2, 2\); expected the same"),
        ("ABS", activation("x", (1, 4), dtype="int16"), activation("y", (1, 4), dtype="int16"), "is int16; expected int8 or uint8"),
        ("ELU", TensorSpec("x", (1, 4)), activation("y", (1, 4)), "is int8 without a scale"),
        ("QUANTIZE", activation("x", (1, 4), dtype="uint8"), activation("y", (1, 4), dtype="uint8"), "Input UINT8, output UINT8 not supported"),
    ],
)
def test_what_tflm_does_not_run_is_refused(name, source, target, message):
    """In TFLM's words where they are its own."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 {name} at position 0 of 1: .*{message}"):
        compile_model(one_operator(name, [source], [target]), "m")
