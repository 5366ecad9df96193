"""The stages that measure a .tflite: on the test part, and on this machine's clock. Files in, values out."""

from pathlib import Path

import numpy as np

from emberflow.evaluate.latency import time_model
from emberflow.evaluate.variant import Exam, evaluate_model
from emberflow.values import Report
from emberflow.variant import Evaluation, Latency

_TIMED_SAMPLES = 64


def evaluate(model: Path, test: tuple[Path, Path], predictions: Path, metric: str, is_microcontroller: bool, report: Report) -> Evaluation:
    """Measure the .tflite at `model`; `predictions` are the baseline's probabilities. Raises as `evaluate_model`."""
    x, truth = (np.load(path, mmap_mode="r") for path in test)
    exam = Exam(x, np.asarray(truth), np.load(predictions), metric)
    evaluation, _ = evaluate_model(model.read_bytes(), exam, is_microcontroller)
    report(f"{metric} {evaluation.quality.scores[metric]:.4f} ({evaluation.quality.runtime}), loss {evaluation.drop}")
    return evaluation


def time_on_host(model: Path, test_x: Path, threads: int, report: Report) -> Latency:
    """Time one inference of the .tflite at `model` on this machine; for figures that mean something, nothing else should run."""
    latency = time_model(model.read_bytes(), np.load(test_x, mmap_mode="r")[:_TIMED_SAMPLES], threads)
    report(f"{latency.median_us:.0f} µs")
    return latency
