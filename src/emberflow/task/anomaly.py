"""Normal or not, by how badly an autoencoder reconstructs a sample. Knows errors of reconstruction, exact for integers; trains on normal samples alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from emberflow.drift import Series
from emberflow.errors import DataError
from emberflow.evaluate.borders import Border, dequantize
from emberflow.evaluate.metrics import Answers, Metric, accuracy, confusion, f1, is_right, partial_auc, roc_auc
from emberflow.standardization import Standardization
from emberflow.task.rules import Part, Run, both_labels, decide_alike, has_and_is_said, read_labels, some_of_label_1, two_or_more
from emberflow.values import AnyArray, Float64Array, FloatArray, IntArray
from emberflow.variant import Histogram
from emberflow.view import pieces_of_all

LABELS = ("normal", "anomaly")
_BINS = 40


class Anomaly:
    """The rules of anomaly detection; predictions are mean squared errors of reconstruction, shape (n,) float64, truth 0 (normal) or 1."""

    watched = "mae"
    has_labels = True
    metrics: Mapping[str, Metric] = {
        "roc_auc": Metric(roc_auc, resamples=500, obstacle=both_labels),
        "partial_auc": Metric(partial_auc, resamples=500, obstacle=both_labels),
        "accuracy": Metric(accuracy, right=is_right),
        "f1": Metric(f1, obstacle=some_of_label_1),
    }

    def describe(self, labels: tuple[str, ...]) -> str:
        """As Rules."""
        return f"an autoencoder that tells {labels[1]} from {labels[0]} by its error"

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """As Rules."""
        if len(two_or_more(labels or LABELS)) != 2:
            raise DataError(f"received the labels {', '.join(labels)} for an anomaly task; expected two, what is normal first, or none")
        return labels or LABELS

    def read_truth(self, part: Part) -> AnyArray:
        """As Rules; where y is left out, which only the test part may not do, all is normal."""
        if part.y is None and part.name != "test":
            return np.zeros(part.samples, np.int64)
        truth = read_labels(part)
        if part.name in ("train", "calibration") and truth.any():
            raise DataError(f"the {part.name} part has {np.count_nonzero(truth)} samples with y of 1; expected normal samples alone, y of 0 or no y")
        if part.name == "test" and np.unique(truth).size < 2:
            raise DataError("the test part has samples of only one kind; expected normal ones, y of 0, and anomalies, y of 1")
        if not (truth == 0).any():
            raise DataError(f"the {part.name} part has no normal sample; expected some: the threshold is chosen by their errors")
        return truth

    def strata(self, truth: AnyArray) -> IntArray:
        """As Rules: normal or not."""
        return truth

    def absent(self, truth: AnyArray, labels: tuple[str, ...]) -> tuple[str, ...]:
        """As Rules: training and validation need no anomalies, and the test part without was refused."""
        return ()

    def gives(self, outputs: tuple[Any, ...], labels: int, inputs: tuple[int, ...]) -> bool:
        """As Rules: what went in comes out."""
        return len(outputs) == len(inputs) and all(r in (None, e) for r, e in zip(outputs, inputs, strict=True))

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """As Rules."""
        return f"({', '.join(map(str, (None, *inputs)))}), the shape of its input, which it reconstructs"

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """As Rules."""
        return "" if np.isfinite(outputs).all() else "finite numbers: look for NaN among its weights"

    def loss(self, outputs: int, loss: str) -> str:
        """As Rules: what the score is."""
        return "mse"

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """As Rules: the error of each sample, between what the model was given and what it gave, both in its own numbers."""
        run.values("numbers")  # refuses what isn't finite
        return errors(run)

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """As Rules: the quantile of the normal samples' errors."""
        return (float(np.quantile(predictions[truth == 0], quantile)),)

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """As Rules: in float64; the firmware compares steps with the limit that decides alike."""
        return Answers(predictions, (predictions > thresholds[0]).astype(np.int64))

    def thresholds(self, labels: int) -> int:
        """As Rules."""
        return 1

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """As Rules."""
        return has_and_is_said(truth, answers, place)

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """As Rules: the error, and how often it passes the threshold."""
        return Series("error of reconstruction", answers.predictions[:, None]), Series("predictions", answers.decided, len(labels))

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """As Rules: the histogram's bins are of equal width on a logarithmic scale."""
        scores = np.maximum(answers.predictions, np.finfo(np.float32).tiny)
        edges = np.geomspace(scores.min(), max(scores.max(), scores.min() * 1.001), _BINS + 1)
        edges[-1] = np.nextafter(edges[-1], np.inf)
        normal, anomalous = (tuple(map(int, np.histogram(np.clip(scores[truth == label], edges[0], None), edges)[0])) for label in (0, 1))
        histogram = Histogram(edges=tuple(map(float, edges)), normal=normal, anomalous=anomalous)
        return {"confusion": confusion(truth, answers.decided, 2), "histogram": histogram}

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """As Rules: each with its own threshold."""
        return decide_alike(baseline, variant)


