"""What a kind of task decides, as questions; each kind answers them in a module of its own. Knows their shapes; answers none."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from emberflow.drift import Series
from emberflow.errors import DataError
from emberflow.evaluate.borders import Border, Borders, dequantize
from emberflow.evaluate.metrics import Answers, Metric
from emberflow.standardization import Standardization
from emberflow.values import AnyArray, FloatArray, IntArray
from emberflow.view import Rows

CHOSEN = None
"""The threshold of a task that has none until one is chosen on the validation part."""


class TaskKind(StrEnum):
    """What the model does."""

    CLASSIFICATION = "classification"
    BINARY = "binary"
    MULTI_LABEL = "multi_label"
    REGRESSION = "regression"
    ANOMALY = "anomaly"


@dataclass(frozen=True, eq=False)
class Run:
    """What went into a model and what came out, sample by sample, in the model's own numbers, with the borders that tell what they mean.

    inputs: shape (n, *input_shape). outputs: shape (n, *output_shape).
    """

    inputs: Rows
    outputs: AnyArray
    borders: Borders

    @classmethod
    def of_floats(cls, x: Rows, outputs: FloatArray) -> "Run":
        """A run of a float model."""
        borders = (Border(shape=(1, *array.shape[1:]), dtype="float32", scale=0, zero_point=0) for array in (x, outputs))
        return cls(x, outputs, Borders(input=next(borders), output=next(borders)))

    def values(self, expected: str) -> FloatArray:
        """The outputs as real numbers, shape (n, outputs).

        Raises: DataError: one is not finite; `expected` says what was.
        """
        values = dequantize(self.outputs, self.borders.output)
        values = values.reshape(len(values), -1)  # (n, outputs)
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            raise DataError(
                f"received outputs that are not finite for {bad.size} of {len(values)} samples, first sample {bad[0]};"
                f" expected {expected}. Look for NaN in the data and at whether training diverged"
            )
        return values


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the data as the user gave it: its name, the shape of its samples, its truth, and how many labels there are."""

    name: str
    shape: tuple[int, ...]
    y: AnyArray | None
    labels: int

    @property
    def samples(self) -> int:
        """Their number."""
        return self.shape[0]

    def refuse(self, expected: str) -> DataError:
        """The complaint that y is not `expected`."""
        received = "no y" if self.y is None else f"y of shape {self.y.shape}, {self.y.dtype}"
        return DataError(f"the {self.name} part has x of shape {self.shape} and {received}; expected {expected}")


class Rules(Protocol):
    """What a kind of task decides.

    metrics: by name, the default first. watched: what training shows besides the loss, as Keras calls it.
    has_labels: whether labels are told apart, so that each has a recall.
    """

    metrics: Mapping[str, Metric]
    watched: str
    has_labels: bool

    def describe(self, labels: tuple[str, ...]) -> str:
        """What the model is, in words: `a classifier of 7 labels`."""

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """The labels, or the names that stand in for those that were not told. Raises: DataError: too few, or the same twice."""

    def read_truth(self, part: Part) -> AnyArray:
        """The truth as everything after takes it, shape (n, ...). Raises: DataError: y has another shape or type, or holds impossible values."""

    def strata(self, truth: AnyArray) -> IntArray:
        """A number a sample, (n,): those that are drawn are spread over these."""

    def absent(self, truth: AnyArray, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Labels of which there is no sample."""

    def gives(self, outputs: tuple[Any, ...], labels: int, inputs: tuple[int, ...]) -> bool:
        """Whether a model of output shape `outputs` (without the batch; None is open) fits data of this many labels and this shape."""

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """The output shape that fits, in words."""

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """What the outputs of a few samples should be instead, in words; empty when nothing is wrong. Sums may be off by `rounding`."""

    def loss(self, outputs: int, loss: str) -> str:
        """The loss that a model of so many outputs is trained with; `loss` is what the project says of it."""

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """What the model's numbers mean to metrics and user, shape (n, ...). Raises: DataError: an output is not finite."""

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """Thresholds, from the validation part. Raises: DataError: it has no sample to choose by."""

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """The answers that follow."""

    def thresholds(self, labels: int) -> int:
        """How many thresholds decide."""

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """Which samples have the label at `place`, (n,), and of which it is said, (n,). Asked where there are labels."""

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """What of the answers may drift."""

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """Of `Quality` what is drawn: confusion, points or histogram."""

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """How far they answer alike; 1 is in everything."""


def two_or_more(labels: tuple[str, ...]) -> tuple[str, ...]:
    """`labels`. Raises: DataError: fewer than two, or the same twice."""
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise DataError(f"received the labels {', '.join(labels) or 'none'}; expected at least two different names")
    return labels


def read_labels(part: Part) -> IntArray:
    """One label a sample, shape (n,). Raises: DataError: another shape or type, or a label outside the range."""
    y, classes = part.y, part.labels
    if y is None or y.shape != (part.samples,) or y.dtype.kind not in "iu":
        raise part.refuse(f"y of shape ({part.samples},), integers")
    outside = np.flatnonzero((y < 0) | (y >= classes))
    if outside.size:
        raise DataError(
            f"the {part.name} part has {outside.size} labels outside 0 to {classes - 1} (the first is {y[outside[0]]} at sample {outside[0]});"
            f" expected the position of one of the {classes} label names"
        )
    return y.astype(np.int64)


def absent_labels(truth: IntArray, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Of one label a sample, those that none has."""
    return tuple(label for i, label in enumerate(labels) if not (truth == i).any())


def is_probability(outputs: FloatArray) -> bool:
    """Whether every output is finite and in [0, 1]."""
    return bool(np.isfinite(outputs).all() and outputs.min() >= 0 and outputs.max() <= 1)


def has_and_is_said(truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
    """As `Rules.of_label`, where every sample has one label, and one is said."""
    return truth == place, answers.decided == place


def decide_alike(baseline: Answers, variant: Answers) -> float:
    """Share of samples on which both decide the same, in every label."""
    same = baseline.decided == variant.decided
    return float(same.reshape(len(same), -1).all(axis=1).mean())


def both_labels(truth: AnyArray, answers: Answers) -> str:
    """Why an area under a ROC curve means nothing here: test samples of only one of two labels."""
    return "" if np.unique(truth).size == 2 else "the test samples are all of one label; expected samples of both"


def some_of_label_1(truth: AnyArray, answers: Answers) -> str:
    """Why an F1 means nothing here: nothing to find."""
    return "" if (truth == 1).any() else "no test sample is of label 1; expected some"


def best_threshold(scores: FloatArray, truth: AnyArray) -> float:
    """The threshold above which deciding for label 1 gives the highest F1; of equal ones that nearest to one half.

    Candidates are the middles between neighbouring scores, so that a step of a quantized output does not turn a decision.
    """
    values, group = np.unique(scores, return_inverse=True)
    if len(values) < 2:
        return 0.5
    true, said = (np.cumsum(np.bincount(group, weights)[::-1])[::-1][1:] for weights in (truth == 1, None))  # above each middle
    f1 = 2 * true / (said + np.count_nonzero(truth == 1))
    middles = (values[1:].astype(np.float64) + values[:-1]) / 2
    best = np.flatnonzero(f1 == f1.max())
    return float(middles[best[np.abs(middles[best] - 0.5).argmin()]])


def refuse_to_choose(label: str) -> DataError:
    """The complaint that nothing of `label` is there to choose a threshold by."""
    return DataError(
        f"the validation part has no sample of {label}, so its threshold can't be chosen there; expected some: split the data anew, or give a threshold"
    )
