"""The evaluate stages: a model of one sigmoid is scored in two columns against its baseline, and timed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.evaluate import micro
from emberflow.evaluate.grading import Grading
from emberflow.measure import Measure
from emberflow.stages.evaluate import Paper, evaluate, time_on_host
from emberflow.task import Task

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_one_sigmoid_is_compared_with_its_baseline(baseline: Any, evaluation: Any) -> None:
    """Both have two columns by then, or the paired drop would refuse them."""
    accuracy = evaluation.quality.scores["accuracy"]

    assert (evaluation.quality.runtime, evaluation.quality.samples) == ("TFLM", 32)
    assert np.shape(evaluation.quality.confusion) == (2, 2)
    assert np.trace(evaluation.quality.confusion) / 32 == pytest.approx(accuracy)
    assert evaluation.drop.estimate == pytest.approx(baseline.quality.scores["accuracy"] - accuracy)
    assert evaluation.drop.low <= evaluation.drop.estimate <= evaluation.drop.high
    assert evaluation.agreement >= 0.75
    assert {"accuracy", "macro_f1", "roc_auc"} == set(evaluation.quality.scores)


def test_the_confusion_is_drawn(bench: Any, evaluation: Any) -> None:
    """With the labels' names and the recipe's."""
    drawn = bench["answers.svg"].read_text()

    assert drawn.lstrip().startswith(("<?xml", "<svg"))
    assert any(line.startswith("accuracy ") and "(TFLM), loss " in line for line in bench.lines)


def test_tflms_outputs_are_kept(bench: Any, evaluation: Any, tflite: Path) -> None:
    """For the proof of the firmware, as the model gives them."""
    outputs = np.load(bench["outputs.npy"])

    assert evaluation.micro.runs
    assert np.array_equal(outputs, micro.run(tflite.read_bytes(), np.load(bench["test-x.npy"])))


def test_an_unknown_metric_is_told(bench: Any, tflite: Path) -> None:
    """Before anything runs."""
    paper = Paper(
        x=bench["test-x.npy"],
        y=bench["test-y.npy"],
        predictions=bench["predictions.npy"],
        labels=("calm", "busy"),
        measure=Measure(name="acuracy"),
        grading=Grading(task=Task(metric="acuracy"), labels=2),
        is_microcontroller=True,
    )

    with pytest.raises(ProjectError, match=r"Did you mean 'accuracy'\?"):
        evaluate("int8", tflite, paper, (bench["none.svg"], bench["none.npy"]), bench.lines.append)

    assert not bench["none.svg"].exists()


def test_each_model_is_timed(bench: Any, tflite: Path) -> None:
    """In the order given; no time is asserted, but that one was taken."""
    timings = time_on_host([tflite, tflite], bench["test-x.npy"], 1, bench.lines.append)

    assert [(0 < timing.median_us <= timing.p95_us, timing.threads) for timing in timings] == [(True, 1), (True, 1)]
    assert "µs an inference" in bench.lines[-1]
