"""Activations of Keras 3 as layers of Keras 2, exactly. Knows which names mean the same in both; refuses to approximate."""

from collections.abc import Callable
from typing import Any

from emberflow.keras_bridge.which import Tensor, keras

Function = Callable[[Tensor], Tensor]

SAME = frozenset(
    {"elu", "exponential", "gelu", "linear", "mish", "relu", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh"}
)
"""What both Keras compute alike under one name. `hard_sigmoid` isn't among them: Keras 2 clips x / 5 + 0.5, Keras 3 x / 6 + 0.5."""


def _chain(*layers: Function) -> Function:
    def call(x: Tensor) -> Tensor:
        for layer in layers:
            x = layer(x)
        return x

    return call


def _same(activation: str) -> Callable[[str], Function]:
    return lambda name: keras().layers.Activation(activation, name=name)


def _relu6(name: str) -> Function:
    return keras().layers.ReLU(6.0, name=name)  # type: ignore[no-any-return]


def _leaky_relu(name: str) -> Function:
    return keras().layers.LeakyReLU(alpha=0.2, name=name)  # type: ignore[no-any-return]


def _celu(name: str) -> Function:
    return keras().layers.ELU(1.0, name=name)  # type: ignore[no-any-return]


def _hard_sigmoid(name: str) -> Function:
    """min(max(x + 3, 0), 6) / 6."""
    make = keras().layers
    return _chain(make.Rescaling(1.0, 3.0, name=f"{name}_shift"), make.ReLU(6.0, name=f"{name}_clip"), make.Rescaling(1 / 6, name=name))


def _hard_silu(name: str) -> Function:
    """x times the hard sigmoid of x, which TFLite knows as HARD_SWISH."""
    gate, product = _hard_sigmoid(f"{name}_gate"), keras().layers.Multiply(name=name)
    return lambda x: product([x, gate(x)])


def _hard_tanh(name: str) -> Function:
    """min(max(x, -1), 1)."""
    make = keras().layers
    return _chain(make.Rescaling(1.0, 1.0, name=f"{name}_shift"), make.ReLU(2.0, name=f"{name}_clip"), make.Rescaling(1.0, -1.0, name=name))


def _log_sigmoid(name: str) -> Function:
    """-ln(1 + e^-x)."""
    make = keras().layers
    return _chain(make.Rescaling(-1.0, name=f"{name}_turn"), make.Activation("softplus", name=f"{name}_plus"), make.Rescaling(-1.0, name=name))


AS_LAYERS: dict[str, Callable[[str], Function]] = {
    **{name: _same(name) for name in sorted(SAME)},
    "celu": _celu,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _hard_silu,
    "hard_swish": _hard_silu,
    "hard_tanh": _hard_tanh,
    "leaky_relu": _leaky_relu,
    "log_sigmoid": _log_sigmoid,
    "relu6": _relu6,
}
"""By the name in Keras 3, what makes the layers that compute it; it is given the name of the last of them."""


def name_of(activation: Any) -> str:
    """The name of an activation as a configuration holds it: text, a serialized function, or a serialized layer."""
    if isinstance(activation, dict):
        return str(activation["config"] if activation.get("class_name") == "function" else activation.get("class_name"))
    return "linear" if activation is None else str(activation)
