"""The training loop: what can't be trained is refused before, the same seed gives the same weights, and the rate falls to zero."""

from collections.abc import Callable
from dataclasses import replace
from math import cos, pi
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.training import FineTuning, Lesson, Training, check_model, check_outputs, fit, predict

pytestmark = pytest.mark.xdist_group("tensorflow")


def two() -> Any:
    """Keras 2's layers; asked for when a test runs, so that only the process that runs it imports TensorFlow."""
    return keras().layers


@pytest.fixture
def lesson() -> Lesson:
    """Twenty samples of 4 numbers in batches of 8, the last one of 4; the label is whether the first number is positive."""
    keras().utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    return Lesson(x=x, y=y, validation=(x[:6], y[:6]), epochs=2, batch_size=8, learning_rate=0.01, seed=1)


def model_of(*layers: Any, shape: tuple[int | None, ...] = (4,)) -> Any:
    return keras().Sequential([keras().Input(shape), *layers])


def softmax() -> Any:
    return model_of(two().Dense(8, "relu"), two().Dense(2, "softmax"))


def sigmoid() -> Any:
    return model_of(two().Dense(1, "sigmoid"))


def ignore(line: str) -> None:
    """Takes a line of progress."""


def two_inputs() -> Any:
    one, other = keras().Input((4,)), keras().Input((4,))
    return keras().Model([one, other], two().Dense(2, "softmax")(two().Add()([one, other])))


def two_outputs() -> Any:
    source = keras().Input((4,))
    return keras().Model(source, [two().Dense(2)(source), two().Dense(2)(source)])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (two_inputs, r"the model has 2 inputs and 1 outputs; expected one of each for classification"),
        (two_outputs, r"the model has 1 inputs and 2 outputs; expected one of each"),
        (lambda: model_of(two().Dense(3), shape=(5,)), r"the model takes \(None, 5\); expected \(None, 4\), the shape of the data's samples"),
        (lambda: model_of(two().Flatten(), two().Dense(3), shape=(4, 1)), r"the model takes \(None, 4, 1\); expected \(None, 4\)"),
        (lambda: model_of(two().Dense(2)), r"the model gives \(None, 2\); expected \(None, 3\), one probability for each label"),
        (lambda: model_of(two().Dense(1)), r"the model gives \(None, 1\); expected \(None, 3\)"),
        (lambda: model_of(two().Reshape((4, 1)), two().Dense(3)), r"the model gives \(None, 4, 3\); expected \(None, 3\)"),
    ],
)
def test_a_model_that_doesn_t_meet_the_data_is_refused(make: Callable[[], Any], said: str) -> None:
    """Before any training; here with samples of 4 numbers and three labels."""
    with pytest.raises(ModelError, match=said):
        check_model(make(), (4,), 3)


@pytest.mark.parametrize(
    ("make", "shape", "classes"),
    [
        (softmax, (4,), 2),
        (sigmoid, (4,), 2),
        (lambda: model_of(two().GlobalAveragePooling1D(), two().Dense(3), shape=(None, 4)), (16, 4), 3),
    ],
)
def test_a_model_that_meets_the_data_passes(make: Callable[[], Any], shape: tuple[int, ...], classes: int) -> None:
    """Two labels may be one sigmoid, and a dimension may be open."""
    check_model(make(), shape, classes)


def gives(*values: float) -> Any:
    """A model whose outputs are these, whatever it is given."""
    layer = two().Dense(len(values), kernel_initializer="zeros", bias_initializer=keras().initializers.Constant(list(values)))
    return model_of(layer)


@pytest.mark.parametrize("values", [(0.5, 0.6), (-0.1, 1.1), (2.0, 3.0), (float("nan"), 0.5), (1.5,), (-0.5,)])
def test_outputs_that_are_no_probabilities_are_refused(values: tuple[float, ...]) -> None:
    """Logits, rows that don't add up to 1, and NaN."""
    with pytest.raises(
        ModelError, match=r"the model gives values from .+ to .+; expected probabilities: end it with softmax \(or sigmoid for two labels\)"
    ):
        check_outputs(gives(*values), np.ones((3, 4), np.float32))


