"""ARG_MAX and ARG_MIN, by hand and against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, TensorSpec, activation, constant, differing_bytes, one_operator, several_operators, tflite


def places(name, shape):
    return TensorSpec(name, tuple(shape), tflite.TensorType.INT32)


def arg(shape, axis, output, code="ARG_MAX"):
    return one_operator(code, [activation("x", shape), constant("axis", np.array(axis, np.int32))], [places("y", output)])


def test_of_equal_codes_the_first():
    """7 stands at 1 and 3, -9 at 2 and 4."""
    codes = np.array([[[5, 7, -9, 7, -9]]], np.int8)

    assert [[1]] == Native(compile_model(arg((1, 5), 1, (1,)), "m")).run([codes])[0].tolist()
    assert [[2]] == Native(compile_model(arg((1, 5), 1, (1,), "ARG_MIN"), "m")).run([codes])[0].tolist()


@settings(max_examples=10, deadline=None)
@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), data=st.data())
def test_any_axis_equals_tflm(shape, data):
    """Counted from the front or from the back."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    output = [size for place, size in enumerate(shape) if place != axis % len(shape)]
    parts = [
        (code, [activation("x", tuple(shape)), constant("axis", np.array([axis], np.int32))], [places("y", output)], "", {})
        for code in ("ARG_MAX", "ARG_MIN")
    ]

    assert 0 == differing_bytes(several_operators(*parts), samples=16)[0]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (arg((1, 5), 2, (1,)), "runs along axis 2 of 2; expected -2 to 1; convert the model again"),
        (arg((1, 5), -3, (1,)), "runs along axis -3 of 2"),
        (arg((1, 5), [0, 1], (1,)), "isn't one constant axis; expected one"),
        (arg((1, 5), 1, (2,)), r"leads from shape \(1, 5\) to \(2,\) along axis 1; expected one place for each row"),
        (arg((1, 0), 1, (1,)), r"has shape \(1, 0\); expected one element or more"),
        (
            one_operator("ARG_MAX", [activation("x", (1, 5)), activation("axis", (1,), dtype="int32")], [places("y", (1,))]),
            "isn't one constant axis",
        ),
        (
            one_operator("ARG_MAX", [activation("x", (1, 5)), constant("axis", np.array(1, np.int32))], [activation("y", (1,))]),
            "'y' is int8; expected int32; set output_type to int32",
        ),
    ],
)
def test_what_is_no_axis_is_refused(model, message):
    """By name, with what to do."""
    with pytest.raises(UnsupportedOperator, match=f"operator 0 ARG_MAX .*{message}"):
        compile_model(model, "m")
