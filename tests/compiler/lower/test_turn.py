"""Axes turned, taken apart and repeated, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import answer, codes, constant, differing_bytes, several_operators


def integers(*values):
    return constant("k", np.array(values, np.int32))


def transpose(shape, order):
    """Arguments of `several_operators`."""
    return "TRANSPOSE", [codes("x", shape), integers(*order)], [codes("y", [shape[axis] for axis in order])], "TransposeOptions", {}


def space_to_depth(places, depth, block):
    image, deep = (1, places[0] * block, places[1] * block, depth), (1, *places, depth * block**2)
    return "SPACE_TO_DEPTH", [codes("x", image)], [codes("y", deep)], "SpaceToDepthOptions", {"BlockSize": block}


def depth_to_space(places, depth, block):
    _, (image,), (deep,), _, options = space_to_depth(places, depth, block)
    return "DEPTH_TO_SPACE", [deep], [image], "DepthToSpaceOptions", options


def broadcast(shape, output):
    return "BROADCAST_TO", [codes("x", shape), integers(*output)], [codes("y", output)], "", {}


@st.composite
def transposes(draw):
    shape = (1, *draw(st.lists(st.integers(1, 5), max_size=4)))
    return transpose(shape, draw(st.permutations(range(len(shape)))))


@st.composite
def broadcasts(draw):
    output = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    rank = draw(st.integers(1, len(output)))
    return broadcast([1, *(draw(st.sampled_from([1, size])) for size in output[-rank:][1:])], output)


BLOCKS = st.tuples(st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(1, 5), st.integers(2, 3))
ANY = transposes() | broadcasts() | BLOCKS.map(lambda each: space_to_depth(*each)) | BLOCKS.map(lambda each: depth_to_space(*each))


@settings(max_examples=10, deadline=None)
@given(st.lists(ANY, min_size=8, max_size=8), st.integers(0, 10**6))
def test_turns_equal_tflm(operators, seed):
    """Any shapes, permutations, blocks and repetitions; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


@pytest.mark.parametrize(
    ("parts", "given_codes", "expected"),
    [
        (transpose((1, 2, 3), (0, 2, 1)), [[1, 2, 3], [4, 5, 6]], [[1, 4], [2, 5], [3, 6]]),
        (space_to_depth((1, 1), 1, 2), [[[1], [2]], [[3], [4]]], [[[1, 2, 3, 4]]]),
        (depth_to_space((1, 1), 1, 2), [[[1, 2, 3, 4]]], [[[1], [2]], [[3], [4]]]),
        (broadcast((1, 1, 2), (1, 2, 2)), [[1, 2]], [[1, 2], [1, 2]]),
    ],
)
def test_turns_by_hand(parts, given_codes, expected):
    """Six codes, or four."""
    assert [expected] == answer(parts, [given_codes])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            ("TRANSPOSE", [codes("x", (1, 2)), integers(0, 0)], [codes("y", (1, 2))], "TransposeOptions", {}),
            r"it orders 2 axes as \(0, 0\); expected each of them once",
        ),
        (("TRANSPOSE", [codes("x", ()), integers(0)], [codes("y", ())], "", {}), r"it orders 0 axes as \(0,\); expected each of them once"),
        (("TRANSPOSE", [codes("x", (1, 2)), integers(1, 0)], [codes("y", (1, 2))], "TransposeOptions", {}), r"has shape \(1, 2\); expected \(2, 1\)"),
        (
            ("SPACE_TO_DEPTH", [codes("x", (1, 3, 2, 1))], [codes("y", (1, 1, 1, 4))], "SpaceToDepthOptions", {"BlockSize": 2}),
            r"an image of shape \(1, 3, 2, 1\) is no .* with blocks of 2",
        ),
        (
            ("DEPTH_TO_SPACE", [codes("x", (1, 1, 1, 3))], [codes("y", (1, 2, 2, 1))], "DepthToSpaceOptions", {"BlockSize": 2}),
            r"pixels of shape \(1, 1, 1, 3\) hold no blocks of 2",
        ),
        (("DEPTH_TO_SPACE", [codes("x", (1, 1, 1, 4))], [codes("y", (1, 2, 2, 1))], "", {}), "hold no blocks of 0"),
        (broadcast((1, 2), (1, 4)), r"of shape \(1, 2\) can't be spread to \(1, 4\); expected sizes of 1, or the same"),
        (broadcast((1, 1, 1), (1, 4)), r"can't be spread to \(1, 4\)"),
    ],
)
def test_what_does_not_turn_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
