"""Bilinear resizing, against TFLM."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler import compile_model
from emberflow.compiler.lower.resize import between
from emberflow.errors import UnsupportedOperator
from tests.compiler.harness import activation, answer, codes, constant, differing_bytes, several_operators


def resize(shape, size, corners=False, centers=False):
    """Arguments of `several_operators`."""
    inputs, output = [codes("x", shape), constant("k", np.array(size, np.int32))], (shape[0], *size, shape[3])
    return "RESIZE_BILINEAR", inputs, [codes("y", output)], "ResizeBilinearOptions", {"AlignCorners": corners, "HalfPixelCenters": centers}


SIZES = st.integers(1, 9)
RESIZES = st.builds(
    lambda shape, size, ways: resize(shape, size, *ways),
    st.tuples(st.just(1), SIZES, SIZES, st.integers(1, 5)),
    st.tuples(SIZES, SIZES),
    st.sampled_from([(False, False), (True, False), (False, True)]),
)


@settings(max_examples=10, deadline=None)
@given(st.lists(RESIZES, min_size=8, max_size=8), st.integers(0, 10**6))
def test_resizing_equals_tflm(operators, seed):
    """Any sizes, to more and to fewer pixels; eight operators in a model."""
    assert 0 == differing_bytes(several_operators(*operators), samples=4, seed=seed)[0]


@pytest.mark.parametrize(
    ("size", "corners", "centers", "expected"),
    [
        ((1, 4), False, False, [[[10], [15], [20], [20]]]),
        ((1, 4), False, True, [[[10], [13], [18], [20]]]),  # 12.5 and 17.5, away from 0
        ((1, 3), True, False, [[[10], [15], [20]]]),
    ],
)
def test_resizing_by_hand(size, corners, centers, expected):
    """Two pixels, 10 and 20."""
    assert [expected] == answer(resize((1, 1, 2, 1), size, corners, centers), [[[[10], [20]]]])


def test_places_and_weights():
    """Half of 2 pixels to 4, from their middles: -0.25, 0.25, 0.75 and 1.25 of a pixel; before the first both places are the same."""
    assert [[0, 0, -256], [0, 1, 256], [0, 1, 768], [1, 1, 256]] == between(2, 4, align_corners=False, half_pixel_centers=True).tolist()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (resize((1, 2, 2, 1), (4, 70_000)), r"it leads from \(1, 2, 2, 1\) to \(1, 4, 70000, 1\); expected batch 1, at most 65535"),
        (
            (*resize((1, 2, 2, 1), (4, 4))[:2], [activation("y", (1, 4, 4, 1), 0.1)], "ResizeBilinearOptions", {}),
            "has scale and zero point .* expected the same",
        ),
    ],
)
def test_what_does_not_resize_is_refused(parts, message):
    """By name, with what was expected."""
    with pytest.raises(UnsupportedOperator, match=message):
        compile_model(several_operators(parts), "m")
