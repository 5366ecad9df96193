"""The stages that measure a .tflite: on the test part, and on this machine's clock. Files in, values out."""

from pathlib import Path

import numpy as np

from emberflow import plot
from emberflow.evaluate.latency import time_model
from emberflow.evaluate.variant import Exam, evaluate_model
from emberflow.values import Report, Value
from emberflow.variant import Evaluation, Latency

_TIMED_SAMPLES = 64


class Paper(Value):
    """What every variant is examined with: the test part, the baseline's probabilities over it, and how it is scored."""

    x: Path
    y: Path
    predictions: Path
    labels: tuple[str, ...]
    metric: str
    is_microcontroller: bool


def evaluate(recipe: str, model: Path, paper: Paper, out: Path, report: Report) -> Evaluation:
    """Measure the .tflite at `model`, and draw its confusion matrix to `out`, SVG. Raises as `evaluate_model`."""
    metric = paper.metric
    exam = Exam(np.load(paper.x, mmap_mode="r"), np.load(paper.y), np.load(paper.predictions), metric)
    evaluation, _ = evaluate_model(model.read_bytes(), exam, paper.is_microcontroller)
    out.write_text(plot.confusion(evaluation.quality.confusion, paper.labels, recipe).svg(), encoding="utf-8")
    report(f"{metric} {evaluation.quality.scores[metric]:.4f} ({evaluation.quality.runtime}), loss {evaluation.drop}")
    return evaluation


def time_on_host(models: list[Path], test_x: Path, threads: int, report: Report) -> tuple[Latency, ...]:
    """Time one inference of each .tflite on this machine; for figures that mean something, nothing else should run."""
    x = np.load(test_x, mmap_mode="r")[:_TIMED_SAMPLES]
    timings = tuple(time_model(model.read_bytes(), x, threads) for model in models)
    report(f"{min(t.median_us for t in timings):,.0f} to {max(t.median_us for t in timings):,.0f} µs an inference")
    return timings
