"""Operators that are only another view."""

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.compiler.lower.shape import lower_reshape
from emberflow.compiler.program import Copy
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.errors import UnsupportedOperator
from emberflow.graph import read_graph
from tests.compiler.harness import Native, activation, constant, differing_bytes, one_operator


def reshape(output_shape):
    inputs = [activation("x", (1, 2, 3)), constant("shape", np.array(output_shape, np.int32))]
    graph = read_graph(one_operator("RESHAPE", inputs, [activation("y", output_shape)], "ReshapeOptions"))
    return Site(graph, graph.operators[0], Parity.TFLM)


def test_a_reshape_is_all_of_its_input():
    """Six bytes, from the first on; whether they are copied is decided later."""
    site = reshape((1, 6))
    assert (Copy(site.operator, 0, 2, 0, 0, 6),) == lower_reshape(site)


@pytest.mark.parametrize(
    ("code", "inputs", "output", "kind", "options"),
    [
        ("SQUEEZE", [activation("x", (1, 5, 1, 3))], (5, 3), "SqueezeOptions", {"SqueezeDims": (0, 2)}),
        ("SQUEEZE", [activation("x", (1, 5, 1, 3))], (1, 5, 3), "SqueezeOptions", {"SqueezeDims": (2,)}),
        ("EXPAND_DIMS", [activation("x", (5, 3)), constant("axis", np.array([0], np.int32))], (1, 5, 3), "", {}),
        ("EXPAND_DIMS", [activation("x", (5, 3)), constant("axis", np.array([-1], np.int32))], (5, 3, 1), "", {}),
    ],
)
def test_a_squeezed_or_expanded_tensor_equals_tflms(code, inputs, output, kind, options):
    """The same numbers, with places of size 1 taken out or put in."""
    assert 0 == differing_bytes(one_operator(code, inputs, [activation("y", output)], kind, **options), samples=8)[0]


def test_a_constant_is_reshaped_out_of_flash():
    """It has no place in RAM that the output could share."""
    model = one_operator("RESHAPE", [constant("x", np.array([[5, 6]], np.int8), (0.05,)), activation("spare", (1,))], [activation("y", (2,))])
    native = Native(compile_model(model, "m"))

    assert [[5, 6]] == native.run([np.zeros((1, 1), np.int8)])[0].tolist()


def test_a_reshape_to_another_size_is_refused():
    """Six bytes can't be seven."""
    with pytest.raises(UnsupportedOperator, match=r"operator 0 RESHAPE .* of shape \(1, 2, 3\) and .* of shape \(1, 7\) hold different"):
        lower_reshape(reshape((1, 7)))


def test_an_output_that_no_kernel_writes_is_refused():
    """A caller would be given what was in memory."""
    model = one_operator("RESHAPE", [activation("x", (1, 4))], [activation("y", (4,)), activation("z", (4,))])
    with pytest.raises(UnsupportedOperator, match=r"operator 0 RESHAPE .*: its kernel doesn't write tensor 2 'z'; expected 1 outputs"):
        compile_model(model, "m")


def test_an_operator_without_a_kernel_is_refused_by_name():
    """With its place, and what could be meant."""
    model = one_operator("COS", [activation("x", (1, 4))], [activation("y", (1, 4))])
    with pytest.raises(UnsupportedOperator, match=r"operator 0 COS at position 0 of 1: it has no kernel; expected one of .*CONV_2D"):
        compile_model(model, "m")
