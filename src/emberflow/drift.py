"""Drift: have numbers moved away from those that a model was judged on? Arithmetic on two samples; refuses to know what is done about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from emberflow.measure import Measure
from emberflow.tolerance import AskedTolerance, Tolerance
from emberflow.values import AnyArray, Float64Array, FloatArray, IntArray, Value

BINS = 10


class Thresholds(Value):
    """From where on something counts as drift."""

    stability: float = Field(
        default=0.25, gt=0, description="population stability index, above what chance gives so few samples; 0.1 is little, 0.25 a shift to act on"
    )
    distance: float = Field(
        default=0.2, gt=0, le=1, description="Kolmogorov-Smirnov distance: the largest difference of the two distribution functions"
    )
    loss: AskedTolerance = Field(default=Tolerance.parse("0.02 or 10 %"), description="the most of the metric that the champion may have lost")


class Drift(Value):
    """How far one feature, or the predictions, moved.

    stability: population stability index over ten bins with the same share of the reference; 0 where nothing moved.
    distance: Kolmogorov-Smirnov, 0 to 1; None for classes, which have no order.
    """

    name: str
    stability: float
    distance: float | None
    has_drifted: bool


class Checkup(Value):
    """A champion on fresh data, against the data that it was judged on."""

    project: str
    version: int
    measure: Measure
    samples: int
    then: float
    now: float
    thresholds: Thresholds
    inputs: tuple[Drift, ...]
    predictions: tuple[Drift, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """Each reason to train anew, in words with its number; none where all is well."""
        return tuple(self._findings())

    @property
    def drifts(self) -> tuple[Drift, ...]:
        """Of inputs and predictions."""
        return (*self.inputs, *self.predictions)

    def _findings(self) -> Iterator[str]:
        measure, bearable = self.measure, self.thresholds.loss
        if measure.loss(self.then, self.now) > bearable.of(measure, self.then):
            turned = "fell" if measure.higher_is_better else "rose"
            values = f"from {measure.show(self.then)} to {measure.show(self.now)}"
            yield f"{measure.name} {turned} {values}, by more than {bearable.words(measure, self.then)}"
        for drift in self.drifts:
            if drift.has_drifted:
                distance = f", Kolmogorov-Smirnov distance {drift.distance:.3f}" if drift.distance is not None else ""
                yield f"{drift.name} drifted: stability index {drift.stability:.3f}{distance}"


@dataclass(frozen=True, eq=False)
class Series:
    """Numbers to be compared with others of their name.

    Args:
        values: shape (samples, values), neighbours in a row may resemble each other; or of `classes`, which of them each sample has, (samples,).
        classes: how many there are; 0 where values are numbers.
    """

    name: str
    values: AnyArray
    classes: int = 0


def compare(reference: Series, fresh: Series, thresholds: Thresholds) -> Drift:
    """Compare two of the same name."""
    if reference.classes:
        return compare_classes(reference.name, reference.values, fresh.values, reference.classes, thresholds)
    return compare_values(reference.name, reference.values, fresh.values, thresholds)


def compare_values(name: str, reference: FloatArray, fresh: FloatArray, thresholds: Thresholds) -> Drift:
    """Compare a feature's values, one row for each sample, shape (samples, values) in both; neighbours in a row may resemble each other."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    # an edge belongs to the bin below it, so that a feature that is nearly always the same has that value in a bin of its own
    counts = [np.bincount(np.searchsorted(edges, each.ravel(), side="left"), minlength=len(edges) + 1) for each in (reference, fresh)]
    index, distance = stability_index(*(_shares(each) for each in counts)), ks_distance(reference.ravel(), fresh.ravel())
    limit = thresholds.stability + chance(len(edges) + 1, len(reference), len(fresh))
    return Drift(name=name, stability=index, distance=distance, has_drifted=index > limit or distance > thresholds.distance)


def compare_classes(name: str, reference: IntArray, fresh: IntArray, classes: int, thresholds: Thresholds) -> Drift:
    """Compare how often each class was decided for, shape (samples,) in both."""
    index = stability_index(*(_shares(np.bincount(each, minlength=classes)) for each in (reference, fresh)))
    limit = thresholds.stability + chance(classes, len(reference), len(fresh))
    return Drift(name=name, stability=index, distance=None, has_drifted=index > limit)


def stability_index(reference: Float64Array, fresh: Float64Array) -> float:
    """`sum((p - q) * ln(p / q))` over the shares of the bins, all positive: the Kullback-Leibler divergences of both directions, added."""
    return float(np.sum((reference - fresh) * np.log(reference / fresh)))


def chance(bins: int, one: int, other: int) -> float:
    """What the index comes to on average where both samples are of one distribution: `(bins - 1) * (1/n + 1/m)`, the mean of a chi-square."""
    return (bins - 1) * (1 / one + 1 / other)


def ks_distance(reference: FloatArray, fresh: FloatArray) -> float:
    """The largest difference of the two empirical distribution functions, shape (values,) each; 0 to 1."""
    one, other = np.sort(reference), np.sort(fresh)
    places = np.concatenate([one, other])
    functions = [np.searchsorted(each, places, side="right") / len(each) for each in (one, other)]
    return float(np.abs(functions[0] - functions[1]).max())


def _shares(counts: IntArray) -> Float64Array:
    """With half a value more in each bin, so that an empty one has a logarithm."""
    shares: Float64Array = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return shares


def names_of(channels: Sequence[str], count: int) -> tuple[str, ...]:
    """What the features are called: the channels' names, or their places."""
    return tuple(channels) if len(channels) == count else tuple(f"channel {place}" for place in range(count))