@pytest.mark.parametrize("values", [(0.25, 0.75), (0.0, 1.0), (0.2, 0.3, 0.5), (0.3,), (1.0,)])
def test_probabilities_pass(values: tuple[float, ...]) -> None:
    """A single sigmoid needn't add up to anything."""
    check_outputs(gives(*values), np.ones((3, 4), np.float32))


def test_training_learns_and_tells(lesson: Lesson) -> None:
    """One value an epoch in the curve, one line an epoch in the report, a lower loss at the end."""
    lines: list[str] = []

    curve = fit(softmax(), replace(lesson, epochs=6, learning_rate=0.1), lines.append)

    assert [len(values) for values in (curve.loss, curve.val_loss, curve.score, curve.val_score)] == [6, 6, 6, 6]
    assert curve.loss[-1] < curve.loss[0] / 2
    assert [line.split(":")[0] for line in lines] == [f"epoch {n}/6" for n in range(1, 7)]
    assert lines[-1] == f"epoch 6/6: accuracy {curve.score[-1]:.3f}, on the validation part {curve.val_score[-1]:.3f}"


def test_one_sigmoid_learns_two_labels(lesson: Lesson) -> None:
    """Its accuracy is right too: Keras compares with 0.5."""
    model = sigmoid()

    curve = fit(model, replace(lesson, epochs=10, learning_rate=0.3), ignore)

    decided = predict(model, lesson.validation[0])[:, 0] > 0.5
    assert curve.loss[-1] < curve.loss[0] / 2
    assert curve.val_score[-1] == pytest.approx(np.mean(decided == lesson.validation[1]))


def test_the_same_seed_gives_the_same_weights(lesson: Lesson) -> None:
    """Initial weights, order of batches, dropout and augmentation; another seed gives others."""

    def train(seed: int) -> np.ndarray:
        keras().utils.set_random_seed(seed)
        model = model_of(two().Dense(8), two().Dropout(0.5), two().Dense(2, "softmax"))
        fit(model, replace(lesson, seed=seed, augment=lambda x, random: x + random.normal(size=x.shape)), ignore)
        return np.concatenate([w.ravel() for w in model.get_weights()])

    first, again, other = train(1), train(1), train(2)

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_learning_rate_falls_to_zero_along_a_cosine(lesson: Lesson) -> None:
    """Over 2 epochs of 3 batches: rate (1 + cos(pi t / 6)) / 2 of what was asked for, 0 at t = 6, which is where training ends."""
    model = softmax()
    fit(model, lesson, ignore)

    schedule = keras().optimizers.schedules.deserialize(model.optimizer.get_config()["learning_rate"])

    assert int(model.optimizer.iterations) == lesson.epochs * lesson.steps == 6
    assert [float(schedule(t)) for t in range(7)] == pytest.approx([0.01 * (1 + cos(pi * t / 6)) / 2 for t in range(7)], abs=1e-9)


@pytest.mark.parametrize(("samples", "batch_size", "steps"), [(20, 8, 3), (16, 8, 2), (1, 8, 1)])
def test_the_last_batch_of_an_epoch_may_be_smaller(lesson: Lesson, samples: int, batch_size: int, steps: int) -> None:
    """No sample is left out."""
    assert replace(lesson, x=lesson.x[:samples], batch_size=batch_size).steps == steps


