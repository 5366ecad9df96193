"""Operators on Keras tensors: the plain ones become layers, in either Keras; the others are refused by name."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from emberflow.errors import ModelError
from emberflow.keras_bridge import keras, largest_difference, to_keras_2
from emberflow.keras_bridge.rebuild import rebuild

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_plain_operators_of_keras_3_become_layers(three: ModuleType) -> None:
    """Between two tensors, with numbers on either side, and functions of keras.ops."""
    x, y, ops = three.Input((16, 4)), three.Input((16, 4)), three.ops
    arithmetic = [x + y, x - y, x * y, x + 1, 1 - x, x - 1, 2 * x, x / 4, -x, ops.maximum(x, y), ops.minimum(x, y), ops.maximum(x, 0)]
    shapes = [ops.concatenate([x, y], 1), ops.reshape(x, (-1, 8, 8)), ops.transpose(x, (0, 2, 1)), ops.expand_dims(x, -1)]
    shapes += [ops.squeeze(ops.expand_dims(x, 1), 1), ops.mean(x, axis=1), ops.max(x, axis=-2, keepdims=True)]
    names = ("relu", "relu6", "sigmoid", "tanh", "softmax", "silu", "selu", "softplus", "softsign", "hard_sigmoid", "hard_silu", "exp")
    functions = [getattr(ops, name)(x) for name in names]
    model = three.Model([x, y], arithmetic + shapes + functions)

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) <= 1e-6
    assert {type(layer).__module__.split(".")[0] for layer in rebuilt.layers} == {"tf_keras"}


def test_plain_operators_of_keras_2_become_layers() -> None:
    """Its TFOpLambda, which TFMOT refuses, is gone."""
    import tensorflow as tf

    x = keras().Input((16, 4))
    y = keras().layers.Conv1D(4, 3, padding="same")(x)
    outputs = [x + y, 2 - x, x / 4.0, -x, tf.concat([x, y], -1), tf.reduce_mean(x, [1]), tf.reshape(x, [-1, 8, 8]), tf.transpose(x, [0, 2, 1])]
    outputs += [tf.nn.relu6(x), tf.nn.softmax(x), tf.sigmoid(x), tf.tanh(x), tf.maximum(x, y), tf.expand_dims(x, -1), tf.reduce_max(x, 1)]
    model = keras().Model(x, outputs)

    rebuilt = to_keras_2(model)

    assert largest_difference(model, rebuilt) <= 1e-6
    assert "TFOpLambda" in [type(layer).__name__ for layer in model.layers]
    assert "TFOpLambda" not in [type(layer).__name__ for layer in rebuilt.layers]


def test_operators_of_a_model_that_is_called_twice_keep_apart(three: ModuleType) -> None:
    """Each call gives layers of its own, of names that no other layer has."""
    source, outer = three.Input((3,)), three.Input((3,))
    inner = three.Model(source, source + 2.0 * source)
    model = three.Model(outer, three.layers.Add(name="multiply")([inner(inner(outer)), outer]))

    assert largest_difference(model, to_keras_2(model)) == 0.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda x, ops: ops.cumprod(x, axis=1), "(keras.ops.Cumprod) on tensors, which no layer of Keras 2 does; use layers instead"),
        (lambda x, ops: ops.reshape(x, (-1, 4)), "of a tensor, newshape=(-1, 4), which no layer of Keras 2 does"),
        (lambda x, ops: ops.transpose(x), "computes 'transpose"),
        (lambda x, ops: ops.squeeze(x[:, :1]), "computes 'squeeze"),
        (lambda x, ops: ops.expand_dims(x, 0), "of a tensor, axis=0, which no layer of Keras 2 does"),
        (lambda x, ops: x + np.ones((16, 4), np.float32), "of a tensor, "),
        (lambda x, ops: ops.maximum(x, 3), "of a tensor, 3, which no layer of Keras 2 does"),
    ],
)
def test_another_operator_is_refused_by_name(three: ModuleType, make: Callable[[Any, Any], Any], said: str) -> None:
    """Or a plain one used in a way that no layer has."""
    x = three.Input((16, 4))

    with pytest.raises(ModelError) as told:
        to_keras_2(three.Model(x, make(x, three.ops)))

    assert said in str(told.value)


def test_another_operator_of_keras_2_is_left_where_it_is() -> None:
    """The model can be converted with it; the bridge to Keras 2 isn't needed."""
    import tensorflow as tf

    x = keras().Input((16, 4))
    model = keras().Model(x, tf.cumsum(x) + x)

    assert to_keras_2(model) is model
    with pytest.raises(ModelError, match=r"\(tf.math.cumsum\) on tensors, which no layer of Keras 2 does; use layers instead"):
        rebuild(model)
