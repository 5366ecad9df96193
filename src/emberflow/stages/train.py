"""The stage that gives the float baseline: built and trained here, or brought along. Files in, files out."""

from pathlib import Path

import numpy as np

from emberflow.entry import call
from emberflow.evaluate.metrics import assess
from emberflow.keras_bridge import Model, load, save, to_keras_2
from emberflow.stages.classroom import Classroom
from emberflow.training import Training, TrainingCurve, check_model, check_probabilities, fit, predict
from emberflow.values import Report, Value
from emberflow.variant import Quality


class BaselineFacts(Value):
    """What there is to know of a baseline beside its files."""

    parameters: int
    quality: Quality
    curve: TrainingCurve | None


class Origin(Value):
    """Where the baseline comes from: `module:function` to build and train it with `training`, or a file that was trained elsewhere."""

    baseline: str
    training: Training
    labels: int

    @property
    def is_built(self) -> bool:
        """Whether it is built and trained here."""
        return ":" in self.baseline


def train(origin: Origin, classroom: Classroom, test: tuple[Path, Path], out: tuple[Path, Path], report: Report) -> BaselineFacts:
    """Write the baseline as HDF5 to `out[0]`, and its probabilities over the test part, shape (n, labels) float32, to `out[1]`.

    Raises: ProjectError: the builder. ModelError: what it returned, a file that can't be read, or a loss that isn't finite.
    """
    lesson = classroom.lesson(origin.training.epochs, origin.training.learning_rate)
    model = _obtain(origin, classroom.folder)
    check_model(model, lesson.x.shape[1:], origin.labels)
    check_probabilities(model, np.asarray(lesson.x[:8]))
    curve = fit(model, lesson, report) if origin.is_built else None
    x, truth = (np.load(path, mmap_mode="r") for path in test)
    probabilities = predict(model, x)
    save(model, out[0])
    np.save(out[1], probabilities)
    quality = assess("Keras", np.asarray(truth), probabilities)
    report(f"accuracy {quality.scores['accuracy']:.4f} on {len(x):,} test samples")
    return BaselineFacts(parameters=model.count_params(), quality=quality, curve=curve)


def _obtain(origin: Origin, folder: Path) -> Model:
    return to_keras_2(call(origin.baseline, folder)) if origin.is_built else load(folder / origin.baseline)
