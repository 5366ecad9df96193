"""How well answers match the truth: metrics as arithmetic on arrays, over many resamples at once. Knows no model, no runtime and no task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emberflow.values import AnyArray, Float64Array, IntArray


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model answers to some samples.

    predictions: the numbers that metrics rank or measure by, shape (n, ...): probabilities, values, or errors of reconstruction.
    decided: what follows from them: a label each, (n,) integers; labels present, (n, labels) of 0 and 1; nothing, and then the predictions.
    """

    predictions: AnyArray
    decided: AnyArray


Scorer = Callable[[AnyArray, Answers, Float64Array], Float64Array]
"""Truth (n, ...), answers, and how often each sample counts, (resamples, n); one value a row of these, (resamples,)."""


def _nothing(truth: AnyArray, answers: Answers) -> str:
    return ""


@dataclass(frozen=True)
class Metric:
    """A way to score.

    score: the arithmetic.
    higher_is_better, is_share, has_unit: its direction; whether values lie in [0, 1]; whether they are in the unit of what is predicted.
    right: which samples are answered right, (n,), of a metric that is their share: its loss is a difference of matched proportions.
    resamples: of the bootstrap that gives the interval of its loss elsewhere.
    obstacle: why it means nothing for these samples; empty where it does mean something.
    """

    score: Scorer
    higher_is_better: bool = True
    is_share: bool = True
    has_unit: bool = False
    right: Callable[[AnyArray, Answers], AnyArray] | None = None
    resamples: int = 2000
    obstacle: Callable[[AnyArray, Answers], str] = _nothing


def once(truth: AnyArray) -> Float64Array:
    """The weights that count every sample once."""
    return np.ones((1, len(truth)))


def is_right(truth: AnyArray, answers: Answers) -> AnyArray:
    """Which samples are decided as they are, in every label."""
    right: AnyArray = np.all(_columns(answers.decided == truth), axis=1)  # (n,)
    return right


