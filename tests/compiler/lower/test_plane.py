"""How large the plane of a 3x3 depthwise convolution is."""

import pytest

from emberflow.compiler.lower.plane import Plane


def window(**changes):
    """SAME over 5 x 5 with stride 1."""
    fields = {"in_height": 5, "in_width": 5, "out_height": 5, "out_width": 5, "height": 3, "width": 3}
    return fields | {"stride_y": 1, "stride_x": 1, "pad_y": 1, "pad_x": 1, "in_zero_point": 0} | changes


@pytest.mark.parametrize(
    ("made", "width", "height", "columns", "rows"),
    [
        (window(), 8, 7, 5, 5),  # a border on each side makes 7; the last of an odd number of outputs reads a fourth place
        (window(out_height=3, out_width=3, pad_y=0, pad_x=0), 6, 5, 5, 5),  # VALID
        (window(out_height=3, out_width=3, stride_y=2, stride_x=2), 8, 7, 5, 5),
        (window(in_height=6, in_width=6, out_height=2, out_width=2, stride_y=2, stride_x=2, pad_y=0, pad_x=0), 6, 5, 6, 5),  # a row is not reached
    ],
)
def test_sizes(made, width, height, columns, rows):
    """Worked out by hand."""
    plane = Plane.of(made)

    assert (width, height, columns, rows) == tuple(plane.fields[name] for name in ("plane_width", "plane_height", "columns", "rows"))
    assert 2 * width * height == plane.size_bytes


@pytest.mark.parametrize("made", [window(height=5), window(width=1), window(stride_x=3)])
def test_other_windows_have_no_plane(made):
    """They go by the general kernel."""
    assert Plane.of(made) is None
