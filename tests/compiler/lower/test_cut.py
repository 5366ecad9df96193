"""Parts of tensors, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, answer, codes, constant, differing_bytes, several_operators


def integers(*values):
    return constant("k", np.array(values, np.int32))


def slicing(shape, begin, size):
    """Arguments of `several_operators`."""
    output = [whole - b if s == -1 else s for whole, b, s in zip(shape, begin, size, strict=True)]
    return "SLICE", [codes("x", shape), integers(*begin), integers(*size)], [codes("y", output)], "SliceOptions", {}


def strided(shape, begin, end, strides, **masks):
    """STRIDED_SLICE; the output's shape as NumPy has it, an axis that vanishes taken at one place."""
    bits = {name: [mask >> axis & 1 for axis in range(len(shape))] for name, mask in masks.items()}
    free = [0] * len(shape)
    taken = tuple(
        b if shrinks else slice(None if open_b else b, None if open_e else e, s)
        for b, e, s, open_b, open_e, shrinks in zip(
            begin, end, strides, *(bits.get(name, free) for name in ("BeginMask", "EndMask", "ShrinkAxisMask")), strict=True
        )
    )
    output = np.empty(shape)[taken].shape
    return (
        "STRIDED_SLICE",
        [codes("x", shape), integers(*begin), integers(*end), integers(*strides)],
        [codes("y", output)],
        "StridedSliceOptions",
        masks,
    )


