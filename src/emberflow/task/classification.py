"""One of several labels a sample: the largest probability decides. Knows softmax and a single sigmoid; refuses anything that is no probability."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emberflow.drift import Series
from emberflow.evaluate.metrics import Answers, Metric, accuracy, class_roc_auc, confusion, is_right, macro_f1
from emberflow.standardization import Standardization
from emberflow.task.rules import Part, Run, absent_labels, decide_alike, has_and_is_said, is_probability, read_labels, two_or_more
from emberflow.values import AnyArray, FloatArray, IntArray

PROBABILITIES = "probabilities: end it with softmax (or sigmoid for two labels)"


def every_class(truth: AnyArray, answers: Answers) -> str:
    """Why an area under the ROC curve means nothing here: a class without samples, or only one class."""
    classes, occur = answers.predictions.shape[1], np.unique(truth).size
    if classes > 1 and occur == classes:
        return ""
    return f"of {classes} classes only {occur} occur among the test labels; expected samples of every class, and two classes or more"


class Classification:
    """The rules of single-label classification; predictions are probabilities, shape (n, labels)."""

    watched = "accuracy"
    has_labels = True
    metrics: Mapping[str, Metric] = {
        "accuracy": Metric(accuracy, right=is_right),
        "macro_f1": Metric(macro_f1),
        "roc_auc": Metric(class_roc_auc, resamples=500, obstacle=every_class),
    }

    def describe(self, labels: tuple[str, ...]) -> str:
        """As Rules."""
        return f"a classifier of {len(labels)} labels"

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """As Rules."""
        return two_or_more(labels)

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
        """As Rules: an output a label, or one for two labels."""
        return outputs == (labels,) or (labels == 2 and outputs == (1,))

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """As Rules."""
        return f"(None, {labels}), one probability for each label"

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """As Rules."""
        adds_up = outputs.shape[-1] == 1 or np.allclose(outputs.sum(-1), 1, atol=rounding)
        return "" if is_probability(outputs) and adds_up else PROBABILITIES

    def loss(self, outputs: int, loss: str) -> str:
        """As Rules."""
        return "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """As Rules; a single sigmoid p becomes two columns, 1 - p and p."""
        values = run.values("probabilities")
        return np.concatenate([1 - values, values], axis=1) if values.shape[1] == 1 else values

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """As Rules: none, the largest probability decides."""
        return ()

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """As Rules: the first of the largest."""
        return Answers(predictions, predictions.argmax(axis=1))

    def thresholds(self, labels: int) -> int:
        """As Rules."""
        return 0

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """As Rules."""
        return has_and_is_said(truth, answers, place)

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """As Rules: how often each label is decided for."""
        return (Series("predictions", answers.decided, len(labels)),)

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """As Rules."""
        return {"confusion": confusion(truth, answers.decided, answers.predictions.shape[1])}

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """As Rules."""
        return decide_alike(baseline, variant)
