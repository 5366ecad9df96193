"""One step from file to file: the file given stays, and any step's file can be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.compress import load_any, why_not
from emberflow.keras_bridge import keras
from emberflow.recipe import Cluster, Prune, PruneBlock, QuantizeAware, Step
from emberflow.training import Lesson

pytestmark = pytest.mark.xdist_group("tensorflow")
Made = Callable[[str], tuple[Path, tuple[str, ...]]]


def test_the_model_given_is_not_changed(made: Made, signal_model: Any) -> None:
    """TFMOT trains what it is given in place; here that is a fresh copy of the file, which stays."""
    made("prune70")

    given = load_any(made("")[0]).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(given, signal_model.get_weights(), strict=True))


@pytest.mark.parametrize("name", ["", "prune70", "cluster16", "prune70-qat"])
def test_what_a_step_wrote_can_be_read(made: Made, lesson: Lesson, name: str) -> None:
    """With fake quantization or without: probabilities of three classes."""
    model = load_any(made(name)[0])

    assert np.asarray(model(lesson.x[:5])).sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_progress_is_told(made: Made, told: list[str]) -> None:
    """A line an epoch."""
    made("prune70")

    assert told[0].startswith("epoch 1/1: accuracy ")


@pytest.mark.parametrize(
    "steps", [(Prune(70),), (PruneBlock(2, 4),), (Cluster(16),), (QuantizeAware(),), (Prune(70), Cluster(16), QuantizeAware())], ids=str
)
def test_nothing_stands_against_what_can_be_done(signal_model: Any, steps: tuple[Step, ...]) -> None:
    """The model stays as it is: 1D, with its weights, and as trainable."""
    before = signal_model.get_weights()

    assert "" == why_not(signal_model, steps)

    assert {"Conv1D"} == {type(layer).__name__ for layer in signal_model.layers if "Conv" in type(layer).__name__}
    assert all(np.array_equal(a, b) for a, b in zip(before, signal_model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("steps", "layer", "said"),
    [
        ((QuantizeAware(),), ("LSTM", {"units": 4, "name": "memory"}), "qat can't quantize 'memory' (LSTM) of"),
        ((QuantizeAware(),), ("Conv1D", {"filters": 8, "kernel_size": 3, "activation": "softplus"}), ", of which TFMOT says: "),
        ((Prune(70), Cluster(16)), ("Conv1D", {"filters": 2, "kernel_size": 1}), "cluster16 finds no layer to treat in"),
        ((Prune(70),), ("ReLU", {}), "prune70 finds no layer to treat in"),
    ],
)
def test_what_stands_against_a_step_is_told_without_training(steps: tuple[Step, ...], layer: tuple[str, dict[str, Any]], said: str) -> None:
    """In the words of the error that carrying it out would raise."""
    kind, settings = layer
    model = keras().Sequential([keras().Input((16, 6)), getattr(keras().layers, kind)(**settings)])

    assert said in why_not(model, steps)


def test_a_model_that_can_not_be_copied_is_told() -> None:
    """Layers of one that was subclassed can't be wrapped one by one."""
    keras_2: Any = keras()

    class Own(keras_2.Model):  # type: ignore[misc]
        """One layer."""

        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = keras_2.layers.Dense(3)

        def call(self, x: Any) -> Any:
            """As it says."""
            return self.dense(x)

    model = Own()
    model(np.zeros((1, 6), np.float32))

    assert why_not(model, (QuantizeAware(),)).startswith("qat can't copy 'own', which Keras refuses: ")
