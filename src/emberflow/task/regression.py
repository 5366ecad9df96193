"""One value or several a sample, as numbers with a unit. Knows targets that training standardized; decides nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from emberflow.drift import Series
from emberflow.errors import DataError
from emberflow.evaluate.metrics import Answers, Metric, mean_absolute_error, once, r2, root_mean_squared_error
from emberflow.standardization import Standardization
from emberflow.task.rules import Part, Run
from emberflow.values import AnyArray, FloatArray, IntArray

_STRATA = 8
_POINTS = 300


def _varies(truth: AnyArray, answers: Answers) -> str:
    return "" if (truth.min(axis=0) < truth.max(axis=0)).any() else "the test samples all have the same value; expected values that vary"


class Regression:
    """The rules of regression; predictions and truth are values in their unit, shape (n, values), float32."""

    watched = "mae"
    has_labels = False
    metrics: Mapping[str, Metric] = {
        "mae": Metric(mean_absolute_error, higher_is_better=False, is_share=False, has_unit=True),
        "rmse": Metric(root_mean_squared_error, higher_is_better=False, is_share=False, has_unit=True),
        "r2": Metric(r2, obstacle=_varies),
    }

    def describe(self, labels: tuple[str, ...]) -> str:
        """As Rules."""
        return f"a regression of {', '.join(labels)}"

    def name_labels(self, labels: tuple[str, ...], y: AnyArray | None) -> tuple[str, ...]:
        """As Rules: names of the values."""
        values = y.shape[1] if y is not None and y.ndim == 2 else 1
        if not labels:
            return ("value",) if values == 1 else tuple(f"value {number}" for number in range(values))
        if len(labels) != values or len(set(labels)) < len(labels):
            raise DataError(
                f"received the labels {', '.join(labels)} for {values} values a sample; expected a name of its own for each, or no labels"
            )
        return labels

    def read_truth(self, part: Part) -> AnyArray:
        """As Rules."""
        y, expected = part.y, f"y of shape ({part.samples},) or ({part.samples}, {part.labels}), numbers"
        if y is None or y.dtype.kind not in "fiu" or y.ndim > 2 or y.reshape(len(y), -1).shape != (part.samples, part.labels):
            raise part.refuse(expected)
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite, and is refused
            values = y.reshape(part.samples, part.labels).astype(np.float32)  # (n, values)
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            raise DataError(
                f"the {part.name} part has {bad.size} y that are NaN or infinite in float32 (the first at sample {bad[0]}); expected numbers"
            )
        return values

    def strata(self, truth: AnyArray) -> IntArray:
        """As Rules: eighths of the samples, by the first value."""
        rank = np.argsort(np.argsort(truth[:, 0], kind="stable"), kind="stable")
        return rank * _STRATA // len(truth)

    def absent(self, truth: AnyArray, labels: tuple[str, ...]) -> tuple[str, ...]:
        """As Rules: values can't be absent."""
        return ()

    def gives(self, outputs: tuple[Any, ...], labels: int, inputs: tuple[int, ...]) -> bool:
        """As Rules."""
        return outputs == (labels,)

    def expected(self, labels: int, inputs: tuple[int, ...]) -> str:
        """As Rules."""
        return f"(None, {labels}), one output for each value"

    def find_fault(self, outputs: FloatArray, rounding: float = 1e-3) -> str:
        """As Rules."""
        return "" if np.isfinite(outputs).all() else "finite numbers: look for NaN among its weights"

    def loss(self, outputs: int, loss: str) -> str:
        """As Rules."""
        return loss

    def predictions(self, run: Run, target: Standardization | None) -> AnyArray:
        """As Rules."""
        values = run.values("numbers")
        return target.undo(values) if target else values

    def choose(self, predictions: AnyArray, truth: AnyArray, quantile: float) -> tuple[float, ...]:
        """As Rules: none."""
        return ()

    def decide(self, predictions: AnyArray, thresholds: tuple[float, ...]) -> Answers:
        """As Rules: the values are the answer."""
        return Answers(predictions, predictions)

    def thresholds(self, labels: int) -> int:
        """As Rules."""
        return 0

    def of_label(self, truth: AnyArray, answers: Answers, place: int) -> tuple[AnyArray, AnyArray]:
        """As Rules: none."""
        return np.zeros(len(truth), bool), np.zeros(len(truth), bool)

    def outcomes(self, answers: Answers, labels: tuple[str, ...]) -> tuple[Series, ...]:
        """As Rules: each value that is predicted."""
        return tuple(Series(f"predicted {label}", answers.predictions[:, [place]]) for place, label in enumerate(labels))

    def figures(self, truth: AnyArray, answers: Answers) -> Mapping[str, Any]:
        """As Rules: some 300 samples, evenly over the part, the same of every variant."""
        some = np.unique(np.linspace(0, len(truth) - 1, _POINTS).astype(np.int64))
        pairs = np.stack([truth[some], answers.predictions[some]], axis=2).astype(float)  # (samples, values, 2)
        return {"points": tuple(tuple((float(t), float(p)) for t, p in pairs[:, value]) for value in range(truth.shape[1]))}

    def agreement(self, baseline: Answers, variant: Answers) -> float:
        """As Rules: R2 of the variant's values on the baseline's; 1 where those don't vary and both are the same, else 0."""
        found = float(r2(baseline.predictions, variant, once(baseline.predictions))[0])
        return found if np.isfinite(found) else float(np.array_equal(baseline.predictions, variant.predictions))
