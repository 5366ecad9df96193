"""Lines by tables, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.pick import nearest
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import answer, codes, constant, differing_bytes, several_operators


def gather(shape, places, axis, **options):
    """Arguments of `several_operators`."""
    indices = np.array(places, np.int32)
    output = (*shape[:axis], *indices.shape, *shape[axis + 1 :])
    return "GATHER", [codes("x", shape), constant("k", indices)], [codes("y", output)], "GatherOptions", {"Axis": axis} | options


def resize(shape, size, corners=False, centers=False):
    output = (1, *size, shape[3])
    inputs = [codes("x", shape), constant("k", np.array(size, np.int32))]
    return (
        "RESIZE_NEAREST_NEIGHBOR",
        inputs,
        [codes("y", output)],
        "ResizeNearestNeighborOptions",
        {"AlignCorners": corners, "HalfPixelCenters": centers},
    )


@st.composite
def gathers(draw):
    shape = (1, *draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    axis = draw(st.integers(1, len(shape) - 1))
    places = draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=6))
    return gather(shape, draw(st.sampled_from([places, places[0], [places]])), axis)


SIZES = st.integers(1, 9)
RESIZES = st.tuples(
    st.tuples(st.just(1), SIZES, SIZES, st.integers(1, 4)), st.tuples(SIZES, SIZES), st.sampled_from([(False, False), (True, False), (False, True)])
)


@settings(max_examples=10, deadline=None)
@given(st.lists(gathers() | RESIZES.map(lambda each: resize(*each[:2], *each[2])), min_size=8, max_size=8), st.integers(0, 10**6))
def test_picks_equal_tflm(operators, seed):
    """Any places, sizes and ways to resize; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (gather((1, 2, 2, 1), [1, 1, 0], 1), [[[3], [4]], [[3], [4]], [[1], [2]]]),
        (gather((1, 2, 2, 1), 1, 2), [[2], [4]]),
        (resize((1, 2, 2, 1), (2, 4)), [[[1], [1], [2], [2]], [[3], [3], [4], [4]]]),
        (resize((1, 2, 2, 1), (3, 1), corners=True), [[[1]], [[3]], [[3]]]),  # 0, 0.5 rounded up, 1
    ],
)
def test_picks_by_hand(parts, expected):
    """Two rows of two pixels."""
    assert [expected] == answer(parts, [[[[1], [2]], [[3], [4]]]])


@pytest.mark.parametrize(
    ("size", "output", "corners", "centers", "expected"),
    [(2, 4, False, False, (0, 0, 1, 1)), (4, 2, False, True, (1, 3)), (3, 5, True, False, (0, 1, 1, 2, 2)), (3, 1, True, False, (0,))],
)
def test_the_nearest_place(size, output, corners, centers, expected):
    """Four places of two; two of four, from their middles; five of three, 0.5 and 1.5 rounded up; one alone is the first."""
    assert expected == nearest(size, output, corners, centers)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (gather((1, 3), [0, 3], 1), "it takes places 0 to 3 of 3"),
        (gather((1, 3), [-1], 1), "it takes places -1 to -1 of 3"),
        (gather((1, 3), [0], 1, BatchDims=1), "it has batch_dims 1; expected 0"),
        (gather((1, 70_000), [0], 1), "it takes places 0 to 0 of 70000"),
        (gather((1, 70_000, 2), [[1], [0]], 2), "it repeats 70000 times 2 x 1 lines; expected at most 65535"),
        (
            ("GATHER", [codes("x", (1, 3)), constant("k", np.array([0], np.int32))], [codes("y", (1, 2))], "GatherOptions", {"Axis": 1}),
            r"has shape \(1, 2\); expected \(1, 1\)",
        ),
        (
            ("RESIZE_NEAREST_NEIGHBOR", [codes("x", (1, 3, 1)), constant("k", np.array([2, 2], np.int32))], [codes("y", (1, 2, 2))], "", {}),
            r"has shape \(1, 3, 1\) and size \(2, 2\)",
        ),
    ],
)
def test_what_is_not_there_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
