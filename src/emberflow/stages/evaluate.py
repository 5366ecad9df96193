"""The stages that measure a .tflite: on the test part, and on this machine's clock. Files in, values out."""

from pathlib import Path

import numpy as np

from emberflow import plot
from emberflow.evaluate.grading import Grading
from emberflow.evaluate.latency import time_model
from emberflow.evaluate.variant import Exam, evaluate_model
from emberflow.measure import Measure
from emberflow.values import Report, Value
from emberflow.variant import Evaluation, Latency

_TIMED_SAMPLES = 64


class Paper(Value):
    """What every variant is examined with: the test part, the baseline's predictions over it with its thresholds, and how it is graded."""

    x: Path
    y: Path
    predictions: Path
    thresholds: tuple[float, ...] = ()
    labels: tuple[str, ...]
    measure: Measure
    unit: str = ""
    grading: Grading
    is_microcontroller: bool


def evaluate(recipe: str, model: Path, paper: Paper, out: tuple[Path, Path], report: Report) -> Evaluation:
    """Measure the .tflite at `model`, draw its answers to `out[0]`, SVG, and write TFLM's outputs, where it runs the model, to `out[1]`, .npy.

    Raises as `evaluate_model`.
    """
    measure, grading = paper.measure, paper.grading
    exam = Exam(np.load(paper.x, mmap_mode="r"), np.load(paper.y), grading.decide(np.load(paper.predictions), paper.thresholds), grading)
    examined = evaluate_model(model.read_bytes(), exam, paper.is_microcontroller)
    evaluation = examined.evaluation
    if examined.on_chip is not None:
        np.save(out[1], examined.on_chip)
    out[0].write_text(plot.answers(evaluation.quality, paper.labels, paper.unit, recipe).svg(), encoding="utf-8")
    score = measure.show(evaluation.quality.scores[measure.name])
    report(f"{measure.name} {score} ({evaluation.quality.runtime}), loss {measure.show_loss(evaluation.drop)}")
    return evaluation


def time_on_host(models: list[Path], test_x: Path, threads: int, report: Report) -> tuple[Latency, ...]:
    """Time one inference of each .tflite on this machine; for figures that mean something, nothing else should run."""
    x = np.load(test_x, mmap_mode="r")[:_TIMED_SAMPLES]
    timings = tuple(time_model(model.read_bytes(), x, threads) for model in models)
    report(f"{min(t.median_us for t in timings):,.0f} to {max(t.median_us for t in timings):,.0f} µs an inference")
    return timings
