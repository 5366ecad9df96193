"""Tables that rows share: few values, each row's among them. Sets of integers; refuses to know what they weigh or where they lie.

TensorFlow Lite quantizes per channel: `code = round(centroid * 127 / largest centroid of the row)`. So the codes of a clustered layer
depend on the centroids and on which of them is the row's largest, and rows that agree in that have the same values, whatever their
scales. A layer of sixteen centroids has a handful of tables, not one a row; nothing is solved or rounded again, values are only gathered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TABLES = 256
"""Their numbers are uint8."""

Values = frozenset[int]


@dataclass(frozen=True)
class Tables:
    """Values of each table, ascending, and which table each row has."""

    tables: tuple[tuple[int, ...], ...]
    numbers: tuple[int, ...]

    @property
    def entries(self) -> int:
        """The size of the largest table."""
        return max((len(table) for table in self.tables), default=0)


def share_tables(rows: Sequence[Values], largest: int) -> Tables | None:
    """Tables of at most `largest` values that hold each row's; None where a row alone has more, or there would be more than MOST_TABLES.

    Greedy: the row with the most values first; each goes to the table that needs the fewest values more, if they still fit, else to a new
    one. Not always the fewest tables (that is set packing), but one where one suffices.
    """
    distinct = sorted(set(rows), key=lambda values: (-len(values), sorted(values)))
    if distinct and len(distinct[0]) > largest:
        return None
    found: list[set[int]] = []
    home: dict[Values, int] = {}
    for values in distinct:
        home[values] = _place(values, found, largest)
        if len(found) > MOST_TABLES:  # at once: each row is compared with every table
            return None
    return Tables(tuple(tuple(sorted(table)) for table in found), tuple(home[values] for values in rows))


def _place(values: Values, found: list[set[int]], largest: int) -> int:
    fitting = [at for at in range(len(found)) if len(values | found[at]) <= largest]
    if not fitting:
        found.append(set(values))
        return len(found) - 1
    number = min(fitting, key=lambda at: len(values - found[at]))
    found[number] |= values
    return number
