"""Training and fine-tuning of a Keras model on one data set, the same loop for every step. Knows Keras; refuses to know why it trains."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field

from emberflow import heap
from emberflow.errors import ModelError
from emberflow.keras_bridge import Model, keras
from emberflow.standardization import Standardization
from emberflow.task import RULES, TaskKind
from emberflow.values import AnyArray, Entry, FloatArray, Report, Value
from emberflow.view import Rows, piece_samples, pieces

_WATCHED_AT_ONCE = 1024
_WORDS = {"binary_accuracy": "accuracy"}
Augment = Callable[[FloatArray, np.random.Generator], FloatArray]


class Training(Value):
    """How the baseline is trained: Adam, with the learning rate falling to zero along a cosine."""

    epochs: int = Field(default=24, ge=1, le=10_000, description="how often every training sample is seen")
    batch_size: int = Field(default=64, ge=1, le=65_536, description="samples of one step")
    learning_rate: float = Field(default=2e-3, gt=0, le=10, description="of the first step")
    seed: int = Field(default=1, ge=0, le=2**31, description="of every random choice: weights, order, augmentation, calibration samples")
    loss: Literal["mse", "mae"] = Field(default="mse", description="of regression: mean of squared or of absolute errors; other tasks have their own")
    augment: Entry | None = Field(default=None, description="function (x: raw batch, random: numpy Generator) -> x of the same shape; training only")


class FineTuning(Value):
    """How the model is trained on in each compression step."""

    epochs: int = Field(default=5, ge=1, le=10_000, description="of each compression step")
    learning_rate: float = Field(default=5e-4, gt=0, le=10, description="of the first step; smaller than in training")


class TrainingCurve(Value):
    """Loss and what is watched beside it after each epoch, on the training and the validation part."""

    loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    watched: str = Field(default="accuracy", description="accuracy, or mae in the model's own numbers, as Keras computes it")
    score: tuple[float, ...]
    val_score: tuple[float, ...]


@dataclass(frozen=True)
class Lesson:
    """What a model is trained on, and how.

    Args:
        x, y: standardized samples (n, *input_shape) float32 and what the model shall give for them, (n, ...); None: the samples themselves.
            Memory-mapped arrays are read a batch at a time.
        validation: the same two of the validation part, `x` as an array, a map or a view.
        standardization: undone before `augment`, which is given raw samples, and applied again after it.
    """

    x: FloatArray
    y: AnyArray | None
    validation: tuple[Rows, AnyArray | None]
    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    augment: Augment | None = None
    standardization: Standardization | None = None
    task: TaskKind = TaskKind.CLASSIFICATION
    loss: str = "mse"

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return -(-len(self.x) // self.batch_size)


def check_model(model: Model, input_shape: tuple[int, ...], labels: int, kind: TaskKind = TaskKind.CLASSIFICATION) -> None:
    """Refuse a model that doesn't meet the data, before any training.

    Raises: ModelError: several inputs or outputs, another input shape, or outputs that aren't of the task's shape for so many `labels`.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one of each for {kind}")
    expected, received = (None, *input_shape), tuple(model.inputs[0].shape)
    if len(expected) != len(received) or any(r not in (None, e) for r, e in zip(received[1:], expected[1:], strict=True)):
        raise ModelError(f"the model takes {received}; expected {expected}, the shape of the data's samples")
    shape, rules = tuple(model.outputs[0].shape), RULES[kind]
    if shape[:1] != (None,) or not rules.gives(shape[1:], labels, input_shape):
        raise ModelError(f"the model gives {shape}; expected {rules.expected(labels, input_shape)}")


def check_outputs(model: Model, x: FloatArray, kind: TaskKind = TaskKind.CLASSIFICATION, rounding: float = 1e-3) -> None:
    """Refuse outputs that aren't what the task needs. `x` is a few samples, standardized; `rounding` is how far a sum of probabilities may be from 1.

    Raises: ModelError: where probabilities are due, an output is outside [0, 1], or a row doesn't add up to 1; elsewhere, it is not finite.
    """
    out = np.asarray(model(x, training=False))
    if fault := RULES[kind].find_fault(out, rounding):
        raise ModelError(f"the model gives values from {out.min():.3g} to {out.max():.3g}; expected {fault}")


