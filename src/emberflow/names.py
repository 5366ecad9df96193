"""Names beside points of a plot, none over another. Knows boxes in pixels; refuses to know what the points mean."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from emberflow.canvas import FAINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Box(NamedTuple):
    """A rectangle on the drawing, in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: "Box") -> bool:
        """Whether they share more than an edge."""
        return self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top


class Mark(NamedTuple):
    """A named point, in pixels."""

    x: float
    y: float
    name: str


def name_marks(axes: "Axes", marks: Sequence[Mark], taken: Sequence[Box], line: float) -> None:
    """Write the names beside their marks: those of neighbouring marks as one column, in the order of the marks, with lines to them.

    Names keep off `taken` and, where they can, off the horizontal line at height `line` (pixels). A name that finds no free place is
    left out rather than written over another.
    """
    frame, pixels = axes.bbox, _pixels(axes)
    avoided = Box(frame.x0, line - pixels, frame.x1, line + pixels)
    blocked = [*taken, *(Box(x - 5 * pixels, y - 5 * pixels, x + 5 * pixels, y + 5 * pixels) for x, y, _ in marks)]
    for column in gather(marks, 64 * pixels):
        spots = share_spots(column)
        left = max(mark.x for mark in column) + (10 if len(spots) == 1 else 22) * pixels
        labels = [axes.text(0, 0, mark.name, fontsize=8, va="center") for mark in spots]
        wanted = [(mark.y, label.get_window_extent().width) for mark, label in zip(spots, labels, strict=True)]
        heights = spread(wanted, 11 * pixels, left, [*blocked, avoided], (frame.y0, frame.y1))
        for mark, label, height, (_, width) in zip(spots, labels, heights, wanted, strict=True):
            box = Box(left, height - 5 * pixels, left + width, height + 5 * pixels)
            if box.top > frame.y1 or any(box.overlaps(other) for other in blocked):
                label.remove()
                continue
            blocked.append(box)
            _put(axes, label, mark, (left, height))


def _pixels(axes: "Axes") -> float:
    """Pixels in a point."""
    figure: Any = axes.figure
    return float(figure.dpi) / 72


def _put(axes: "Axes", label: Any, mark: Mark, place: tuple[float, float]) -> None:
    """Move `label` to `place` and, when that isn't level with its mark, draw a line to it."""
    to_data, pixels = axes.transData.inverted().transform, _pixels(axes)
    label.set_position(to_data(place))
    if place[0] - mark.x > 12 * pixels or abs(place[1] - mark.y) > 8 * pixels:
        axes.plot(*to_data([(mark.x + 5 * pixels, mark.y), (place[0] - 2 * pixels, place[1])]).T, color=FAINT, linewidth=0.5, zorder=1.5)


def gather(marks: Sequence[Mark], reach: float) -> list[list[Mark]]:
    """Marks from left to right in groups no wider than `reach`; each group from bottom to top."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks):
        if groups and mark.x - groups[-1][0].x <= reach:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return [sorted(group, key=lambda mark: (mark.y, mark.x, mark.name)) for group in groups]


def share_spots(marks: Sequence[Mark]) -> list[Mark]:
    """Marks in order, those within four pixels of an earlier one joined to it by name: `int8, uint8`."""
    spots: list[Mark] = []
    for mark in marks:
        near = next((i for i, spot in enumerate(spots) if abs(mark.x - spot.x) < 4 and abs(mark.y - spot.y) < 4), None)
        if near is None:
            spots.append(mark)
        else:
            spots[near] = spots[near]._replace(name=f"{spots[near].name}, {mark.name}")
    return spots


def spread(names: Sequence[tuple[float, float]], gap: float, left: float, blocked: Sequence[Box], ends: tuple[float, float]) -> list[float]:
    """Heights for a column of names, near those wanted, `gap` apart and clear of `blocked` as far as twenty rounds of pushing bring them.

    Args:
        names: wanted height of the middle (rising) and width of each. gap: least distance of two middles.
        left: where all names begin. blocked: boxes to keep off. ends: lowest and highest edge.
    Returns: heights in the same order and unit.
    """
    heights = [height for height, _ in names]
    for _ in range(20):
        before = list(heights)
        heights = [_clear(Box(left, h - gap / 2, left + width, h + gap / 2), blocked) for h, (_, width) in zip(heights, names, strict=True)]
        heights = _keep_apart(heights, gap, ends)
        if heights == before:
            break
    return heights


def _keep_apart(heights: Sequence[float], gap: float, ends: tuple[float, float]) -> list[float]:
    """Rising heights at least `gap` apart with the least squared movement, moved as one where they would pass an end.

    With i * gap taken off the i-th, that is isotonic regression, solved by pooling neighbours that are out of order.
    """
    pools: list[tuple[float, int]] = []  # mean, number
    for i, height in enumerate(heights):
        pools.append((height - i * gap, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, m), (high, n) = pools[-2:]
            pools[-2:] = [((low * m + high * n) / (m + n), m + n)]
    bottom, top = ends[0] + gap / 2, ends[1] - gap / 2 - (len(heights) - 1) * gap
    flat = [min(max(mean, bottom), max(top, bottom)) for mean, number in pools for _ in range(number)]
    return [mean + i * gap for i, mean in enumerate(flat)]


def _clear(box: Box, blocked: Sequence[Box]) -> float:
    """The middle of `box` after every box that it hits has pushed it to its nearer edge."""
    half, middle = (box.top - box.bottom) / 2, (box.top + box.bottom) / 2
    for other in blocked:
        if Box(box.left, middle - half, box.right, middle + half).overlaps(other):
            middle = other.top + half if middle >= (other.top + other.bottom) / 2 else other.bottom - half
    return middle