def test_every_sample_comes_once_an_epoch_and_in_another_order(lesson: Lesson) -> None:
    """The augmentation sees what is trained on; the first batch is drawn once more by Keras, to learn its shape."""
    seen: list[np.ndarray] = []

    def watch(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        seen.append(x.copy())
        return x

    fit(softmax(), replace(lesson, augment=watch), ignore)

    epochs = [np.concatenate(seen[-6:-3]), np.concatenate(seen[-3:])]
    expected = np.sort(lesson.x[:, 0])
    assert all(np.array_equal(np.sort(epoch[:, 0]), expected) for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_the_augmentation_is_given_raw_samples(lesson: Lesson) -> None:
    """Standardization with mean 10 and std 2 is undone before it, and applied after it: a raw shift of 4 is one of 2."""
    scale = Standardization(mean=(10.0,) * 4, std=(2.0,) * 4)
    seen: list[np.ndarray] = []

    def shift(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        seen.append(x)
        return x + 4

    shifted = replace(lesson, x=lesson.x + 2)
    first, other = softmax(), softmax()
    other.set_weights(first.get_weights())
    augmented = fit(first, replace(lesson, augment=shift, standardization=scale), ignore)
    expected = fit(other, shifted, ignore)

    assert np.concatenate(seen).mean() == pytest.approx(10, abs=1)
    assert augmented.loss == pytest.approx(expected.loss, abs=1e-3)
    assert augmented.val_loss == pytest.approx(expected.val_loss, abs=1e-3)  # validation is never augmented


def test_an_augmentation_that_changes_the_shape_is_refused(lesson: Lesson) -> None:
    """In the first batch, and in the last one, of 4 samples, which TensorFlow asks for in the middle of training."""
    always = replace(lesson, augment=lambda x, random: x[:, :2])
    at_last = replace(lesson, augment=lambda x, random: x if len(x) == 8 else x[:3])

    with pytest.raises(ModelError, match=r"the augmentation gave a batch of shape \(8, 2\); expected \(8, 4\), the shape it was given"):
        fit(softmax(), always, ignore)
    with pytest.raises(ModelError, match=r"training stopped: ModelError: the augmentation gave a batch of shape \(3, 4\); expected \(4, 4\)"):
        fit(softmax(), at_last, ignore)


def test_an_augmentation_that_raises_in_the_middle_is_told(lesson: Lesson) -> None:
    """By the name of its error, in one line."""

    def fall(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return x if len(x) == 8 else x / {}["four"]

    with pytest.raises(ModelError, match=r"^training stopped: KeyError: 'four'$"):
        fit(softmax(), replace(lesson, augment=fall), ignore)


def test_memory_that_runs_out_in_a_batch_is_told_as_that(lesson: Lesson) -> None:
    """By the batch's own maker, in Python, and by TensorFlow, which is asked for a terabyte."""

    def starve(x: Any, random: Any) -> Any:
        raise MemoryError

    with pytest.raises(MemoryError):
        fit(softmax(), replace(lesson, augment=starve), ignore)

    import tensorflow as tf

    signal = two().Input((4,))
    wide = two().Lambda(lambda x: x + tf.reduce_sum(tf.random.normal((2**19, 2**19))))(signal)
    hungry = keras().Model(signal, two().Dense(2, activation="softmax")(wide))
    with pytest.raises(MemoryError):
        fit(hungry, lesson, ignore)


def test_a_loss_that_isn_t_finite_is_refused(lesson: Lesson) -> None:
    """With the epoch and the learning rate to lower."""
    lesson.x[3] = np.inf

    with pytest.raises(ModelError, match=r"the loss became nan in epoch 1; lower the learning rate \(0.01\)"):
        fit(softmax(), lesson, ignore)


@pytest.mark.parametrize("samples", [1, 512, 513])
def test_predict_takes_any_number_of_samples(samples: int) -> None:
    """They are computed 512 at a time, in order."""
    model = softmax()
    x = np.random.default_rng(2).normal(size=(samples, 4)).astype(np.float32)

    probabilities = predict(model, x)

    assert probabilities.dtype == np.float32
    assert probabilities == pytest.approx(np.asarray(model(x)), abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Training, {"epochs": 0}),
        (Training, {"batch_size": 0}),
        (Training, {"learning_rate": 0}),
        (Training, {"seed": -1}),
        (Training, {"augment": "no function"}),
        (Training, {"momentum": 0.9}),
        (FineTuning, {"epochs": 0}),
        (FineTuning, {"learning_rate": 11}),
    ],
)
def test_impossible_settings_can_t_be_built(kind: type[Training] | type[FineTuning], values: dict[str, Any]) -> None:
    """The key is told."""
    with pytest.raises(ValidationError, match=next(iter(values))):
        kind(**values)


@pytest.mark.parametrize(
    ("kind", "labels", "make", "said"),
    [
        (TaskKind.BINARY, 2, lambda: model_of(two().Dense(3)), r"the model gives \(None, 3\); expected \(None, 1\), the probability of label 1, or"),
        (
            TaskKind.MULTI_LABEL,
            3,
            lambda: model_of(two().Dense(2)),
            r"the model gives \(None, 2\); expected \(None, 3\), one probability for each label",
        ),
        (TaskKind.REGRESSION, 1, lambda: model_of(two().Dense(2)), r"the model gives \(None, 2\); expected \(None, 1\), one output for each value"),
        (TaskKind.ANOMALY, 2, lambda: model_of(two().Dense(3)), r"the model gives \(None, 3\); expected \(None, 4\), the shape of its input"),
        (TaskKind.REGRESSION, 1, two_outputs, r"expected one of each for regression"),
    ],
)
def test_each_task_has_outputs_of_its_own(kind: TaskKind, labels: int, make: Callable[[], Any], said: str) -> None:
    """A model that gives others is refused before any training."""
    with pytest.raises(ModelError, match=said):
        check_model(make(), (4,), labels, kind)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (TaskKind.MULTI_LABEL, (0.3, 0.7), "end it with sigmoid instead of softmax"),
        (TaskKind.MULTI_LABEL, (1.5, 0.2), "expected probabilities: end it with sigmoid"),
        (TaskKind.BINARY, (1.5,), "expected probabilities"),
        (TaskKind.REGRESSION, (float("inf"),), "expected finite numbers"),
    ],
)
def test_outputs_that_are_nothing_for_the_task_are_refused(kind: TaskKind, values: tuple[float, ...], said: str) -> None:
    """A softmax where sigmoids are due, no probabilities, no numbers."""
    with pytest.raises(ModelError, match=said):
        check_outputs(gives(*values), np.ones((3, 4), np.float32), kind)


