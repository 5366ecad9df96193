"""Operators that move numbers, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import Native, activation, constant, differing_bytes, several_operators

SCALE, ZERO_POINT = 0.05, -7


def codes(name, shape, dtype="int8"):
    return activation(name, shape, SCALE, ZERO_POINT, dtype)


def concatenation(shapes, axis, dtype="int8", constants=()):
    """Arguments of `several_operators`; the inputs at `constants` are held by the file."""
    output = list(shapes[0])
    output[axis] = sum(shape[axis] for shape in shapes)
    held = {n: np.random.default_rng(n).integers(-128, 128, shapes[n]).astype(dtype) for n in constants}
    inputs = [constant("c", held[n], (SCALE,), (ZERO_POINT,)) if n in held else codes("x", shape, dtype) for n, shape in enumerate(shapes)]
    return "CONCATENATION", inputs, [codes("y", output, dtype)], "ConcatenationOptions", {"Axis": axis}


def pad(shape, paddings, value=None):
    """PAD, or PADV2 with a value."""
    output = np.array(shape) + np.array(paddings).sum(axis=1)
    inputs = [codes("x", shape), constant("p", np.array(paddings, np.int32))]
    if value is not None:
        inputs.append(constant("v", np.array([value], np.int8), (SCALE,), (ZERO_POINT,)))
    return ("PAD" if value is None else "PADV2"), inputs, [codes("y", output)], "PadOptions" if value is None else "PadV2Options", {}


SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(lambda shape: (1, *shape))


@st.composite
def concatenations(draw):
    shape, count = draw(SHAPES), draw(st.integers(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1).filter(lambda found: found % len(shape) > 0))
    sizes = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    shapes = [tuple(size if i == axis % len(shape) else whole for i, whole in enumerate(shape)) for size in sizes]
    return concatenation(shapes, axis, constants=draw(st.sampled_from([(), (count - 1,)] if count > 1 else [()])))


@st.composite
def pads(draw):
    shape = draw(SHAPES)
    paddings = [(0, 0), *([draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in shape[1:])]
    return pad(shape, paddings, draw(st.none() | st.integers(-128, 127)))


@settings(max_examples=10, deadline=None)
@given(st.lists(concatenations() | pads(), min_size=8, max_size=8), st.integers(0, 10**6))
def test_moves_equal_tflm(operators, seed):
    """Any shapes, axes and paddings; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


def run(parts, *inputs):
    """What the compiled C answers to `inputs`, without the batch."""
    return Native(compile_model(several_operators(parts), "m")).run([np.array(each, np.int8)[np.newaxis] for each in inputs])[0][0].tolist()


def test_a_concatenation_by_hand():
    """One channel and two channels, of two pixels."""
    assert [[[1, 10, 11], [2, 20, 21]]] == run(concatenation([(1, 2, 1), (1, 2, 2)], 2), [[[1], [2]]], [[[10, 11], [20, 21]]])


def test_a_pad_by_hand():
    """A line above, two columns on the right; the border is the zero point."""
    assert [[[-7, -7, -7]], [[5, -7, -7]]] == run(pad((2, 1, 1), [(1, 0), (0, 0), (0, 2)]), [[[5]], [[6]]])[:2]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((*concatenation([(1, 2), (1, 2)], 1)[:4], {"Axis": 2}), "it works along axis 2; expected one of the 2 axes"),
        ((*concatenation([(1, 2), (1, 2)], 1)[:4], {"Axis": 1, "FusedActivationFunction": 1}), "a fused RELU isn't compiled; expected NONE"),
        (
            ("CONCATENATION", [codes("x", (1, 2))], [codes("y", (1, 3))], "ConcatenationOptions", {"Axis": 1}),
            "its inputs have 2 places .* its output 3",
        ),
        (
            ("CONCATENATION", [codes("x", (1, 2))], [codes("y", (2, 2))], "ConcatenationOptions", {"Axis": 1}),
            r"has shape \(1, 2\); expected \(2, 2\)",
        ),
        (
            ("CONCATENATION", [activation("x", (1, 2), 0.1)], [codes("y", (1, 2))], "ConcatenationOptions", {"Axis": 1}),
            "has scale and zero point .* expected the same",
        ),
        (
            ("CONCATENATION", [codes("x", (1, 2))], [activation("y", (1, 2), SCALE, 7, "uint8")], "ConcatenationOptions", {"Axis": 1}),
            "is uint8; expected int8",
        ),
        (pad((1, 2), [(0, 0), (0, -1)]), r"its paddings are \(0, 0, 0, -1\); expected two from 0 on for each axis"),
        (pad((1, 2), [(0, 0)]), r"its paddings are \(0, 0\); expected two"),
    ],
)
def test_what_does_not_fit_together_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
