"""Borders around tensors, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, answer, codes, constant, differing_bytes, lowered, several_operators

REFLECT, SYMMETRIC = 0, 1


def pad(shape, paddings, value=None):
    """PAD, or PADV2 with a value, as arguments of `several_operators`."""
    output = np.array(shape) + np.array(paddings).sum(axis=1)
    inputs = [codes("x", shape), constant("p", np.array(paddings, np.int32))]
    if value is not None:
        inputs.append(constant("v", np.array([value], np.int8), inputs[0].scales, inputs[0].zero_points))
    return ("PAD" if value is None else "PADV2"), inputs, [codes("y", output)], "PadOptions" if value is None else "PadV2Options", {}


def mirror(shape, paddings, mode):
    return "MIRROR_PAD", pad(shape, paddings)[1], pad(shape, paddings)[2], "MirrorPadOptions", {"Mode": mode}


@st.composite
def pads(draw):
    shape = (1, *draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    paddings = [(0, 0), *([draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in shape[1:])]
    return pad(shape, paddings, draw(st.none() | st.integers(-128, 127)))


@st.composite
def mirrors(draw):
    mode, rank = draw(st.sampled_from([REFLECT, SYMMETRIC])), draw(st.integers(2, 4))
    shape = (1, *draw(st.lists(st.integers(2, 5), min_size=rank - 1, max_size=rank - 1)))
    first = draw(st.integers(1, rank - 1))
    paddings = [tuple(draw(st.integers(0, shape[axis] - 1)) for _ in "ab") if axis in (first, first + 1) else (0, 0) for axis in range(rank)]
    return mirror(shape, paddings, mode)


@settings(max_examples=8, deadline=None)
@given(st.lists(pads() | mirrors(), min_size=8, max_size=8), st.integers(0, 10**6))
def test_pads_equal_tflm(operators, seed):
    """Any shapes and paddings; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (pad((1, 1, 2), [(0, 0), (1, 0), (0, 1)]), [[-7, -7, -7], [5, 6, -7]]),  # the zero point of `codes`
        (pad((1, 1, 2), [(0, 0), (0, 1), (1, 0)], 9), [[9, 5, 6], [9, 9, 9]]),
        (mirror((1, 1, 2), [(0, 0), (0, 0), (1, 1)], REFLECT), [[6, 5, 6, 5]]),
        (mirror((1, 1, 2), [(0, 0), (0, 0), (1, 2)], SYMMETRIC), [[5, 5, 6, 6, 5]]),
    ],
)
def test_pads_by_hand(parts, expected):
    """Two codes, 5 and 6."""
    assert [expected] == answer(parts, [[[5, 6]]])


def test_numbers_of_four_bytes_are_padded_with_0():
    """What stands for 0 among int32."""
    parts = (
        "PAD",
        [codes("x", (1, 2, 2), "int32"), *pad((1, 2, 2), [(0, 0), (1, 0), (0, 1)])[1][1:]],
        [codes("y", (1, 3, 3), "int32")],
        "PadOptions",
        {},
    )
    assert 0 == differing_bytes(several_operators(parts), samples=4)[0]


def test_a_pad_in_front_fills_only_what_is_new():
    """What a causal Conv1D needs: the input may lie in the output from the start."""
    model = several_operators(pad((1, 4, 3), [(0, 0), (2, 0), (0, 0)]))
    filled, copied = lowered(model).steps
    assert ("ef_fill", 0, 6) == (filled.function, filled.arguments[1], filled.arguments[3])
    assert (6, 12) == (copied.target_offset, copied.size_bytes)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (pad((1, 2), [(0, 0), (0, -1)]), r"its paddings are \(0, 0, 0, -1\); expected two from 0 on for each axis"),
        (pad((1, 2), [(0, 0)]), r"its paddings are \(0, 0\); expected two"),
        ((*pad((1, 2), [(0, 0), (0, 1)])[:2], [codes("y", (1, 2))], "PadOptions", {}), r"has shape \(1, 2\); expected \(1, 3\)"),
        (mirror((1, 2), [(0, 0), (2, 0)], REFLECT), "it pads axis 1 of size 2 by 2 and 0; expected at most 1"),
        (mirror((1, 2, 2, 2), [(0, 0), (1, 0), (0, 0), (1, 0)], REFLECT), r"it changes axes \[1, 3\]; expected one, or two that are neighbours"),
        (("MIRROR_PAD", *pad((1, 2), [(0, 0), (0, 1)])[1:3], "", {}), "it has no options; expected REFLECT or SYMMETRIC"),
        (
            ("PADV2", [*pad((1, 2), [(0, 0), (1, 0)])[1], activation("v", (1,))], [codes("y", (1, 3))], "PadV2Options", {}),
            "it pads with tensor 2 'v', which is computed or no single number",
        ),
        (
            (
                "PADV2",
                [codes("x", (1, 2), "int32"), constant("p", np.array([(0, 0), (1, 0)], np.int32)), constant("v", np.array([5], np.int32))],
                [codes("y", (1, 3), "int32")],
                "PadV2Options",
                {},
            ),
            "it pads with 5; expected a number whose bytes are all the same",
        ),
    ],
)
def test_what_is_no_border_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