def split(shape, count, axis):
    part = [size // count if i == axis % len(shape) else size for i, size in enumerate(shape)]
    return "SPLIT", [integers(axis), codes("x", shape)], [codes("y", part)] * count, "SplitOptions", {"NumSplits": count}


def split_v(shape, sizes, axis):
    rest = shape[axis] - sum(size for size in sizes if size != -1)
    parts = [[(rest if part == -1 else part) if i == axis % len(shape) else size for i, size in enumerate(shape)] for part in sizes]
    outputs = [codes("y", part) for part in parts]
    return "SPLIT_V", [codes("x", shape), integers(*sizes), integers(axis)], outputs, "SplitVOptions", {"NumSplits": len(sizes)}


def unpack(shape, axis):
    output = [size for i, size in enumerate(shape) if i != axis % len(shape)]
    return "UNPACK", [codes("x", shape)], [codes("y", output)] * shape[axis], "UnpackOptions", {"Axis": axis, "Num": shape[axis]}


def reverse(shape, axis):
    return "REVERSE_V2", [codes("x", shape), integers(axis)], [codes("y", shape)], "", {}


SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(lambda shape: (1, *shape))


@st.composite
def slicings(draw):
    shape = draw(SHAPES)
    begin = [draw(st.integers(0, size - 1)) for size in shape]
    return slicing(shape, begin, [draw(st.sampled_from([-1, *range(1, size - b + 1)])) for size, b in zip(shape, begin, strict=True)])


@st.composite
def strideds(draw):
    shape = draw(SHAPES)
    strides = [1, *(draw(st.sampled_from([-2, -1, 1, 2, 3])) for _ in shape[1:])]
    places = [range(size)[::s] for size, s in zip(shape, strides, strict=True)]
    begin = [draw(st.sampled_from(list(each))) for each in places]
    end = [b + (1 if s > 0 else -1) * draw(st.integers(1, 4)) for b, s in zip(begin, strides, strict=True)]
    end = [min(e, size) if s > 0 else e for e, size, s in zip(end, shape, strides, strict=True)]
    open_ends = sum(1 << axis for axis, e in enumerate(end) if e < 0 or draw(st.booleans()))
    shrinks = draw(st.integers(0, 2 ** len(shape) - 1)) & sum(1 << axis for axis, s in enumerate(strides) if s == 1 and axis > 0)
    signed = [b - size if draw(st.booleans()) and not shrinks else b for b, size in zip(begin, shape, strict=True)]
    return strided(shape, signed, end, strides, EndMask=open_ends & ~shrinks, ShrinkAxisMask=shrinks)


@st.composite
def splits(draw):
    shape = draw(SHAPES)
    axis = draw(st.integers(1, len(shape) - 1))
    if draw(st.booleans()):
        return split(
            shape,
            draw(st.sampled_from([n for n in range(1, shape[axis] + 1) if shape[axis] % n == 0])),
            axis - draw(st.sampled_from([0, len(shape)])),
        )
    first = draw(st.integers(1, shape[axis]))
    return split_v(shape, [first] if first == shape[axis] else [first, draw(st.sampled_from([-1, shape[axis] - first]))], axis)


ANY = slicings() | strideds() | splits() | SHAPES.flatmap(lambda shape: st.integers(1, len(shape) - 1).map(lambda axis: unpack(shape, axis)))
REVERSED = SHAPES.flatmap(lambda shape: st.integers(1, len(shape) - 1).map(lambda axis: reverse(shape, axis)))


@settings(max_examples=12, deadline=None)
@given(st.lists(ANY | REVERSED, min_size=8, max_size=8), st.integers(0, 10**6))
def test_cuts_equal_tflm(operators, seed):
    """Any shapes, places, strides and masks; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (slicing((1, 2, 3), (0, 1, 1), (1, 1, -1)), [[5, 6]]),
        (strided((1, 2, 3), (0, 0, 2), (0, 0, 0), (1, 1, -2), EndMask=7), [[3, 1], [6, 4]]),
        (strided((1, 2, 3), (0, -1, 0), (1, 0, 3), (1, 1, 1), ShrinkAxisMask=2), [4, 5, 6]),
        (split((1, 2, 3), 3, 2), [[1], [4]]),
        (split_v((1, 2, 3), [2, -1], 2), [[1, 2], [4, 5]]),
        (unpack((1, 2, 3), 1), [1, 2, 3]),
        (reverse((1, 2, 3), 2), [[3, 2, 1], [6, 5, 4]]),
    ],
)
def test_cuts_by_hand(parts, expected):
    """Two rows of three codes; the first part where there are several."""
    assert [expected] == answer(parts, [[[1, 2, 3], [4, 5, 6]]])


def with_outputs(parts, *shapes):
    return (*parts[:2], [codes("y", shape) for shape in shapes], *parts[3:])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (with_outputs(slicing((1, 3), (0, 1), (1, 2)), (1, 3)), r"has shape \(1, 3\); expected \(1, 2\)"),
        (slicing((1, 3), (0, 2), (1, 2)), r"it takes places 2 to 3 along axis 1 of .*, of shape \(1, 3\); expected places inside"),
        (
            ("SLICE", [codes("x", (1, 3)), integers(0), integers(1)], [codes("y", (1, 1))], "SliceOptions", {}),
            r"from \(0,\) by \(1,\); expected as many",
        ),
        (strided((1, 3), (0, 1), (1, 3), (1, 1), NewAxisMask=1), "it has new_axis_mask 1; expected 0"),
        (strided((1, 3), (0, 1), (1, 3), (1, 1), EllipsisMask=2), "it has ellipsis_mask 2; expected 0"),
        (strided((1, 3), (0, 1), (1, 3), (1, 1), Offset=True), "it has offset True; expected 0"),
        (
            ("STRIDED_SLICE", [codes("x", (1, 3)), integers(0, 2), integers(1, 2), integers(1, 1)], [codes("y", (1, 1))], "StridedSliceOptions", {}),
            "it takes nothing along axis 1",
        ),
        (
            ("STRIDED_SLICE", [codes("x", (1, 3)), integers(0, 2), integers(1, 2), integers(1, 0)], [codes("y", (1, 1))], "StridedSliceOptions", {}),
            "a stride other than 0",
        ),
        (with_outputs(split((1, 4), 2, 1), (1, 2), (1, 2), (1, 2)), "it splits 4 places into 3 parts; expected equal ones"),
        (with_outputs(split_v((1, 4), [2, 2], 1), (1, 2)), r"it splits 4 places into \(2, 2\); expected sizes of 1 parts that add up"),
        (split_v((1, 4), [2, 1], 1), r"it splits 4 places into \(2, 1\); expected sizes of 2 parts that add up"),
        ((*with_outputs(unpack((1, 2), 1), (1,))[:4], {"Axis": 1, "Num": 1}), "it unpacks 2 places into 1 tensors"),
        (with_outputs(unpack((1, 2), 1), (1,)), "its num is 2; expected 1, as many as it writes"),  # TFLM goes by num
        (with_outputs(unpack((1, 2), 1), (1,), (2,)), r"has shape \(2,\); expected \(1,\)"),
        (("REVERSE_V2", [activation("x", (1, 2), dtype="int8"), integers(2)], [codes("y", (1, 2))], "", {}), "it works along axis 2"),
    ],
)
def test_what_is_no_part_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
