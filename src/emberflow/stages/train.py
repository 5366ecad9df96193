"""The stage that gives the float baseline: built and trained here, or brought along. Files in, files out."""

import shutil
from pathlib import Path

import numpy as np
from pydantic import Field

from emberflow.artifact import Kind
from emberflow.entry import call
from emberflow.frozen import ReadyModel, SignatureModel
from emberflow.keras_bridge import Model, load, own_classes, save, to_keras_2
from emberflow.loaded import pack
from emberflow.stages.classroom import Classroom
from emberflow.standardization import Standardization
from emberflow.task import Examiner, Task
from emberflow.task.rules import Run
from emberflow.training import Training, TrainingCurve, check_model, check_outputs, fit, predict
from emberflow.trust import NOBODY, Trust
from emberflow.values import AnyArray, FloatArray, Report, Value
from emberflow.variant import Quality
from emberflow.wishes import NONE, Wishes


class BaselineFacts(Value):
    """What there is to know of a baseline beside its files."""

    parameters: int
    quality: Quality
    curve: TrainingCurve | None
    notes: tuple[str, ...] = ()
    layers: tuple[str, ...] = Field(default=(), description="the names of a Keras model's layers")


class Origin(Value):
    """Where the baseline comes from: `module:function` to build and train it with `training`, or what was trained elsewhere.

    signature: of a SavedModel, the function that serves.
    trust: what of a Keras file may run on this machine, and what its own classes are made of.
    """

    baseline: str
    training: Training
    labels: int
    signature: str | None = None
    trust: Trust = NOBODY
    task: Task = Task()
    target: Standardization | None = None

    @property
    def is_built(self) -> bool:
        """Whether it is built and trained here."""
        return ":" in self.baseline

    @property
    def kind(self) -> Kind:
        """What its file in the store is."""
        return Kind.SAVED_MODEL if self.signature else Kind.TFLITE if self.baseline.endswith(".tflite") else Kind.KERAS


def train(
    origin: Origin, classroom: Classroom, test: tuple[Path, Path], out: tuple[Path, Path], report: Report, wishes: Wishes = NONE
) -> BaselineFacts:
    """Write the baseline to `out[0]`, a Keras model as HDF5 and a SavedModel as a zip, and its predictions over the test part, (n, ...), to `out[1]`.

    Raises: ProjectError: the builder, or a wish for a layer that the model hasn't. ModelError: what it returned, a file that can't be read, or a loss that isn't finite.
    """
    lesson = classroom.lesson(origin.training.epochs, origin.training.learning_rate)
    model = _obtain(origin, classroom.folder, report)
    layers = _layers(model)
    wishes.check(layers)
    examiner = Examiner(origin.task, classroom.folder)
    check_model(model, lesson.x.shape[1:], origin.labels, origin.task.kind)
    check_outputs(model, np.asarray(lesson.x[:8]), origin.task.kind, model.rounding if isinstance(model, ReadyModel) else 1e-3)
    curve = fit(model, lesson, report) if origin.is_built else None
    x, truth = (np.load(path, mmap_mode="r") for path in test)
    predictions = _predict(model, x, origin)
    thresholds = _thresholds(model, origin, classroom)
    quality = examiner.assess(_runtime(model), np.asarray(truth), origin.task.rules.decide(predictions, thresholds), thresholds)
    _keep(model, origin, classroom.folder, out[0])
    np.save(out[1], predictions)
    measure = origin.task.measure(unit="")
    report(f"{measure.name} {measure.show(quality.scores[measure.name])} on {len(x):,} test samples")
    return BaselineFacts(parameters=model.count_params(), quality=quality, curve=curve, notes=_notes(origin), layers=layers)


def _predict(model: Model, x: FloatArray, origin: Origin) -> AnyArray:
    return origin.task.rules.predictions(Run.of_floats(np.asarray(x), predict(model, x)), origin.target)


def _thresholds(model: Model, origin: Origin, classroom: Classroom) -> tuple[float, ...]:
    if not origin.task.chooses:
        return origin.task.given_thresholds(origin.labels)
    x, truth = (np.load(path, mmap_mode="r") for path in (classroom.validation_x, classroom.validation_y))
    return origin.task.rules.choose(_predict(model, x, origin), np.asarray(truth), origin.task.quantile)


def _obtain(origin: Origin, folder: Path, report: Report) -> Model:
    if origin.signature:
        return SignatureModel(folder / origin.baseline, origin.signature)
    if origin.kind is Kind.TFLITE:
        return ReadyModel(folder / origin.baseline)
    if origin.is_built:
        with own_classes(origin.trust.own):
            return to_keras_2(call(origin.baseline, folder))
    return load(folder / origin.baseline, origin.trust, report)


def _layers(model: Model) -> tuple[str, ...]:
    return (
        () if isinstance(model, SignatureModel | ReadyModel) else tuple(layer.name for layer in model.layers if type(layer).__name__ != "InputLayer")
    )


def _keep(model: Model, origin: Origin, folder: Path, out: Path) -> None:
    if origin.signature:
        pack(folder / origin.baseline, out)
    elif origin.kind is Kind.TFLITE:
        shutil.copyfile(folder / origin.baseline, out)
    else:
        save(model, out)


def _notes(origin: Origin) -> tuple[str, ...]:
    if origin.kind is not Kind.TFLITE:
        return ()
    return (
        "compared with its own answers in LiteRT, for no float model was brought: the loss says nothing of what quantization cost,"
        " only how far the target's runtime is from LiteRT",
    )


def _runtime(model: Model) -> str:
    return model.runtime if isinstance(model, SignatureModel | ReadyModel) else "Keras"
