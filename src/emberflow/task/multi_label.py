"""Any number of several labels a sample, each held against a threshold of its own. Knows a sigmoid for each label; refuses a softmax's rows to be one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emberflow.drift import Series
from emberflow.errors import DataError
from emberflow.evaluate.metrics import Answers, Metric, accuracy, f1, is_right, roc_auc
from emberflow.standardization import Standardization
from emberflow.task.rules import Part, Run, best_threshold, decide_alike, is_probability, refuse_to_choose, some_of_label_1, two_or_more
from emberflow.values import AnyArray, FloatArray, IntArray


def _both_of_each(truth: AnyArray, answers: Answers) -> str:
    """Why a mean over the labels' areas means nothing here."""
    poor = np.flatnonzero(truth.min(axis=0) == truth.max(axis=0))
    return f"label {poor[0]} is the same in all test samples; expected some with it and some without" if poor.size else ""


class MultiLabel:
    """The rules of multi-label classification; predictions are probabilities, shape (n, labels), truth 0 and 1 of the same shape."""

    watched = "binary_accuracy"
    has_labels = True
    metrics: Mapping[str, Metric] = {
        "macro_f1": Metric(f1, obstacle=some_of_label_1),
        "subset_accuracy": Metric(accuracy, right=is_right),
        "roc_auc": Metric(roc_auc, resamples=500, obstacle=_both_of_each),
    }

    def describe(self, labels: tuple[str, ...]) -> str:
        """As Rules."""
        return f"a classifier that finds any number of {len(labels)} labels"

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """As Rules."""
        return two_or_more(labels)

    def read_truth(self, part: Part) -> AnyArray:
        """As Rules."""
        y, expected = part.y, f"y of shape ({part.samples}, {part.labels}), 0 or 1 for each label"
        if y is None or y.shape != (part.samples, part.labels) or y.dtype.kind not in "iub":
            raise part.refuse(expected)
        strange = np.argwhere((y != 0) & (y != 1))
        if strange.size:
            row, column = map(int, strange[0])
            raise DataError(f"the {part.name} part has y of {y[row, column]} for label {column} of sample {row}; expected {expected}")
        return y.astype(np.int64)

    def strata(self, truth: AnyArray) -> IntArray:
        """As Rules: a number for each combination of labels."""
        return np.unique(truth, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)

    def absent(self, truth: AnyArray, labels: tuple[str, ...]) -> tuple[str, ...]:
        """As Rules."""
        return tuple(label for label, found in zip(labels, truth.sum(axis=0), strict=True) if not found)

    def gives(self, outputs: tuple[Any, ...], labels: int, inputs: tuple[int, ...]) -> bool:
        """As Rules."""
        return outputs == (labels,)

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """As Rules."""
        return f"(None, {labels}), one probability for each label"

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """As Rules. Rows of a softmax are probabilities too, but of one label among several: they all add up to 1, which sigmoids don't."""
        if not is_probability(outputs):
            return "probabilities: end it with sigmoid"
        alike = len(outputs) > 1 and np.allclose(outputs.sum(-1), 1, atol=1e-4)
        return "a probability of its own for each label, but every row adds up to 1: end it with sigmoid instead of softmax" if alike else ""

    def loss(self, outputs: int, loss: str) -> str:
        """As Rules."""
        return "binary_crossentropy"

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """As Rules."""
        return run.values("probabilities")

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """As Rules: for each label the highest F1."""
        for label in np.flatnonzero(~(truth == 1).any(axis=0)):
            raise refuse_to_choose(f"label {label}")
        return tuple(best_threshold(predictions[:, label], truth[:, label]) for label in range(truth.shape[1]))

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """As Rules; compared in float32, as the firmware does."""
        return Answers(predictions, (predictions > np.asarray(thresholds, np.float32)).astype(np.int64))

    def thresholds(self, labels: int) -> int:
        """As Rules."""
        return labels

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """As Rules: a column each."""
        return truth[:, place] == 1, answers.decided[:, place] == 1

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """As Rules: how often each label is found."""
        return tuple(Series(f"predictions of {label}", answers.decided[:, place], 2) for place, label in enumerate(labels))

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """As Rules."""
        true, said = truth == 1, answers.decided == 1
        counts = [each.sum(axis=0) for each in (true & said, true & ~said, ~true & said, ~true & ~said)]
        return {"by_label": tuple(tuple(map(int, row)) for row in np.stack(counts, axis=1))}

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """As Rules."""
        return decide_alike(baseline, variant)
