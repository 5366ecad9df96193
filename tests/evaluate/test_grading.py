"""A .tflite's outputs graded: what they mean, and thresholds chosen by the model's own outputs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.evaluate import litert
from emberflow.evaluate.grading import Grading
from emberflow.task import Task

X = np.random.default_rng(4).normal(size=(40, 4)).astype(np.float32)


def test_thresholds_are_chosen_on_the_validation_part(tflite: Callable[[str], bytes], tmp_path: Path) -> None:
    """By what this very model makes of it: here the truth is what it finds above 0.4."""
    model = tflite("sigmoid-int8")
    grading = Grading(task=Task(kind="binary", threshold=None), labels=2, validation_x=tmp_path / "x.npy", validation_y=tmp_path / "y.npy")
    predictions = grading.predictions(model, X, litert.run(model, X))
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", (predictions > 0.4).astype(np.int64))

    (threshold,) = grading.thresholds(model, litert.run)

    assert max(p for p in predictions if p <= 0.4) < threshold < min(p for p in predictions if p > 0.4)
    assert grading.decide(predictions, (threshold,)).decided.tolist() == (predictions > 0.4).tolist()


def test_given_thresholds_need_no_run(tflite: Callable[[str], bytes]) -> None:
    """Nothing is read."""

    def fail(model: bytes, x: np.ndarray) -> np.ndarray:
        raise AssertionError

    assert Grading(task=Task(kind="binary", threshold=0.25), labels=2).thresholds(tflite("sigmoid-int8"), fail) == (0.25,)


def test_an_examiner_knows_its_metric() -> None:
    """Or refuses."""
    with pytest.raises(ProjectError, match="Did you mean 'macro_f1'"):
        Grading(task=Task(metric="macro-f1")).examiner()
