"""A project's own metric, `module:function`: given truth and predictions, it returns a number. Runs it; refuses what is no number."""

from pathlib import Path
from typing import SupportsFloat

import numpy as np

from emberflow.entry import call_found, find_function
from emberflow.errors import ProjectError
from emberflow.evaluate.metrics import Answers, Metric, once
from emberflow.values import AnyArray, Float64Array

_RESAMPLES = 500


def name_of(entry: str) -> str:
    """What the metric is called in tables and in MLflow: its function."""
    return entry.split(":")[1]


def own_metric(entry: str, folder: Path, higher_is_better: bool) -> Metric:
    """The metric that `entry` names, looked up in `folder` first.

    It is given a truth and the predictions of the task's own form; of regression with one value a sample, both are of shape (n,). The
    interval of its loss takes 500 resamples, so 1,000 calls; in one of them it may return NaN, on the whole part never.

    Raises: ProjectError: no such function. The metric: ProjectError: it raised, or returned what is no number.
    """
    function = find_function(entry, folder)

    def score(truth: AnyArray, answers: Answers, weights: Float64Array) -> Float64Array:
        pair = (_plain(truth), _plain(answers.predictions))
        positions = [np.repeat(np.arange(len(truth)), row.astype(np.int64)) for row in weights]
        return np.asarray([_number(entry, call_found(entry, function, *(array[rows] for array in pair))) for rows in positions])

    return Metric(score, higher_is_better=higher_is_better, is_share=False, resamples=_RESAMPLES)


def check_own(entry: str, metric: Metric, truth: AnyArray, answers: Answers) -> None:
    """Raises: ProjectError: of a whole part, the metric is not finite."""
    value = float(metric.score(truth, answers, once(truth))[0])
    if not np.isfinite(value):
        raise ProjectError(f"'{entry}' returned {value} for {len(truth)} samples; expected a finite number: what does it divide by?")


def _plain(array: AnyArray) -> AnyArray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array  # (n,) where there is one value a sample


def _number(entry: str, value: object) -> float:
    if not isinstance(value, SupportsFloat) or np.ndim(value) or isinstance(value, complex):  # type: ignore[arg-type]  # anything has a ndim
        raise ProjectError(f"'{entry}' returned a {type(value).__name__}; expected one number for the truth and predictions it was given")
    return float(value)
