"""Where windows begin."""

import pytest

from emberflow.compiler.lower.window import Axis, window_fields
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.errors import UnsupportedOperator
from emberflow.graph import read_graph
from tests.compiler.harness import activation, one_operator


@pytest.mark.parametrize(
    ("axis", "padding", "pad", "steps"),
    [
        (Axis(5, 5, 3, 1), "SAME", 1, 5),
        (Axis(5, 3, 3, 2), "SAME", 1, 3),
        (Axis(6, 3, 3, 2), "SAME", 0, 3),  # (3 - 1) * 2 + 3 - 6 = 1: all of it behind
        (Axis(49, 25, 10, 2), "SAME", 4, 25),
        (Axis(5, 3, 3, 1), "VALID", 0, 3),
        (Axis(9, 5, 3, 1, dilation=2), "VALID", 0, 5),
        (Axis(2, 0, 3, 1), "VALID", 0, 0),
    ],
)
def test_padding(axis, padding, pad, steps):
    """Worked out by hand from TensorFlow's definition."""
    assert (pad, steps) == (axis.pad(padding), axis.steps(padding))


def fields(shape, output, **options):
    options = {"Padding": 0, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2} | options
    graph = read_graph(one_operator("MAX_POOL_2D", [activation("x", shape)], [activation("y", output)], "Pool2DOptions", **options))
    return window_fields(Site(graph, graph.operators[0], Parity.TFLM), (options["FilterHeight"], options["FilterWidth"]))


def test_fields_are_those_of_the_kernels():
    """A 2x2 window with stride 2 over 4x6."""
    found = fields((1, 4, 6, 3), (1, 2, 3, 3), StrideH=2, StrideW=2)

    assert (4, 6, 3, 2, 3, 2, 2, 2, 2, 0, 0) == tuple(found.values())


@pytest.mark.parametrize(
    ("shape", "output", "options", "message"),
    [
        ((2, 4, 4, 1), (2, 4, 4, 1), {}, r"expected \(1, height, width, channels\) for both; convert the model with batch 1"),
        ((1, 4, 4), (1, 4, 4), {}, r"it leads from shape \(1, 4, 4\) to \(1, 4, 4\)"),
        ((1, 4, 4, 1), (1, 3, 4, 1), {}, r"its output has \(3, 4\) places; a window of \(2, 2\) with SAME padding takes \(4, 4\)"),
        ((1, 4, 70000, 1), (1, 4, 70000, 1), {}, r"expected at most 65535"),
        ((1, 600, 4, 1), (1, 2, 4, 1), {"StrideH": 300}, r"255 for strides"),
        ((1, 1, 65535, 4096), (1, 1, 65535, 4096), {}, r"with its border takes 138,\d{3},\d{3},\d{3} B; expected less than 2\^31"),
    ],
)
def test_what_a_window_cant_do_is_refused(shape, output, options, message):
    """Other ranks, a batch, another size than the window leads to, and more than the parameters hold."""
    with pytest.raises(UnsupportedOperator, match=message):
        fields(shape, output, **options)
