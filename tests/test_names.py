"""Names beside points, none over another."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emberflow.names import Box, Mark, gather, name_marks, share_spots, spread


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        (Box(5, 5, 15, 15), True),
        (Box(2, 2, 3, 3), True),
        (Box(10, 0, 20, 10), False),  # an edge in common
        (Box(0, 11, 10, 12), False),
    ],
)
def test_boxes_overlap_when_they_share_more_than_an_edge(other, overlaps):
    """Either way around."""
    box = Box(0, 0, 10, 10)

    assert box.overlaps(other) == overlaps
    assert other.overlaps(box) == overlaps


def test_neighbouring_marks_form_a_column_from_bottom_to_top():
    """50 pixels from the first is near, 70 is not."""
    marks = [Mark(120, 5, "far"), Mark(0, 90, "high"), Mark(50, 10, "low")]

    assert [[mark.name for mark in group] for group in gather(marks, 64)] == [["low", "high"], ["far"]]


def test_marks_on_one_spot_share_a_name():
    """Variants may be equal in size and score."""
    spots = share_spots([Mark(10, 10, "int8"), Mark(12, 11, "uint8"), Mark(10, 30, "float32")])

    assert [mark.name for mark in spots] == ["int8, uint8", "float32"]


def test_names_with_room_stay_where_they_are_wanted():
    """20 apart where 10 is enough."""

    assert spread([(20, 30), (40, 30)], 10, 0, [], (0, 100)) == [20, 40]


def test_names_too_near_give_way_by_half_each():
    """Wanted 50 and 54, 10 apart: 47 and 57."""

    assert spread([(50, 30), (54, 30)], 10, 0, [], (0, 100)) == [47, 57]


def test_a_name_leaves_a_blocked_place_on_its_nearer_side():
    """Blocked from 40 to 60: a name 10 high wanted at 52 goes to 65, one wanted at 48 to 35."""
    blocked = [Box(20, 40, 30, 60)]

    assert spread([(52, 30)], 10, 0, blocked, (0, 100)) == [65]
    assert spread([(48, 30)], 10, 0, blocked, (0, 100)) == [35]


def test_a_name_too_short_to_reach_what_is_blocked_stays():
    """It ends at 15, the box begins at 20."""

    assert spread([(52, 15)], 10, 0, [Box(20, 40, 30, 60)], (0, 100)) == [52]


def test_names_stay_between_the_ends():
    """Half their height away from them."""

    assert spread([(1, 30)], 10, 0, [], (0, 100)) == [5]
    assert spread([(99, 30)], 10, 0, [], (0, 100)) == [95]


@given(st.lists(st.floats(0, 400), min_size=1, max_size=12).map(sorted))
def test_where_there_is_room_names_never_collide(wanted):
    """Twelve names 10 high in 400 pixels, in order, all inside."""
    heights = spread([(height, 30) for height in wanted], 10, 0, [], (0, 400))

    assert all(high - low >= 10 - 1e-6 for low, high in pairwise(heights))
    assert heights[0] >= 5 - 1e-6
    assert heights[-1] <= 395 + 1e-6


def test_names_without_room_are_left_out_rather_than_written_over_one_another():
    """An inch holds 72 / 11 names of 8 points: six of twelve."""
    figure = Figure(figsize=(4, 1), dpi=72)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    name_marks(axes, [Mark(20, 5 + i * 5.5, f"variant {i}") for i in range(12)], [], line=-10)
    places = sorted(axes.transData.transform(text.get_position())[1] for text in axes.texts)

    assert 1 <= len(places) <= 6
    assert all(high - low >= 9.5 for low, high in pairwise(places))
