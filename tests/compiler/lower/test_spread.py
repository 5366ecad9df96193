"""Broadcasting, as axes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.spread import Axis, align, join_axes
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, one_operator


@pytest.mark.parametrize(
    ("a", "b", "output", "expected"),
    [
        ((2, 3, 4), (2, 3, 4), (2, 3, 4), (Axis(24, 1, 1),)),
        ((2, 3, 4), (1, 1, 4), (2, 3, 4), (Axis(4, 1, 1), Axis(6, 4, 0))),  # a bias
        ((2, 3, 4), (1, 1, 1), (2, 3, 4), (Axis(24, 1, 0),)),  # a scalar
        ((2, 3, 4), (2, 3, 1), (2, 3, 4), (Axis(4, 1, 0), Axis(6, 4, 1))),
        ((2, 1, 4), (1, 3, 4), (2, 3, 4), (Axis(4, 1, 1), Axis(3, 0, 4), Axis(2, 4, 0))),
        ((1, 1), (1, 1), (1, 1), (Axis(1, 1, 1),)),
    ],
)
def test_axes_that_behave_alike_are_one(a, b, output, expected):
    """Innermost first."""
    assert expected == join_axes(a, b, output)


@pytest.mark.parametrize(("shape", "expected"), [((4,), (1, 1, 4)), ((), (1, 1, 1)), ((2, 1, 4), (2, 1, 4)), ((3,), None), ((1, 2, 3, 4), None)])
def test_align(shape, expected):
    """To an output of (2, 3, 4): ones in front, and no other size than 1 or the output's."""
    assert expected == align(shape, (2, 3, 4))


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["both", "a", "b"])), min_size=1, max_size=6))
def test_axes_lead_where_numpy_does(axes):
    """Walking the axes finds the elements that NumPy's broadcasting finds."""
    output = tuple(size for size, _ in axes)
    a, b = (tuple(size if kind in ("both", side) else 1 for size, kind in axes) for side in "ab")
    output = tuple(max(pair) for pair in zip(a, b, strict=True))
    places = [(0, 0)]
    for axis in join_axes(a, b, output):
        places = [(x + i * axis.a_step, y + i * axis.b_step) for i in range(axis.size) for x, y in places]

    for position, shape in enumerate((a, b)):
        expected = np.broadcast_to(np.arange(np.prod(shape)).reshape(shape), output).reshape(-1).tolist()
        assert expected == [place[position] for place in places]


@pytest.mark.parametrize(
    ("a", "b", "output"),
    [((1, 2), (1, 3), (1, 3)), ((1, 1), (1, 1), (1, 3)), ((1, 1, 3), (1, 2, 3), (1, 1, 3)), ((1, 1, 2), (1, 2), (1, 2))],
)
def test_shapes_that_do_not_go_together_are_refused(a, b, output):
    """Sizes that differ, or an output that is none of theirs."""
    model = one_operator("MUL", [activation("a", a), activation("b", b)], [activation("y", output)], "MulOptions")
    with pytest.raises(UnsupportedOperator, match=r"operator 0 MUL .* don't broadcast to .*; expected equal sizes, or 1, along each axis"):
        compile_model(model, "m")


def test_more_axes_than_tflm_broadcasts_are_refused():
    """Of equal shapes there may be as many as there are."""
    seven = (1, 1, 2, 1, 2, 1, 2)
    same = one_operator("MUL", [activation("a", seven), activation("b", seven)], [activation("y", seven)], "MulOptions")
    other = one_operator("MUL", [activation("a", seven), activation("b", (2,))], [activation("y", seven)], "MulOptions")

    assert "ef_mul_same" == compile_model(same, "m").program.calls[0].function
    with pytest.raises(UnsupportedOperator, match="it broadcasts over 7 axes; expected at most 6; reshape them before"):
        compile_model(other, "m")
