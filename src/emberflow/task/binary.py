"""One of two labels a sample, held against a threshold: label 1 where its probability is more. Knows a sigmoid and two softmax outputs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emberflow.drift import Series
from emberflow.errors import DataError
from emberflow.evaluate.metrics import Answers, Metric, accuracy, confusion, f1, is_right, roc_auc
from emberflow.standardization import Standardization
from emberflow.task.classification import Classification
from emberflow.task.rules import (
    Part,
    Run,
    absent_labels,
    best_threshold,
    both_labels,
    decide_alike,
    has_and_is_said,
    read_labels,
    refuse_to_choose,
    some_of_label_1,
    two_or_more,
)
from emberflow.values import AnyArray, FloatArray, IntArray

_CLASSES = Classification()


class Binary:
    """The rules of binary classification; predictions are the probabilities of label 1, shape (n,)."""

    watched = "accuracy"
    has_labels = True
    metrics: Mapping[str, Metric] = {
        "accuracy": Metric(accuracy, right=is_right),
        "f1": Metric(f1, obstacle=some_of_label_1),
        "roc_auc": Metric(roc_auc, resamples=500, obstacle=both_labels),
    }

    def describe(self, labels: tuple[str, ...]) -> str:
        """As Rules."""
        return f"a binary classifier that tells {labels[1]} from {labels[0]}"

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """As Rules."""
        if len(two_or_more(labels)) != 2:
            raise DataError(f"received the labels {', '.join(labels)} for a binary task; expected two, or task: classification")
        return labels

    def read_truth(self, part: Part) -> AnyArray:
        """As Rules."""
        return read_labels(part)

    def strata(self, truth: AnyArray) -> IntArray:
        """As Rules: the labels themselves."""
        return truth

    def absent(self, truth: AnyArray, labels: tuple[str, ...]) -> tuple[str, ...]:
        """As Rules."""
        return absent_labels(truth, labels)

    def gives(self, outputs: tuple[Any, ...], labels: int, inputs: tuple[int, ...]) -> bool:
        """As Rules."""
        return outputs in ((1,), (2,))

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """As Rules."""
        return "(None, 1), the probability of label 1, or (None, 2), one probability for each label"

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """As Rules."""
        return _CLASSES.find_fault(outputs, rounding)

    def loss(self, outputs: int, loss: str) -> str:
        """As Rules."""
        return _CLASSES.loss(outputs, loss)

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """As Rules: the last output, which is the only one or the second."""
        return run.values("probabilities")[:, -1]

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """As Rules: the highest F1 of label 1."""
        if not (truth == 1).any():
            raise refuse_to_choose("label 1")
        return (best_threshold(predictions, truth),)

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """As Rules; compared in float32, as the firmware does."""
        return Answers(predictions, (predictions > np.float32(thresholds[0])).astype(np.int64))

    def thresholds(self, labels: int) -> int:
        """As Rules."""
        return 1

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """As Rules."""
        return has_and_is_said(truth, answers, place)

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """As Rules: how often each label is decided for."""
        return (Series("predictions", answers.decided, len(labels)),)

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """As Rules."""
        return {"confusion": confusion(truth, answers.decided, 2)}

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """As Rules."""
        return decide_alike(baseline, variant)
