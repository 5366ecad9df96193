"""The classroom opens arrays as a lesson and starts every random generator at the seed."""

from typing import Any

import numpy as np
import pytest

from emberflow.errors import ProjectError
from emberflow.keras_bridge import keras
from emberflow.standardization import Standardization
from emberflow.task import TaskKind

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_a_lesson_holds_the_parts_memory_mapped(bench: Any, facts: Any) -> None:
    """And the settings as they were given."""
    lesson = bench.classroom(batch_size=10).lesson(epochs=7, learning_rate=0.5)

    assert isinstance(lesson.x, np.memmap)
    assert (lesson.x.shape, lesson.y.shape, lesson.validation[0].shape) == ((64, 12, 4), (64,), (16, 12, 4))
    assert (lesson.epochs, lesson.learning_rate, lesson.batch_size, lesson.steps, lesson.seed) == (7, 0.5, 10, 7, 3)
    assert lesson.augment is None


def test_a_lesson_starts_every_generator_at_the_seed(bench: Any, facts: Any) -> None:
    """Models built after it get the same initial weights and the same names."""

    def build() -> tuple[str, list[float]]:
        bench.classroom().lesson(1, 0.1)
        model = keras().Sequential([keras().Input((2,)), keras().layers.Dense(2)])
        return model.layers[0].name, model.get_weights()[0].ravel().tolist()

    assert build() == build()


def test_the_augmentation_is_found_in_the_project_s_folder(bench: Any, facts: Any) -> None:
    """By module and function; a wrong name is told before training."""
    lesson = bench.classroom(augment="tiny_stages:shifted").lesson(1, 0.1)

    assert lesson.augment(np.zeros((3, 12, 4)), np.random.default_rng(0)).shape == (3, 12, 4)
    with pytest.raises(ProjectError, match=r"'tiny_stages' has no function 'shift'\. Did you mean 'shifted'\?"):
        bench.classroom(augment="tiny_stages:shift").lesson(1, 0.1)


def test_values_are_taught_standardized(bench: Any, facts: Any, tmp_path: Any) -> None:
    """Those of training and validation: (y - 10) / 2."""
    np.save(tmp_path / "y.npy", np.float32([[10], [14]]))
    room = bench.classroom(y=tmp_path / "y.npy", validation_y=tmp_path / "y.npy", target=Standardization(mean=(10,), std=(2,)), task="regression")

    lesson = room.lesson(1, 0.1)

    assert (lesson.y.tolist(), lesson.validation[1].tolist(), lesson.task) == ([[0], [2]], [[0], [2]], TaskKind.REGRESSION)


def test_an_autoencoder_is_watched_on_normal_samples(bench: Any, facts: Any) -> None:
    """It is taught the samples themselves; of the validation part's 16, half are of label 1."""
    lesson = bench.classroom(task="anomaly").lesson(1, 0.1)

    assert lesson.y is None
    assert lesson.validation[1] is None
    assert np.array_equal(np.load(bench["validation-x.npy"])[np.load(bench["validation-y.npy"]) == 0], lesson.validation[0])
