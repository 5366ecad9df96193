"""Which layers and operators of Keras 3 go on as guests, since Keras 2 has no equal of them. Knows names and settings; makes nothing."""

from collections.abc import Mapping
from typing import Any

from emberflow.keras_bridge.which import Layer, keras_3
from emberflow.keras_file import NOBODYS, not_given

LAYERS = frozenset({"Lambda", "RMSNormalization"})
"""A Lambda comes this far only in a model whose code is trusted."""

OPERATORS = frozenset(
    {"Absolute", "Cumsum", "Divide", "GetItem", "Log", "Max", "Mean", "Minimum", "Rsqrt", "Softmax", "Sqrt", "Square", "Sum", "TrueDivide"}
)
"""Operators that TFLite has too, in whatever way they are used."""

ACTIVATED_LAST = ("Dense", "EinsumDense", "Activation", "Conv", "DepthwiseConv", "SeparableConv", "Conv1DTranspose", "Conv2DTranspose")
_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


def is_hosted(layer: Layer) -> bool:
    """Whether a layer computes with code of the user's, its own or that of a layer or function in it, or is one of LAYERS."""
    config = keras_3().saving.serialize_keras_object(layer)
    computing = {**config, "config": without_own(config["config"])}
    if has_own_activation(layer):
        computing["config"].pop("activation")
    return type(layer).__name__ in LAYERS or bool(not_given(computing, NOBODYS))


def has_own_activation(layer: Layer) -> bool:
    """Whether a layer of Keras ends in an activation of the user's, which may follow as a layer of its own."""
    kind, activation = type(layer).__name__, layer.get_config().get("activation")
    return kind.startswith(ACTIVATED_LAST) and kind != "Activation" and bool(not_given(activation, NOBODYS))


def without_own(config: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's configuration without initializers, regularizers and constraints of the user's, which say nothing of what it computes."""
    return {key: value for key, value in config.items() if not (key.endswith(_OF_TRAINING) and not_given(value, NOBODYS))}
