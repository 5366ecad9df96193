"""Plots of a run: size against metric, confusion, training. Knows records; refuses to know files, windows and pages.

Blue circle: fits; vermilion cross: doesn't; star: champion (Okabe and Ito's colours, told apart by shape as well).
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from emberflow.canvas import FAINT, FITS, INK, MISSES, ROOM, Plot
from emberflow.names import Box, Mark, name_marks
from emberflow.record import Record
from emberflow.target import TargetKind
from emberflow.training import TrainingCurve
from emberflow.units import show_bytes
from emberflow.values import AnyArray
from emberflow.variant import Histogram, Quality, Variant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COUNTS = 24
_LONGEST_LABEL = 18


def pareto(record: Record) -> Plot:
    """Every variant by size (flash; for a Linux device the file) and metric with its 95 % interval; the front, the budget, the champion."""
    x = "file" if record.target.kind is TargetKind.LINUX else "flash"
    return Plot(
        partial(_draw_pareto, record), 8.4, 5.0, f"{len(record.variants)} variants by {x} and {record.metric}; the numbers stand in the table"
    )


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str], title: str) -> Plot:
    """Counts of true label (row) and prediction (column), coloured by their share of the row; counts are written for up to 24 labels."""
    side = _side(len(labels))
    return Plot(partial(_draw_confusion, np.asarray(matrix), [_shorten(label) for label in labels], title), side + 1.3, side + 1.0, title)


def answers(quality: Quality, labels: Sequence[str], unit: str, title: str) -> Plot:
    """What a model answered: predicted against true values in their `unit`, errors with their threshold, or who was decided as what."""
    if quality.points:
        return values(quality.points, labels, unit, title)
    if quality.histogram:
        return errors(quality.histogram, quality.thresholds, labels, title)
    if quality.by_label:
        return by_label(quality.by_label, labels, title)
    return confusion(quality.confusion, labels, title)


OUTCOMES = ("found", "missed", "said wrongly", "rightly not said")


def by_label(counts: Sequence[Sequence[int]], labels: Sequence[str], title: str) -> Plot:
    """Of several labels a sample: for each (row) how often it was found, missed, said wrongly, and rightly not said, coloured by its share."""
    draw = partial(_draw_counts, np.asarray(counts), [_shorten(label) for label in labels], list(OUTCOMES))
    return Plot(partial(_titled, draw, title), 4.6, _side(len(labels)) + 1.0, title)


def values(points: Sequence[Sequence[tuple[float, float]]], labels: Sequence[str], unit: str, title: str) -> Plot:
    """Predicted against true values, a panel for each of them, with the line on which they are equal."""
    return Plot(partial(_draw_values, points, [_shorten(label) for label in labels], unit, title), 3.4 * len(points), 3.4, title)


def errors(histogram: Histogram, thresholds: Sequence[float], labels: Sequence[str], title: str) -> Plot:
    """How many normal and how many anomalous samples have which error of reconstruction; the line is the threshold."""
    return Plot(partial(_draw_errors, histogram, thresholds, labels, title), 6.0, 2.7, title)


def training(curve: TrainingCurve) -> Plot:
    """Loss and what was watched after each epoch, of the training and the validation part."""
    return Plot(partial(_draw_training, curve), 8.4, 2.7, f"loss and {curve.watched} over {len(curve.loss)} epochs")


class _Point(NamedTuple):
    x: float  # KiB
    y: float
    low: float
    high: float
    variant: Variant


def _points(record: Record) -> list[_Point]:
    """Sorted by size; the metric's interval is that of the drop, turned around."""
    found = []
    for variant in record.variants:
        y, drop = variant.evaluation.quality.scores[record.metric], variant.evaluation.drop
        below, above = max(drop.high - drop.estimate, 0), max(drop.estimate - drop.low, 0)
        low, high = (y - below, y + above) if record.measure.higher_is_better else (y - above, y + below)
        found.append(_Point(_size_bytes(record, variant) / 1024, y, low, high, variant))
    return sorted(found, key=lambda point: (point.x, record.measure.rank(point.y), point.variant.recipe))


def _size_bytes(record: Record, variant: Variant) -> int:
    return variant.evaluation.size.file_bytes if record.target.kind is TargetKind.LINUX else variant.verdict.footprint.flash_bytes


def _limit_bytes(record: Record) -> int:
    offered, allowed = record.target.flash_bytes, record.budget.flash
    return offered if allowed is None else min(offered, allowed)


