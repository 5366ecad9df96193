"""One factor for a whole tensor."""

import pytest

from emberflow.compiler.lower.scale import Scale, small_scale
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.errors import UnsupportedOperator
from emberflow.graph import read_graph
from tests.compiler.harness import activation, one_operator


def site():
    graph = read_graph(one_operator("MUL", [activation("x", (1,)), activation("z", (1,))], [activation("y", (1,))], "MulOptions"))
    return Site(graph, graph.operators[0], Parity.TFLM)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.5, Scale(1 << 30, 1, 0)),  # 2**30 * 2**(1 - 32)
        (0.375, Scale(3 << 29, 1, 1)),  # 0.75 of 2**31, one to the right
        (3.0, Scale(3 << 29, 3, 0)),  # the same, two to the left
    ],
)
def test_small_scale(real, expected):
    """mantissa * 2**(left - right - 32)."""
    assert expected == small_scale(site(), real)
    assert real == expected.mantissa * 2.0 ** (expected.left - expected.right - 32)


def test_a_scale_that_leaves_32_bits_is_refused():
    """2**16 times 2**14 still fits, twice that does not."""
    assert 15 == small_scale(site(), 2.0**14 - 1).left
    with pytest.raises(UnsupportedOperator, match="so small that one step of the input is 16,384 steps of the output; calibrate again"):
        small_scale(site(), 2.0**14)


def test_a_factor_that_is_none_is_refused():
    """Two scales so small that their product is 0."""
    with pytest.raises(UnsupportedOperator, match=r"received a factor of 0\.0; expected a positive, finite one; convert the model again"):
        small_scale(site(), 0.0)
