"""Models of Keras 3 that the tests of the bridge build; Keras is imported when a test asks for it, so that only its process imports TensorFlow."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def three() -> ModuleType:
    """Keras 3."""
    from emberflow.keras_bridge.which import keras_3

    return keras_3()


@pytest.fixture(scope="session")
def chain(three: ModuleType) -> Callable[..., Any]:
    """A functional model of layers one after the other, of a window of 16 steps of 4 channels unless told otherwise."""

    def build(*layers: Any, shape: tuple[int | None, ...] = (16, 4), dtype: str = "float32") -> Any:
        tensor = source = three.Input(shape, dtype=dtype)
        for layer in layers:
            tensor = layer(tensor)
        return three.Model(source, tensor)

    return build


@pytest.fixture(scope="session")
def side_by_side(three: ModuleType) -> Callable[..., Any]:
    """A functional model of layers that all get the same input, each with an output of its own."""

    def build(*layers: Any, shape: tuple[int, ...] = (16, 4)) -> Any:
        source = three.Input(shape)
        return three.Model(source, [layer(source) for layer in layers])

    return build


@pytest.fixture(scope="session")
def weighed() -> Callable[[Any], Any]:
    """No weight at its initial value: ones and zeros would hide a weight that is not copied."""

    def weigh(model: Any) -> Any:
        random = np.random.default_rng(0)
        model.set_weights([random.uniform(0.1, 1, w.shape).astype(np.float32) for w in model.get_weights()])
        return model

    return weigh