def test_values_are_learned_with_the_loss_that_was_asked_for(lesson: Lesson) -> None:
    """Of an error all of one size, the mean of absolute ones: the first number times 3, from two plus it."""
    model, y = model_of(two().Dense(1)), lesson.x[:, :1] * 3
    taught = replace(lesson, y=y, validation=(lesson.x, y), task=TaskKind.REGRESSION, loss="mae", epochs=20, learning_rate=0.3)

    curve = fit(model, taught, ignore)

    assert curve.watched == "mae"
    assert curve.val_loss == pytest.approx(curve.val_score, rel=1e-3)
    assert curve.val_score[-1] < 0.3 < curve.val_score[0]


def test_an_autoencoder_learns_the_samples_themselves(lesson: Lesson) -> None:
    """Also where an augmentation changes them: what goes in is what shall come out."""
    shifted = replace(lesson, y=None, validation=(lesson.x, lesson.x), task=TaskKind.ANOMALY, epochs=30, learning_rate=0.1)

    curve = fit(model_of(two().Dense(4)), replace(shifted, augment=lambda x, random: x + 1), ignore)

    assert curve.loss[-1] < curve.loss[0] / 4


def test_several_labels_are_watched_by_their_accuracy(lesson: Lesson) -> None:
    """Each label counts, and the word is accuracy."""
    y = (lesson.x[:, :2] > 0).astype(np.int64)
    lines: list[str] = []

    curve = fit(model_of(two().Dense(2, "sigmoid")), replace(lesson, y=y, validation=(lesson.x, y), task=TaskKind.MULTI_LABEL), lines.append)

    assert curve.watched == "accuracy"
    assert lines[-1].startswith("epoch 2/2: accuracy 0.")
