"""How well outputs match labels: accuracy, macro F1, ROC AUC. Arithmetic on arrays; knows no model and no runtime."""

from collections.abc import Callable
from typing import Any

import numpy as np

from emberflow.errors import DataError, ProjectError, did_you_mean
from emberflow.values import AnyArray, Float64Array, FloatArray, IntArray
from emberflow.variant import Quality

Scorer = Callable[[IntArray, FloatArray, Float64Array], Float64Array]


def accuracy(truth: IntArray, probabilities: FloatArray, weights: Float64Array) -> Float64Array:
    """Share of samples whose most probable class is the true one.

    Args:
        truth: labels, shape (n,).
        probabilities: shape (n, classes).
        weights: how often each sample counts, shape (resamples, n).
    Returns: one value a row of `weights`, shape (resamples,).
    """
    return _array(weights @ (probabilities.argmax(axis=1) == truth) / weights.sum(axis=1))


def macro_f1(truth: IntArray, probabilities: FloatArray, weights: Float64Array) -> Float64Array:
    """Mean over classes of F1 = 2 TP / (2 TP + FP + FN). Arguments and result as in `accuracy`.

    A class that occurs neither among the labels nor among the decisions is left out of the mean, as scikit-learn's
    `f1_score(average="macro")` does; one that occurs in only one of them counts as 0.
    """
    classes = np.arange(probabilities.shape[1])
    true = truth[:, None] == classes  # (n, classes)
    said = probabilities.argmax(axis=1)[:, None] == classes  # (n, classes)
    return _mean_of_known(_divide(2 * (weights @ (true & said)), weights @ true + weights @ said))


def roc_auc(truth: IntArray, probabilities: FloatArray, weights: Float64Array) -> Float64Array:
    """Area under the ROC curve, each class against the rest, mean over classes. Arguments and result as in `accuracy`.

    The area is the chance that a sample of the class gets a higher probability of it than a sample of the rest; a tie counts
    as half (Hanley & McNeil 1982). In a resample a class without samples, or without a rest, is left out of the mean; NaN when all are.
    """
    areas = [_area(truth == c, probabilities[:, c], weights) for c in range(probabilities.shape[1])]
    return _mean_of_known(np.stack(areas, axis=1))  # (resamples, classes)


METRICS: dict[str, Scorer] = {"accuracy": accuracy, "macro_f1": macro_f1, "roc_auc": roc_auc}


def find_metric(name: str) -> Scorer:
    """The metric called `name`. Raises: ProjectError: there is none."""
    if name not in METRICS:
        raise ProjectError(f"received '{name}' as a metric; expected one of {', '.join(METRICS)}.{did_you_mean(name, METRICS)}")
    return METRICS[name]


def applies(metric: str, truth: IntArray, classes: int) -> bool:
    """Whether `metric` means something here: roc_auc needs two classes or more, each with a sample in `truth`."""
    return metric != "roc_auc" or (classes > 1 and np.unique(truth).size == classes)


def score(truth: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """Every metric that applies, by name: accuracy and macro_f1, and roc_auc unless a class has no sample.

    Args: truth: labels, shape (n,), in 0..classes-1; probabilities: shape (n, classes).
    Raises: DataError: no samples, shapes that don't go together, or a label that is no class.
    """
    check(truth, probabilities)
    once = np.ones((1, len(truth)))
    return {name: float(metric(truth, probabilities, once)[0]) for name, metric in METRICS.items() if applies(name, truth, probabilities.shape[1])}


def confusion(truth: IntArray, decided: IntArray, classes: int) -> tuple[tuple[int, ...], ...]:
    """How often each label (rows) was decided as each class (columns), shape (classes, classes)."""
    counts = np.bincount(truth * classes + decided, minlength=classes * classes)
    return tuple(tuple(map(int, row)) for row in counts.reshape(classes, classes))


def assess(runtime: str, truth: IntArray, probabilities: FloatArray) -> Quality:
    """Scores and confusion of what `runtime` gave. Arguments and errors as in `score`."""
    scores = score(truth, probabilities)
    table = confusion(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    return Quality(runtime=runtime, samples=len(truth), scores=scores, confusion=table)


def as_probabilities(outputs: FloatArray) -> FloatArray:
    """Model outputs (n, classes) as they are; those of a single sigmoid, (n, 1), as two columns: 1 - p and p.

    Raises: DataError: an output is not a finite number.
    """
    outputs = outputs.reshape(len(outputs), -1)  # (n, classes)
    bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
    if bad.size:
        raise DataError(
            f"received outputs that are not finite for {bad.size} of {len(outputs)} samples, first sample {bad[0]};"
            " expected probabilities. Look for NaN in the data and at whether training diverged"
        )
    return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs


def check(truth: IntArray, probabilities: FloatArray) -> None:
    """Raises: DataError: no samples, shapes that don't go together, or a label that is no class."""
    if probabilities.ndim != 2 or truth.shape != probabilities.shape[:1] or not truth.size:
        raise DataError(
            f"received labels of shape {truth.shape} and probabilities of shape {probabilities.shape}; expected (n,) and (n, classes), n at least 1"
        )
    if truth.min() < 0 or truth.max() >= probabilities.shape[1]:
        raise DataError(
            f"received labels from {truth.min()} to {truth.max()}, but the model gives {probabilities.shape[1]} classes;"
            f" expected labels from 0 to {probabilities.shape[1] - 1}"
        )


def _area(positive: AnyArray, scores: FloatArray, weights: Float64Array) -> Float64Array:
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan))  # equal scores are one group; NaN starts the first
    inside = np.add.reduceat((weights * positive)[:, order], starts, axis=1)  # (resamples, groups)
    outside = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)  # (resamples, groups)
    below = np.cumsum(outside, axis=1) - outside
    won = (inside * (below + outside / 2)).sum(axis=1)  # (resamples,)
    return _divide(won, inside.sum(axis=1) * outside.sum(axis=1))


def _divide(above: Float64Array, below: Float64Array) -> Float64Array:
    return _array(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def _mean_of_known(values: Float64Array) -> Float64Array:
    known = ~np.isnan(values)
    return _divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64))


def _array(values: Any) -> Float64Array:
    return np.asarray(values, np.float64)
