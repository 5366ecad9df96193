"""Tables that rows share."""

from hypothesis import given
from hypothesis import strategies as st

from emberflow.compiler.weights.table import share_tables

VALUES = st.frozensets(st.integers(-128, 127), max_size=12)


def sets(*rows):
    return [frozenset(row) for row in rows]


def test_rows_that_lack_some_values_have_the_table_of_those_that_have_them():
    """Three rows of four centroids, none of which has all: one table."""
    shared = share_tables(sets({1, 2}, {2, 3, 4}, {1, 4}), 4)

    assert ((1, 2, 3, 4),) == shared.tables
    assert (0, 0, 0) == shared.numbers
    assert 4 == shared.entries


def test_rows_with_another_largest_centroid_have_another_table():
    """Centroids 1, 2, 4 in steps of 4/127 and of 2/127: nothing is shared but by chance."""
    shared = share_tables(sets({32, 64, 127}, {64, 127}, {63, 126, -127}), 4)

    assert ((32, 64, 127), (-127, 63, 126)) == tuple(sorted(shared.tables, reverse=True))
    assert shared.numbers[0] == shared.numbers[1] != shared.numbers[2]


def test_a_row_with_too_many_values():
    """Three values, and room for two."""
    assert None is share_tables(sets({1}, {1, 2, 3}), 2)


def test_no_values_at_all():
    """What rows of zeros leave for the table of what isn't zero."""
    assert 0 == share_tables(sets((), ()), 2).entries


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_each_row_finds_its_values(rows):
    """In the one table that it has, which has no more than the limit; and no more tables than rows."""
    shared = share_tables(rows, 16)

    for row, number in zip(rows, shared.numbers, strict=True):
        assert row <= set(shared.tables[number])
    assert max(len(table) for table in shared.tables) <= 16
    assert len(shared.tables) <= len(set(rows))


def test_more_tables_than_their_numbers_name_are_none_and_take_no_time():
    """Rows of two values out of 256, all different: each would be compared with thousands of tables."""
    rows = [frozenset((a, b)) for a in range(-128, 128) for b in range(-128, a)]

    assert share_tables(rows, 2) is None
    assert 256 == len(share_tables(rows[:256], 2).tables)