def accuracy(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Share of samples whose decision is right; of several labels a sample, whose every label is right (subset accuracy)."""
    return _array(weights @ is_right(truth, answers) / weights.sum(axis=1))


def macro_f1(truth: IntArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Mean over classes of F1 = 2 TP / (2 TP + FP + FN), of single labels and as many predictions a sample as there are classes.

    A class that occurs neither among the labels nor among the decisions is left out of the mean, as scikit-learn's
    `f1_score(average="macro")` does; one that occurs in only one of them counts as 0.
    """
    classes = np.arange(answers.predictions.shape[1])
    return _mean_f1(truth[:, None] == classes, answers.decided[:, None] == classes, weights)


def f1(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """F1 of label 1; of several labels a sample, the mean of their F1, where a label that nobody has and nobody says is left out."""
    return _mean_f1(_columns(truth) == 1, _columns(answers.decided) == 1, weights)


def _mean_f1(true: AnyArray, said: AnyArray, weights: Float64Array) -> Float64Array:
    return _mean_of_known(_divide(2 * (weights @ (true & said)), weights @ true + weights @ said))


def class_roc_auc(truth: IntArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Area under the ROC curve, each class against the rest, mean over classes.

    The area is the chance that a sample of the class gets a higher probability of it than a sample of the rest; a tie counts
    as half (Hanley & McNeil 1982). In a resample a class without samples, or without a rest, is left out of the mean; NaN when all are.
    """
    areas = [_area(truth == c, answers.predictions[:, c], weights) for c in range(answers.predictions.shape[1])]
    return _mean_of_known(np.stack(areas, axis=1))  # (resamples, classes)


def roc_auc(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Area under the ROC curve of label 1; of several labels a sample, the mean of their areas."""
    true, scores = _columns(truth) == 1, _columns(answers.predictions)
    return _mean_of_known(np.stack([_area(true[:, c], scores[:, c], weights) for c in range(true.shape[1])], axis=1))  # (resamples, labels)


MAX_FPR = 0.1


def partial_auc(truth: IntArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Area under the ROC curve of label 1 up to a false-positive rate of 0.1, standardized: 0.5 is chance, 1 is perfect.

    `(1 + (A - low) / (high - low)) / 2` with `low = 0.1^2 / 2`, the area of chance, and `high = 0.1` (McClish 1989), as scikit-learn's
    `roc_auc_score(max_fpr=0.1)`; the bound is that of DCASE's and MLPerf Tiny's anomaly detection. NaN in a resample without both labels.
    """
    true_rate, false_rate = _curve(truth == 1, answers.predictions, weights)
    width = np.diff(false_rate, axis=1)
    inside = np.clip(_divide(MAX_FPR - false_rate[:, :-1], width), 0.0, 1.0)  # the part of each step that lies below the bound; NaN: no width
    inside = np.nan_to_num(inside)
    area = (width * inside * (true_rate[:, :-1] + np.diff(true_rate, axis=1) * inside / 2)).sum(axis=1)
    low, high = MAX_FPR**2 / 2, MAX_FPR
    return _array((1 + (area - low) / (high - low)) / 2)


def mean_absolute_error(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Mean of |prediction - truth|, over samples and values."""
    return _array(weights @ np.abs(_error(truth, answers)).mean(axis=1) / weights.sum(axis=1))


def root_mean_squared_error(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Root of the mean of (prediction - truth)^2, over samples and values."""
    return _array(np.sqrt(weights @ (_error(truth, answers) ** 2).mean(axis=1) / weights.sum(axis=1)))


def r2(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
    """Coefficient of determination, 1 - sum (truth - prediction)^2 / sum (truth - mean)^2, mean over the values that vary; NaN when none does."""
    true = _columns(truth).astype(np.float64)
    true = true - true.mean(axis=0)  # the sum of squares below would cancel far from zero
    total = weights.sum(axis=1, keepdims=True)
    spread = weights @ true**2 - (weights @ true) ** 2 / total
    return _mean_of_known(1 - _divide(weights @ _error(truth, answers) ** 2, np.where(spread > 1e-12 * (weights @ true**2), spread, 0.0)))


def _error(truth: AnyArray, answers: Answers) -> Float64Array:
    return _array(_columns(answers.predictions)) - _array(_columns(truth))


def confusion(truth: IntArray, decided: IntArray, classes: int) -> tuple[tuple[int, ...], ...]:
    """How often each label (rows) was decided as each class (columns), shape (classes, classes)."""
    counts = np.bincount(truth * classes + decided, minlength=classes * classes)
    return tuple(tuple(map(int, row)) for row in counts.reshape(classes, classes))


def _columns(values: AnyArray) -> AnyArray:
    return values.reshape(len(values), -1)  # (n, 1) where there was one value a sample


def _area(positive: AnyArray, scores: AnyArray, weights: Float64Array) -> Float64Array:
    inside, outside = _grouped(positive, scores, weights)
    below = np.cumsum(outside, axis=1) - outside
    won = (inside * (below + outside / 2)).sum(axis=1)  # (resamples,)
    return _divide(won, inside.sum(axis=1) * outside.sum(axis=1))


def _curve(positive: AnyArray, scores: AnyArray, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Rates of true and of false positives from the highest score down, from 0 to 1: the corners of the ROC curve."""
    rates = []
    for counts in _grouped(positive, -scores, weights):
        sums = np.cumsum(counts, axis=1)
        whole = np.broadcast_to(sums[:, -1:], sums.shape)
        rates.append(np.pad(_divide(sums, whole), ((0, 0), (1, 0))))
    return rates[0], rates[1]


def _grouped(positive: AnyArray, scores: AnyArray, weights: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Weights of positive and of other samples, one column a distinct score, lowest first."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan))  # equal scores are one group; NaN starts the first
    inside = np.add.reduceat((weights * positive)[:, order], starts, axis=1)  # (resamples, groups)
    outside = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)  # (resamples, groups)
    return inside, outside


def _divide(above: Float64Array, below: Float64Array) -> Float64Array:
    return _array(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _mean_of_known(values: Float64Array) -> Float64Array:
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def _array(values: Any) -> Float64Array:
    return np.asarray(values, np.float64)
