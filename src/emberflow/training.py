"""Training and fine-tuning of a Keras model on one data set, the same loop for every step. Knows Keras; refuses to know why it trains."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from emberflow.dataset import Standardization
from emberflow.errors import ModelError
from emberflow.keras_bridge import Model, keras
from emberflow.values import Entry, FloatArray, IntArray, Report, Value

Augment = Callable[[FloatArray, np.random.Generator], FloatArray]


class Training(Value):
    """How the baseline is trained: Adam, with the learning rate falling to zero along a cosine."""

    epochs: int = Field(default=24, ge=1, le=10_000, description="how often every training sample is seen")
    batch_size: int = Field(default=64, ge=1, le=65_536, description="samples of one step")
    learning_rate: float = Field(default=2e-3, gt=0, le=10, description="of the first step")
    seed: int = Field(default=1, ge=0, le=2**31, description="of every random choice: weights, order, augmentation, calibration samples")
    augment: Entry | None = Field(default=None, description="function (x: raw batch, random: numpy Generator) -> x of the same shape; training only")


class FineTuning(Value):
    """How the model is trained on in each compression step."""

    epochs: int = Field(default=5, ge=1, le=10_000, description="of each compression step")
    learning_rate: float = Field(default=5e-4, gt=0, le=10, description="of the first step; smaller than in training")


class TrainingCurve(Value):
    """Loss and metric after each epoch, on the training and the validation part."""

    loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_accuracy: tuple[float, ...]


@dataclass(frozen=True)
class Lesson:
    """What a model is trained on, and how.

    Args:
        x, y: standardized samples (n, *input_shape) float32 and labels (n,) int64; memory-mapped arrays are read a batch at a time.
        validation: the same two of the validation part.
        standardization: undone before `augment`, which is given raw samples, and applied again after it.
    """

    x: FloatArray
    y: IntArray
    validation: tuple[FloatArray, IntArray]
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    augment: Augment | None = None
    standardization: Standardization | None = None

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return -(-len(self.x) // self.batch_size)


def check_model(model: Model, input_shape: tuple[int, ...], classes: int) -> None:
    """Refuse a model that doesn't meet the data, before any training.

    Raises: ModelError: several inputs or outputs, another input shape, or outputs that aren't one probability a class.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one of each for classification")
    expected, received = (None, *input_shape), tuple(model.inputs[0].shape)
    if len(expected) != len(received) or any(r not in (None, e) for r, e in zip(received[1:], expected[1:], strict=True)):
        raise ModelError(f"the model takes {received}; expected {expected}, the shape of the data's samples")
    shape = tuple(model.outputs[0].shape)
    if shape != (None, classes) and not (classes == 2 and shape == (None, 1)):
        raise ModelError(f"the model gives {shape}; expected (None, {classes}), one probability for each label")


def check_probabilities(model: Model, x: FloatArray, rounding: float = 1e-3) -> None:
    """Refuse outputs that aren't probabilities. `x` is a few samples, standardized; `rounding` is how far from 1 their sum may be.

    Raises: ModelError: an output is outside [0, 1], or a row doesn't add up to 1.
    """
    out = np.asarray(model(x, training=False))
    adds_up = out.shape[-1] == 1 or np.allclose(out.sum(-1), 1, atol=rounding)
    if not (np.isfinite(out).all() and out.min() >= 0 and out.max() <= 1 and adds_up):
        raise ModelError(
            f"the model gives values from {out.min():.3g} to {out.max():.3g}; expected probabilities: end it with softmax (or sigmoid for two labels)"
        )


def fit(model: Model, lesson: Lesson, report: Report, callbacks: Sequence[Any] = ()) -> TrainingCurve:
    """Train `model` in place; the learning rate falls from `learning_rate` to 0 along a cosine (Loshchilov & Hutter 2017, without restarts).

    Raises: ModelError: the loss became NaN or infinite, or a batch could not be made or computed.
    """
    import tensorflow as tf  # noqa: PLC0415

    schedule = keras().optimizers.schedules.CosineDecay(lesson.learning_rate, lesson.epochs * lesson.steps)
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(keras().optimizers.Adam(schedule), loss, metrics=["accuracy"])
    try:
        history = model.fit(
            _batches(lesson),
            epochs=lesson.epochs,
            validation_data=lesson.validation,
            validation_batch_size=1024,
            shuffle=False,  # the batches are shuffled already, by a generator of their own; Keras would shuffle them by the global one
            verbose=0,
            callbacks=[*callbacks, keras().callbacks.TerminateOnNaN(), _reporter(lesson.epochs, report)],
        ).history
    except tf.errors.OpError as error:  # also what a batch raised: TensorFlow keeps only its text
        raise ModelError(f"training stopped: {_told(error)}") from error
    if not np.isfinite(history["loss"][-1]):
        raise ModelError(f"the loss became {history['loss'][-1]} in epoch {len(history['loss'])}; lower the learning rate ({lesson.learning_rate})")
    return TrainingCurve(**{key: tuple(history.get(key, ())) for key in TrainingCurve.model_fields})


def _told(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines[1:] if re.match(r"\w+Error: ", line)), lines[0])


def _batches(lesson: Lesson) -> Any:
    random = np.random.default_rng(lesson.seed)

    class Batches(keras().utils.Sequence):  # type: ignore[misc]  # tf_keras ships no types
        """Shuffled batches of one epoch after the other."""

        def __init__(self) -> None:
            super().__init__()
            self.order = random.permutation(len(lesson.x))

        def __len__(self) -> int:
            return lesson.steps

        def __getitem__(self, number: int) -> tuple[FloatArray, IntArray]:
            chosen = np.sort(self.order[number * lesson.batch_size : (number + 1) * lesson.batch_size])  # sorted: a map is read forwards
            return _augmented(lesson, lesson.x[chosen], random), lesson.y[chosen]

        def on_epoch_end(self) -> None:
            self.order = random.permutation(len(lesson.x))

    return Batches()


def _augmented(lesson: Lesson, x: FloatArray, random: np.random.Generator) -> FloatArray:
    if lesson.augment is None:
        return x
    scale = lesson.standardization
    changed = lesson.augment(scale.undo(x) if scale else x, random)
    if np.shape(changed) != x.shape:
        raise ModelError(f"the augmentation gave a batch of shape {np.shape(changed)}; expected {x.shape}, the shape it was given")
    changed = np.asarray(changed, np.float32)
    return scale.apply(changed) if scale else changed


def _reporter(epochs: int, report: Report) -> Any:
    def tell(epoch: int, logs: dict[str, float]) -> None:
        report(f"epoch {epoch + 1}/{epochs}: accuracy {logs['accuracy']:.3f}, on the validation part {logs['val_accuracy']:.3f}")

    return keras().callbacks.LambdaCallback(on_epoch_end=tell)


def predict(model: Model, x: FloatArray) -> FloatArray:
    """Class probabilities of a Keras model, shape (n, classes) float32; one sigmoid output becomes two columns."""
    out = np.concatenate([np.asarray(model(x[i : i + 512], training=False)) for i in range(0, len(x), 512)])
    return np.concatenate([1 - out, out], axis=1) if out.shape[1] == 1 else out
