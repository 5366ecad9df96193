"""One operator, as a lowering sees it."""

import re

import numpy as np
import pytest

from emberflow.compiler.program import Constant, Read, Write
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.errors import UnsupportedOperator
from emberflow.graph import read_graph
from tests.compiler.harness import activation, constant, one_operator


def site(activation_name="NONE", scale=0.05, zero_point=3, dtype="int8", scales=(0.5,)):
    code = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4}[activation_name]
    weights = constant("w", np.arange(4, dtype=np.int8).reshape(1, 4), scales, axis=1)
    model = one_operator(
        "ADD",
        [activation("x", (1, 4)), weights],
        [activation("y", (1, 4), scale, zero_point, dtype)],
        "AddOptions",
        FusedActivationFunction=code,
    )
    graph = read_graph(model)
    return Site(graph, graph.operators[0], Parity.TFLM)


def test_arguments():
    """A computed tensor is read where it lies, a constant one becomes an array in flash, named after the operator."""
    here = site()

    assert (Read(0), Write(2)) == (here.read(0), here.write())
    held = here.read(1)
    assert isinstance(held, Constant)
    assert ("add_0_operand1", [0, 1, 2, 3]) == (held.name, held.values.tolist())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NONE", (-128, 127)),
        ("RELU", (3, 127)),
        ("RELU6", (3, 123)),  # 3 + 6 / 0.05
        ("RELU_N1_TO_1", (-17, 23)),  # 3 -+ 1 / 0.05
    ],
)
def test_clamp(name, expected):
    """The codes of 0, 6 and 1 with a step of 0.05 and a zero point of 3."""
    assert expected == site(name).clamp()


def test_clamp_never_leaves_the_type():
    """6 would be code 603."""
    assert (3, 127) == site("RELU6", scale=0.01).clamp()


def test_an_activation_without_bounds_is_refused():
    """TANH can't be fused into a clamp."""
    with pytest.raises(UnsupportedOperator, match=r"operator 0 ADD at position 0 of 1: a fused TANH isn't compiled; expected one of NONE, RELU"):
        site("TANH").clamp()


def test_a_long_reason_is_told_without_its_middle():
    """A file may hold a million numbers where one was expected."""
    with pytest.raises(UnsupportedOperator, match=r"ADD at position 0 of 1: its axes are 7777.* \.\.\. 7777.*7; expected one") as caught:
        site().refuse(f"its axes are {'7' * 5000}; expected one")
    assert len(str(caught.value)) < 800


def test_another_type_is_refused():
    """With the types that go, and what to do."""
    here = site()
    with pytest.raises(UnsupportedOperator, match=re.escape("tensor 0 'x' is int8; expected int16 or int32; convert the model with full-integer")):
        here.expect_dtype(here.tensor(0), "int16", "int32")


def test_several_scales_for_activations_are_refused():
    """Only weights may have one a channel."""
    here = site(scales=(0.5, 0.5, 0.5, 0.5))
    with pytest.raises(UnsupportedOperator, match=r"tensor 1 'w' has 4 scales; expected one for a tensor of activations"):
        here.scale(here.tensor(1))


def test_a_tensor_without_a_scale_is_refused():
    """Its codes mean nothing."""
    here = site(scales=())
    with pytest.raises(UnsupportedOperator, match=r"tensor 1 'w' is int8 without a scale"):
        here.zero_point(here.tensor(1))


def test_scale_and_zero_point():
    """Of the output: the float32 next to 0.05."""
    here = site()

    assert (float(np.float32(0.05)), 3) == (here.scale(here.output), here.zero_point(here.output))
