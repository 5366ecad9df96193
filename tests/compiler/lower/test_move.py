"""What every move checks, and what becomes of it."""

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.compiler.program import Call, Copy
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, codes, constant, lowered, several_operators


def concatenation(inputs, output):
    return several_operators(("CONCATENATION", inputs, [output], "ConcatenationOptions", {"Axis": len(output.shape) - 1}))


def test_one_run_is_a_copy_and_several_are_a_call():
    """Two rows of two and of one: interleaved, they take an axis of two runs each; without rows they are two runs in all."""
    together = lowered(concatenation([codes("a", (1, 2)), codes("b", (1, 1))], codes("y", (1, 3)))).steps
    assert [Copy(together[0].operator, 0, 2, 0, 0, 2), Copy(together[0].operator, 1, 2, 0, 2, 1)] == list(together)

    apart = lowered(concatenation([codes("a", (1, 2, 2)), codes("b", (1, 2, 1))], codes("y", (1, 2, 3)))).steps
    assert ["ef_move", "ef_move"] == [step.function for step in apart]
    assert [(2, 2, 3), (2, 1, 3)] == [tuple(step.arguments[0].fields["axes"].values.tolist()) for step in apart]


def test_a_constant_is_copied_out_of_flash():
    """It has no place in RAM that could be shared."""
    held = constant("c", np.array([[1, 2]], np.int8), codes("x", (1,)).scales, codes("x", (1,)).zero_points)
    moved = lowered(concatenation([held, codes("b", (1, 1))], codes("y", (1, 3)))).steps[0]
    assert isinstance(moved, Call)
    assert ("ef_copy", 0, 0, 2) == (moved.function, moved.arguments[1], moved.arguments[3], moved.arguments[4])


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        ([activation("x", (1, 2), dtype="float32")], codes("y", (1, 2)), "is int8; expected float32"),
        ([activation("x", (1, 2), 0.1)], codes("y", (1, 2)), "has scale and zero point .* expected the same"),
    ],
)
def test_a_move_changes_no_number(inputs, output, message):
    """Neither its type nor what its code stands for."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(concatenation(inputs, output), "m")