def _draw_pareto(record: Record, figure: "Figure") -> None:
    axes = figure.add_subplot()
    axes.set_xlabel("file, KiB" if record.target.kind is TargetKind.LINUX else "flash on the chip, KiB")
    axes.set_ylabel(", ".join(filter(None, [record.metric, record.measure.unit])))
    points = _points(record)
    if not points:
        return
    taken = _draw_budget(record, axes, points)
    _draw_front(record, axes, points)
    for point in points:
        _draw_point(record, axes, point)
    for name, look in _LOOKS.items():
        axes.plot([], [], linestyle="none", label=name, **look)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, handletextpad=0.3, columnspacing=1.4, borderaxespad=0.2)
    figure.draw_without_rendering()  # settles where the axes end, which names are placed by
    figure.set_layout_engine("none")
    to_pixels = axes.transData.transform
    places = to_pixels([(point.x, point.y) for point in points])  # (points, 2)
    marks = [Mark(x, y, point.variant.recipe) for (x, y), point in zip(places.tolist(), points, strict=True)]
    baseline = float(to_pixels((0, record.baseline.quality.scores[record.metric]))[1])
    name_marks(axes, marks, [Box(*text.get_window_extent().extents) for text in taken], baseline)


def _draw_budget(record: Record, axes: "Axes", points: list[_Point]) -> list[Any]:
    """Limits of the axes, the two lines of the budget with their names, the room between them shaded. Returns the names."""
    limit = _limit_bytes(record) / 1024
    baseline = record.baseline.quality.scores[record.metric]
    floor = baseline - record.budget.accuracy_drop if record.measure.higher_is_better else baseline + record.budget.accuracy_drop
    smallest, largest = points[0].x, points[-1].x
    reach = max(largest, limit) if limit < 1.5 * largest else largest
    margin = max(0.06 * (reach - smallest), 0.02 * reach)
    bottom, top = min(floor, baseline, *(point.low for point in points)), max(floor, baseline, *(point.high for point in points))
    axes.set_xlim(max(0, min(smallest, limit) - margin), reach + 3 * margin)
    axes.set_ylim(bottom - 0.06 * (top - bottom), top + 0.06 * (top - bottom))
    if not record.measure.higher_is_better:
        axes.invert_yaxis()  # better stands higher
    left, right = axes.get_xlim()
    edge = min(limit, right)
    axes.fill_between([left, edge], floor, axes.get_ylim()[1], color=ROOM, alpha=0.08, linewidth=0)
    axes.plot([left, edge], [floor, floor], color=ROOM, linewidth=1, linestyle=(0, (5, 3)))
    axes.axhline(baseline, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
    small: dict[str, Any] = {"fontsize": 8, "textcoords": "offset points", "color": ROOM}
    wide = edge - left > 0.25 * (right - left)
    bound = f"{'least' if record.measure.higher_is_better else 'most'} {record.metric} {record.measure.show(floor, digits=3)}"
    names = [
        axes.annotate(
            bound,
            (edge if wide else left, floor),
            va="top",
            **_beside(not wide),
            **small,
        ),
        axes.annotate(
            f"baseline {record.measure.show(baseline, digits=3)}", (right, baseline), (0, 2), ha="right", va="bottom", **{**small, "color": FAINT}
        ),
    ]
    if limit <= right:
        axes.plot([limit, limit], [floor, axes.get_ylim()[1]], color=ROOM, linewidth=1, linestyle=(0, (5, 3)))
        place = _beside(right - limit > 0.2 * (right - left))
        names.append(axes.annotate(f"budget {show_bytes(round(limit * 1024))}", (limit, axes.get_ylim()[1]), va="top", **place, **small))
    return names


def _beside(on_the_right: bool) -> dict[str, Any]:
    return {"ha": "left", "xytext": (4, -3)} if on_the_right else {"ha": "right", "xytext": (-4, -3)}


def _draw_front(record: Record, axes: "Axes", points: list[_Point]) -> None:
    front = [point for point in points if point.variant.recipe in record.choice.pareto]
    if front:
        xs, ys = [point.x for point in front], [point.y for point in front]
        axes.plot(
            [*xs, axes.get_xlim()[1]], [*ys, ys[-1]], drawstyle="steps-post", color=INK, linewidth=1, alpha=0.55, zorder=2, label="Pareto front"
        )


def _draw_point(record: Record, axes: "Axes", point: _Point) -> None:
    colour = FITS if point.variant.verdict.fits else MISSES
    axes.plot([point.x, point.x], [point.low, point.high], color=colour, alpha=0.35, linewidth=1.1, zorder=2.5)
    look = _LOOKS["champion" if point.variant.recipe == record.choice.champion else "fits" if point.variant.verdict.fits else "doesn't fit"]
    axes.plot([point.x], [point.y], linestyle="none", **look)


_LOOKS: dict[str, dict[str, Any]] = {
    "champion": {"marker": "*", "markersize": 14, "color": INK, "markeredgecolor": "white", "markeredgewidth": 0.6, "zorder": 5},
    "fits": {"marker": "o", "markersize": 6, "color": FITS, "zorder": 4},
    "doesn't fit": {"marker": "X", "markersize": 7, "color": MISSES, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 3},
}


def _draw_confusion(counts: AnyArray, labels: list[str], title: str, figure: "Figure") -> None:
    axes = figure.add_subplot()
    _draw_counts(counts, labels, labels, axes)
    axes.set(aspect="equal", xlabel="predicted", ylabel="true")
    axes.set_title(title)


def _draw_counts(counts: AnyArray, labels: list[str], columns: list[str], axes: "Axes") -> "Axes":
    """Numbers in cells, a row for each label, coloured by their share of the row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)  # (labels, columns)
    axes.pcolormesh(share, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.6, rasterized=len(labels) > 40)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    every = max(1, len(labels) // 40)
    size = 8 if len(labels) <= 12 else 7
    turned = {} if max(map(len, columns), default=0) <= 4 else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks((np.arange(len(columns)) + 0.5)[::every], columns[::every], fontsize=size, **turned)  # type: ignore[arg-type]
    axes.set_yticks((np.arange(len(labels)) + 0.5)[::every], labels[::every], fontsize=size)
    if len(labels) <= _MOST_COUNTS:
        _write_counts(axes, counts, share)
    return axes


def _write_counts(axes: "Axes", counts: AnyArray, share: AnyArray) -> None:
    cell = 72 * _side(len(counts)) / len(counts)  # points; a digit is 0.64 of the font's size wide
    size = min(9, 0.85 * cell / (0.64 * len(str(counts.max()))))
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            colour = "#ffffff" if share[row, column] > 0.55 else "#10151b"  # white on the dark half of Blues: contrast above 4.5
            axes.text(column + 0.5, row + 0.5, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=size)


def _side(labels: int) -> float:
    """Inches of a confusion matrix's side."""
    return min(max(0.42 * labels, 2.0), 9.0)


def _titled(draw: Any, title: str, figure: "Figure") -> None:
    draw(figure.add_subplot()).set_title(title)


def _draw_values(points: Sequence[Sequence[tuple[float, float]]], labels: list[str], unit: str, title: str, figure: "Figure") -> None:
    for axes, pairs, label in zip(np.ravel(figure.subplots(1, len(points))), points, labels, strict=True):
        truth, predicted = np.asarray(pairs).T  # (samples,) each
        ends = [min(truth.min(), predicted.min()), max(truth.max(), predicted.max())]
        axes.plot(ends, ends, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.plot(truth, predicted, linestyle="none", marker="o", markersize=3, alpha=0.5, color=FITS)
        said = f"{label}, {unit}" if unit else label
        axes.set(xlabel=f"true {said}", ylabel=f"predicted {said}", aspect="equal")
    figure.suptitle(title, x=0.02, ha="left", fontsize=9)


def _draw_errors(histogram: Histogram, thresholds: Sequence[float], labels: Sequence[str], title: str, figure: "Figure") -> None:
    axes = figure.add_subplot()
    for counts, label, colour, style in ((histogram.normal, labels[0], FITS, "-"), (histogram.anomalous, labels[1], MISSES, "--")):
        axes.stairs(counts, histogram.edges, color=colour, fill=True, alpha=0.3)
        axes.stairs(counts, histogram.edges, color=colour, linestyle=style, label=_shorten(label))
    for threshold in thresholds:
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (5, 3)), label=f"threshold {threshold:.3g}")
    axes.set(xscale="log", xlabel="mean squared error of reconstruction", ylabel="test samples")
    _number_decades(axes, histogram.edges[-1] / histogram.edges[0])
    axes.set_title(title)
    axes.legend(frameon=False, fontsize=8)


def _number_decades(axes: "Axes", ratio: float) -> None:
    """Plain numbers on a logarithmic axis, three a decade where there are few; matplotlib's own are in TeX, which is not read here."""
    from matplotlib.ticker import LogLocator, NullLocator  # noqa: PLC0415 - see canvas

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if ratio < 1000 else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def _draw_training(curve: TrainingCurve, figure: "Figure") -> None:
    panels = (("loss", curve.loss, curve.val_loss), (curve.watched, curve.score, curve.val_score))
    for axes, (name, train, validation) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.plot(range(1, len(train) + 1), train, color=FAINT, linewidth=1.2, linestyle=(0, (4, 2)), label="training")
        axes.plot(range(1, len(validation) + 1), validation, color=FITS, linewidth=1.6, marker="o", markersize=3, label="validation")
        axes.set_title(name)
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        axes.legend(frameon=False, fontsize=8)


def _shorten(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= _LONGEST_LABEL else f"{text[:10]}…{text[-7:]}"
