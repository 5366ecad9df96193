"""Joining tensors, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, answer, codes, constant, differing_bytes, several_operators


def concatenation(shapes, axis, dtype="int8", constants=()):
    """Arguments of `several_operators`; the inputs at `constants` are held by the file."""
    output = list(shapes[0])
    output[axis] = sum(shape[axis] for shape in shapes)
    held = {n: np.random.default_rng(n).integers(-128, 128, shapes[n]).astype(dtype) for n in constants}
    like = codes("x", (1,))
    inputs = [constant("c", held[n], like.scales, like.zero_points) if n in held else codes("x", shape, dtype) for n, shape in enumerate(shapes)]
    return "CONCATENATION", inputs, [codes("y", output, dtype)], "ConcatenationOptions", {"Axis": axis}


def pack(shape, count, axis):
    output = list(shape)
    output.insert(axis % (len(shape) + 1), count)
    return "PACK", [codes("x", shape)] * count, [codes("y", output)], "PackOptions", {"Axis": axis, "ValuesCount": count}


SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(lambda shape: (1, *shape))


@st.composite
def concatenations(draw):
    shape, count = draw(SHAPES), draw(st.integers(1, 4))
    axis = draw(st.integers(-len(shape), len(shape) - 1).filter(lambda found: found % len(shape) > 0))
    sizes = draw(st.lists(st.integers(1, 5), min_size=count, max_size=count))
    shapes = [tuple(size if i == axis % len(shape) else whole for i, whole in enumerate(shape)) for size in sizes]
    held = draw(st.sampled_from([(), (count - 1,)] if count > 1 else [()]))
    return concatenation(shapes, axis, draw(st.sampled_from(["int8", "int32"])), held)


@st.composite
def packs(draw):
    shape = draw(SHAPES)
    return pack(shape, draw(st.integers(1, 4)), draw(st.integers(-len(shape), len(shape)).filter(lambda axis: axis not in (0, -len(shape) - 1))))


@settings(max_examples=8, deadline=None)
@given(st.lists(concatenations() | packs(), min_size=8, max_size=8), st.integers(0, 10**6))
def test_joins_equal_tflm(operators, seed):
    """Any shapes and axes, constants among the parts; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


def test_a_concatenation_by_hand():
    """One channel and two channels, of two pixels."""
    assert [[[1, 10, 11], [2, 20, 21]]] == answer(concatenation([(1, 2, 1), (1, 2, 2)], 2), [[[1], [2]]], [[[10, 11], [20, 21]]])


def test_a_pack_by_hand():
    """Pairs from two tensors."""
    assert [[[1, 3], [2, 4]]] == answer(pack((1, 2), 2, 2), [[1, 2]], [[3, 4]])


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
            ("PACK", [codes("x", (1, 2))], [codes("y", (1, 2, 2))], "PackOptions", {"Axis": 1, "ValuesCount": 1}),
            "it packs 1 tensors along axis 1; expected 2",
        ),
        (
            ("PACK", [codes("x", (1, 2))], [codes("y", (1, 1, 2))], "PackOptions", {"Axis": 1}),
            "its values_count is 0; expected 1, as many as it reads",
        ),
        (
            ("PACK", [codes("x", (1, 3))], [codes("y", (1, 1, 2))], "PackOptions", {"Axis": 1, "ValuesCount": 1}),
            r"has shape \(1, 3\); expected \(1, 2\)",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