def fit(model: Model, lesson: Lesson, report: Report, callbacks: Sequence[Any] = ()) -> TrainingCurve:
    """Train `model` in place; the learning rate falls from `learning_rate` to 0 along a cosine (Loshchilov & Hutter 2017, without restarts).

    Raises: ModelError: the loss became NaN or infinite, or a batch could not be made or computed. MemoryError: there was no room for one.
    """
    import tensorflow as tf  # noqa: PLC0415

    schedule = keras().optimizers.schedules.CosineDecay(lesson.learning_rate, lesson.epochs * lesson.steps)
    rules = RULES[lesson.task]
    model.compile(keras().optimizers.Adam(schedule), rules.loss(model.output_shape[-1], lesson.loss), metrics=[rules.watched])
    try:
        with heap.given_back():
            history = model.fit(
                _batches(lesson),
                epochs=lesson.epochs,
                validation_data=_watched(*lesson.validation),
                shuffle=False,  # the batches are shuffled already, by a generator of their own; Keras would shuffle them by the global one
                verbose=0,
                callbacks=[_tensors_in_the_heap(), *callbacks, keras().callbacks.TerminateOnNaN(), _reporter(lesson.epochs, rules.watched, report)],
            ).history
    except tf.errors.OpError as error:  # also what a batch raised: TensorFlow keeps only its text
        if isinstance(error, tf.errors.ResourceExhaustedError) or _told(error).startswith("MemoryError"):
            raise MemoryError(_told(error)) from error
        raise ModelError(f"training stopped: {_told(error)}") from error
    if not np.isfinite(history["loss"][-1]):
        raise ModelError(f"the loss became {history['loss'][-1]} in epoch {len(history['loss'])}; lower the learning rate ({lesson.learning_rate})")
    keys = {"loss": "loss", "val_loss": "val_loss", "score": rules.watched, "val_score": f"val_{rules.watched}"}
    return TrainingCurve(watched=_WORDS.get(rules.watched, rules.watched), **{name: tuple(history.get(key, ())) for name, key in keys.items()})


def _tensors_in_the_heap() -> Any:
    class Heap(keras().callbacks.Callback):  # type: ignore[misc]  # tf_keras ships no types
        """In the steps of training; pieces of the validation part are large, and come once an epoch."""

        def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
            heap.keep()

        def on_test_begin(self, logs: object = None) -> None:
            heap.give_back()

    return Heap()


def _told(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines[1:] if re.match(r"\w+Error\b", line)), lines[0])


def _batches(lesson: Lesson) -> Any:
    random = np.random.default_rng(lesson.seed)

    class Batches(keras().utils.Sequence):  # type: ignore[misc]  # tf_keras ships no types
        """Shuffled batches of one epoch after the other."""

        def __init__(self) -> None:
            super().__init__()
            self.order = random.permutation(len(lesson.x))

        def __len__(self) -> int:
            return lesson.steps

        def __getitem__(self, number: int) -> tuple[FloatArray, AnyArray]:
            chosen = np.sort(self.order[number * lesson.batch_size : (number + 1) * lesson.batch_size])  # sorted: a map is read forwards
            x = _augmented(lesson, lesson.x[chosen], random)
            return x, x if lesson.y is None else lesson.y[chosen]

        def on_epoch_end(self) -> None:
            self.order = random.permutation(len(lesson.x))

    return Batches()


def _watched(x: Rows, y: AnyArray | None) -> Any:
    size = piece_samples(x, _WATCHED_AT_ONCE)

    class Watched(keras().utils.Sequence):  # type: ignore[misc]  # tf_keras ships no types
        """The validation part in its order. Given as arrays, Keras would hold a copy of it."""

        def __len__(self) -> int:
            return len(range(0, len(x), size))

        def __getitem__(self, number: int) -> tuple[AnyArray, AnyArray]:
            chosen = slice(number * size, (number + 1) * size)
            some = x[chosen]
            return some, some if y is None else y[chosen]

    return Watched()


def _augmented(lesson: Lesson, x: FloatArray, random: np.random.Generator) -> FloatArray:
    if lesson.augment is None:
        return x
    scale = lesson.standardization
    changed = lesson.augment(scale.undo(x) if scale else x, random)
    if np.shape(changed) != x.shape:
        raise ModelError(f"the augmentation gave a batch of shape {np.shape(changed)}; expected {x.shape}, the shape it was given")
    changed = np.asarray(changed, np.float32)
    return scale.apply(changed) if scale else changed


def _reporter(epochs: int, watched: str, report: Report) -> Any:
    word = _WORDS.get(watched, watched)

    def tell(epoch: int, logs: dict[str, float]) -> None:
        report(f"epoch {epoch + 1}/{epochs}: {word} {logs[watched]:.3f}, on the validation part {logs[f'val_{watched}']:.3f}")

    return keras().callbacks.LambdaCallback(on_epoch_end=tell)


def predict(model: Model, x: Rows) -> FloatArray:
    """Outputs of a Keras model, shape (n, *output_shape) float32."""
    return np.concatenate([np.asarray(model(piece, training=False)) for piece in pieces(x, 512)])
