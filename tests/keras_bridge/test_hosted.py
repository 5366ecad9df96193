"""What goes on as a guest, and that TFLite has each operator which does."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.convert import to_tflite
from emberflow.keras_bridge import kind_of, largest_difference, to_keras_2
from emberflow.keras_bridge.guest import is_guest
from emberflow.keras_bridge.hosted import LAYERS, OPERATORS, is_hosted
from emberflow.keras_bridge.own import registered
from emberflow.recipe import Format

pytestmark = pytest.mark.xdist_group("tensorflow")
X = np.random.default_rng(0).uniform(0.1, 2, size=(8, 16, 4)).astype(np.float32)

USED: dict[str, Callable[[Any, Any], Any]] = {
    "Absolute": lambda x, ops: ops.absolute(x),
    "Cumsum": lambda x, ops: ops.cumsum(x, axis=1),
    "Divide": lambda x, ops: ops.divide(x, x + 1),
    "GetItem": lambda x, ops: x[:, ::4],
    "Log": lambda x, ops: ops.log(ops.absolute(x) + 1),
    "Max": lambda x, ops: ops.max(x, axis=-1),
    "Mean": lambda x, ops: ops.mean(x, axis=2, keepdims=True),
    "Minimum": lambda x, ops: ops.minimum(x, 0.5),
    "Rsqrt": lambda x, ops: ops.rsqrt(ops.absolute(x) + 1),
    "Softmax": lambda x, ops: ops.softmax(x, axis=1),
    "Sqrt": lambda x, ops: ops.sqrt(ops.absolute(x)),
    "Square": lambda x, ops: ops.square(x),
    "Sum": lambda x, ops: ops.sum(x, axis=(1, 2)),
    "TrueDivide": lambda x, ops: 1 / (ops.absolute(x) + 1),
}


@pytest.mark.parametrize("kind", sorted(OPERATORS))
def test_every_operator_that_is_a_guest_is_one_of_tflite(three: ModuleType, kind: str) -> None:
    """Used as no layer of Keras 2 is: the same outputs, and the converter takes it in float and in integers."""
    x = three.Input((16, 4))
    model = three.Model(x, USED[kind](x, three.ops))

    rebuilt = to_keras_2(model)

    assert kind in [kind_of(layer) for layer in rebuilt.layers if is_guest(layer)]
    assert 1e-6 >= largest_difference(model, rebuilt)
    for number_format in (Format.FLOAT32, Format.INT8):
        assert to_tflite(rebuilt, number_format, X)


def test_a_layer_of_keras_that_is_a_guest_is_one_of_tflite(three: ModuleType, chain: Any, weighed: Any) -> None:
    """RMSNormalization, which Keras 2 hasn't."""
    model = weighed(chain(three.layers.RMSNormalization()))

    rebuilt = to_keras_2(model)

    assert {"Lambda", "RMSNormalization"} == LAYERS
    assert 1e-6 >= largest_difference(model, rebuilt)
    assert to_tflite(rebuilt, Format.INT8, X)


def test_activations_of_the_user_s_follow_as_guests(three: ModuleType, chain: Any, weighed: Any) -> None:
    """A function, and an object of a registered class; the layer before stays one of Keras 2, which a step can treat. An LSTM is one as a whole."""

    class Times:
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, x: Any) -> Any:
            return x * self.by

        def get_config(self) -> dict[str, Any]:
            return {"by": self.by}

        @classmethod
        def from_config(cls, config: Any) -> Any:
            return cls(**config)

    def cube(x: Any) -> Any:
        return x * x * x

    make = three.layers
    layers = [make.Conv1D(4, 3, activation=cube), make.Dense(3, activation=Times(0.5)), make.Activation(cube), make.LSTM(3, activation=cube)]
    with registered({"Times": Times, "cube": cube}, 3):
        rebuilt = to_keras_2(model := weighed(chain(*layers)))

    assert 1e-6 >= largest_difference(model, rebuilt)
    assert ["Conv1D", "Activation", "Dense", "Activation", "Activation", "LSTM"] == [kind_of(layer) for layer in rebuilt.layers][1:]
    assert ["LSTM"] == [kind_of(layer) for layer in rebuilt.layers if is_guest(layer) and layer.weights]


def test_what_only_training_uses_is_left_out(three: ModuleType, chain: Any) -> None:
    """Initializers, regularizers and constraints of the user's: the layer is an equal of Keras 2 all the same."""

    class Ramp(three.initializers.Initializer):  # type: ignore[name-defined,misc]  # Keras ships no types
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.linspace(0, 1, int(np.prod(shape))).reshape(shape)

    class Small(three.regularizers.Regularizer):  # type: ignore[name-defined,misc]
        def __call__(self, x: Any) -> Any:
            return three.ops.sum(x)

        def get_config(self) -> dict[str, Any]:
            return {}

    dense = three.layers.Dense(3, kernel_initializer=Ramp(), kernel_regularizer=Small())
    rebuilt = to_keras_2(model := chain(dense))

    assert not is_hosted(dense)
    assert ["InputLayer", "Dense"] == [type(layer).__name__ for layer in rebuilt.layers]
    assert 1e-6 >= largest_difference(model, rebuilt)
