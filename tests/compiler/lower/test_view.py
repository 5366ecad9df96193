"""Views of tensors, and the ways between them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.compiler.lower.view import Path, View, merge, path_between, view_of
from emberflow.graph import Tensor


def tensor(*shape, dtype="int8"):
    return Tensor(0, "x", shape, shape, dtype, None, None, 0, False)


def elements(view):
    """Where each element lies, by hand."""
    return [view.offset + sum(i * step for i, step in zip(index, view.steps, strict=True)) for index in np.ndindex(view.shape)]


def walk(path, source, target):
    """(byte of the source, byte of the target) of everything that a path goes over."""
    for index in np.ndindex(*(count for count, _, _ in path.axes)):
        for byte in range(path.run):
            ways = [sum(i * axis[side] for i, axis in zip(index, path.axes, strict=True)) for side in (1, 2)]
            yield source.offset + ways[0] + byte, target.offset + ways[1] + byte


def test_a_view_of_a_tensor_walks_it_in_order():
    """Two rows of three: a row is three elements further."""
    assert View((2, 3), (3, 1), 0, 1) == view_of(tensor(2, 3))
    assert View((2, 3), (12, 4), 0, 4) == view_of(tensor(2, 3, dtype="int32"))
    assert View((3, 2), (2, 1), 0, 1) == view_of(tensor(2, 3), (3, 2))


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (view_of(tensor(2, 3)).cut(1, 1, 2), [1, 2, 4, 5]),
        (view_of(tensor(2, 3)).cut(1, 2, 2, -2), [2, 0, 5, 3]),
        (view_of(tensor(2, 3)).turn((1, 0)), [0, 3, 1, 4, 2, 5]),
        (view_of(tensor(2, 4)).split(1, 2).turn((1, 0, 2)), [0, 1, 4, 5, 2, 3, 6, 7]),
        (view_of(tensor(1, 2)).stretch((2, 2)), [0, 1, 0, 1]),
    ],
)
def test_what_a_view_sees(view, expected):
    """Cut, backwards, turned, split and turned, repeated."""
    assert expected == elements(view)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (view_of(tensor(1, 4, 5, 3)), Path((), 60)),
        (view_of(tensor(1, 4, 5, 6)).cut(3, 0, 3), Path(((20, 6, 3),), 3)),
        (view_of(tensor(1, 4, 9, 3)).cut(2, 2, 5), Path(((4, 27, 15),), 15)),
        (view_of(tensor(1, 5, 4, 3)).turn((0, 2, 1, 3)), Path(((4, 3, 15), (5, 12, 3)), 3)),
        (view_of(tensor(1, 3, 4, 5)).turn((0, 2, 3, 1)), Path(((20, 1, 3), (3, 20, 1)), 1)),
    ],
)
def test_a_path_has_few_axes_and_long_runs(source, expected):
    """Into (1, 4, 5, 3): all of it, part of the channels, part of a row, height and width exchanged, channels first to channels last."""
    assert expected == path_between(source, view_of(tensor(1, 4, 5, 3)))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
def test_a_path_goes_over_every_element_once(shape, data):
    """For any permutation, and any cut of it, of elements of 1 or 4 bytes."""
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    dtype = data.draw(st.sampled_from(["int8", "int32"]))
    source = view_of(tensor(*shape, dtype=dtype)).turn(order)
    for axis, size in enumerate(source.shape):
        count = data.draw(st.integers(1, size))
        source = source.cut(axis, data.draw(st.integers(0, size - count)), count)
    target = view_of(tensor(*source.shape, dtype=dtype))
    whole = [(a + byte, b + byte) for a, b in zip(elements(source), elements(target), strict=True) for byte in range(source.itemsize)]

    assert sorted(whole) == sorted(walk(path_between(source, target), source, target))


def test_loops_are_merged_where_one_does():
    """A loop over 2 rows of 3 in both; the second pair lies apart in the source."""
    assert [(6, 1, 1)] == merge([(2, 3, 3), (3, 1, 1)])
    assert [(2, 4, 3), (3, 1, 1)] == merge([(2, 4, 3), (3, 1, 1)])
