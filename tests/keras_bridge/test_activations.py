"""Activations of Keras 3 in Keras 2: every spelling, and the exact values of those that Keras 2 hasn't."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import largest_difference, to_keras_2
from emberflow.keras_bridge.activations import AS_LAYERS, SAME, name_of

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_every_name_computes_the_same_in_every_place(three: ModuleType, side_by_side: Callable[..., Any], weighed: Callable[[Any], Any]) -> None:
    """As a layer's argument, as a layer of its own, as the function itself."""
    layers = three.layers
    names = sorted(AS_LAYERS)
    model = weighed(
        side_by_side(
            *(layers.Dense(3, activation=name) for name in names),
            *(layers.Activation(name) for name in names),
            layers.Activation(three.activations.hard_silu),
            layers.Activation(layers.ReLU(max_value=3)),
            layers.Conv1D(2, 3, activation=layers.LeakyReLU(0.3)),
            layers.TimeDistributed(layers.Dense(3, activation="hard_swish")),
        )
    )

    assert largest_difference(model, to_keras_2(model)) <= 1e-6


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hard_sigmoid", [0, 1 / 6, 0.5, 1, 1]),
        ("hard_silu", [0, -1 / 3, 0, 3, 8]),
        ("hard_tanh", [-1, -1, 0, 1, 1]),
        ("relu6", [0, 0, 0, 3, 6]),
        ("leaky_relu", [-0.8, -0.4, 0, 3, 8]),
        ("celu", [np.exp(-4) - 1, np.exp(-2) - 1, 0, 3, 8]),
        ("log_sigmoid", [-np.log1p(np.exp(4)), -np.log1p(np.exp(2)), -np.log(2), -np.log1p(np.exp(-3)), -np.log1p(np.exp(-8))]),
    ],
)
def test_what_keras_2_hasn_t_is_exact(name: str, expected: list[float]) -> None:
    """At -4, -2, 0, 3 and 8, worked out by hand."""
    x = np.array([[-4, -2, 0, 3, 8]], np.float32)

    assert np.asarray(AS_LAYERS[name]("a")(x))[0] == pytest.approx(expected, abs=1e-6)


def test_hard_swish_becomes_one_operator(chain: Callable[..., Any], three: ModuleType) -> None:
    """TFLite recognizes the layers that it is made of."""
    import tensorflow as tf
    import tflite

    model = to_keras_2(chain(three.layers.Conv1D(3, 3, activation="hard_silu")))

    read = tflite.Model.GetRootAs(tf.lite.TFLiteConverter.from_keras_model(model).convert(), 0)
    assert tflite.BuiltinOperator.HARD_SWISH in [read.OperatorCodes(i).BuiltinCode() for i in range(read.OperatorCodesLength())]


def test_an_activation_is_called_by_its_name() -> None:
    """Text, a serialized function, a serialized layer, none."""
    function = {"class_name": "function", "config": "relu6", "module": "builtins"}

    assert [name_of(x) for x in ("tanh", function, {"class_name": "ReLU", "config": {}}, None)] == ["tanh", "relu6", "ReLU", "linear"]
    assert "hard_sigmoid" not in SAME


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda layers: layers.Activation("glu", name="odd"), "layer 'odd' (Activation) can't be rebuilt in Keras 2: the activation 'glu' has no"),
        (lambda layers: layers.Dense(3, activation="sparsemax", name="odd"), "layer 'odd' (Dense) can't be rebuilt in Keras 2: the activation 'spar"),
        (
            lambda layers: layers.Dense(3, activation=layers.PReLU(), name="odd"),
            "(Dense) can't be rebuilt in Keras 2: the activation PReLU has no ex",
        ),
        (
            lambda layers: layers.GRU(3, recurrent_activation="hard_sigmoid", name="odd"),
            "layer 'odd' (GRU) can't be rebuilt in Keras 2: its recurrent_activation 'hard_sigmoid' has no exact equal",
        ),
    ],
)
def test_an_activation_without_an_exact_equal_is_refused(chain: Callable[..., Any], three: ModuleType, make: Callable[[Any], Any], said: str) -> None:
    """With the name of the layer."""
    with pytest.raises(ModelError) as told:
        to_keras_2(chain(make(three.layers)))

    assert said in str(told.value)