@dataclass(frozen=True)
class Steps:
    """An error of reconstruction in whole steps, of two integer borders: `ii * sum(a a) - io * sum(a b) + oo * sum(b b)`.

    a and b are codes less their zero point. The three factors stand for s_in^2, 2 s_in s_out and s_out^2, in units of 2^-shift, so large
    that no sum of `size` products passes 62 bits: then a chip needs neither floats nor luck to get what the host gets.
    """

    ii: int
    io: int
    oo: int
    shift: int
    size: int

    @classmethod
    def of(cls, given: Border, came: Border) -> "Steps":
        """Those of a model's borders."""
        size = int(np.prod(given.shape[1:]))
        exact = [Fraction(given.scale) ** 2, 2 * Fraction(given.scale) * Fraction(came.scale), Fraction(came.scale) ** 2]
        widest = max(2 * np.iinfo(border.dtype).bits for border in (given, came))
        bits = 60 - widest - (size - 1).bit_length()
        shift = bits - 1 - math.floor(math.log2(max(exact)))
        ii, io, oo = (round(factor * Fraction(2) ** shift) for factor in exact)
        return cls(ii, io, oo, shift, size)

    def count(self, a: AnyArray, b: AnyArray) -> AnyArray:
        """Steps of each sample, (n,) int64, of codes less their zero point, (n, size) int64."""
        steps: AnyArray = self.ii * (a * a).sum(axis=1) - self.io * (a * b).sum(axis=1) + self.oo * (b * b).sum(axis=1)
        return steps

    def error(self, steps: AnyArray) -> Float64Array:
        """What they mean: steps * 2^-shift / size, in float64."""
        return np.asarray(np.ldexp(steps.astype(np.float64), -self.shift) / self.size, np.float64)

    def limit(self, threshold: float) -> int:
        """The most steps whose error is not more than `threshold`: `steps > limit` decides as errors do, for more steps never mean less."""
        low, high = -(2**62), 2**62
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.error(np.array(middle)) <= threshold else (low, middle - 1)
        return low


def errors(run: Run) -> Float64Array:
    """Mean over a sample of (input - output)^2, shape (n,), in the numbers that the model takes (standardized ones).

    Of integer borders it is counted in whole steps, as the firmware does, and is exact but for the rounding of three factors.
    """
    given, came = run.borders.input, run.borders.output
    score = _score_codes if given.is_integer and came.is_integer else _score_floats
    flat = ((each.reshape(len(each), -1) for each in pair) for pair in pieces_of_all((run.inputs, run.outputs)))  # (n, size)
    return np.concatenate([score(inputs, outputs, given, came) for inputs, outputs in flat])


def _score_codes(inputs: AnyArray, outputs: AnyArray, given: Border, came: Border) -> Float64Array:
    steps = Steps.of(given, came)
    return steps.error(steps.count(inputs.astype(np.int64) - given.zero_point, outputs.astype(np.int64) - came.zero_point))


def _score_floats(inputs: AnyArray, outputs: AnyArray, given: Border, came: Border) -> Float64Array:
    difference = dequantize(inputs, given).astype(np.float64) - dequantize(outputs, came)
    return np.asarray((difference**2).mean(axis=1), np.float64)
