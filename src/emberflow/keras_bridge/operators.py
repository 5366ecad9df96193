"""Operators between tensors, such as x + y or keras.ops.mean(x), as layers of Keras 2. Knows the plain ones; refuses the others by name."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_bridge.activations import AS_LAYERS
from emberflow.keras_bridge.graph import Node, is_symbolic, leaves
from emberflow.keras_bridge.guest import as_guest
from emberflow.keras_bridge.hosted import OPERATORS
from emberflow.keras_bridge.slices import cut
from emberflow.keras_bridge.which import Tensor, keras

Operands = Sequence[Any]
Settings = Mapping[str, Any]

IN_KERAS_3: Mapping[str, str] = {
    **{kind: kind.lower() for kind in ("Add", "Subtract", "Multiply", "Negative", "Maximum", "Minimum", "Concatenate", "Reshape", "Transpose")},
    **{kind: kind.lower() for kind in ("Mean", "Max", "Squeeze", "Relu", "Relu6", "Sigmoid", "Tanh", "Softmax", "Silu", "Gelu", "Selu")},
    **{kind: kind.lower() for kind in ("Softplus", "Softsign")},
    "Divide": "divide",
    "TrueDivide": "divide",
    "ExpandDims": "expand",
    "HardSigmoid": "hard_sigmoid",
    "HardSilu": "hard_silu",
    "Exp": "exponential",
    "GetItem": "cut",
}
"""By the class of the operator in Keras 3, its name here."""

IN_KERAS_2: Mapping[str, str] = {
    "__operators__.add": "add",
    "math.add": "add",
    "math.subtract": "subtract",
    "math.multiply": "multiply",
    "math.divide": "divide",
    "math.truediv": "divide",
    "math.negative": "negative",
    "math.maximum": "maximum",
    "math.minimum": "minimum",
    "concat": "concatenate",
    "reshape": "reshape",
    "transpose": "transpose",
    "compat.v1.transpose": "transpose",
    "math.reduce_mean": "mean",
    "math.reduce_max": "max",
    "squeeze": "squeeze",
    "compat.v1.squeeze": "squeeze",
    "expand_dims": "expand",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "math.sigmoid": "sigmoid",
    "math.tanh": "tanh",
    "math.exp": "exponential",
    "nn.softmax": "softmax",
    "nn.silu": "silu",
    "nn.gelu": "gelu",
    "nn.selu": "selu",
    "math.softplus": "softplus",
    "nn.softsign": "softsign",
}
"""By the TensorFlow function that a TFOpLambda layer of Keras 2 calls, its name here."""

_READ = ("axis", "axes", "keepdims", "newshape", "approximate")
_OPERANDS_IN_KERAS_2 = ("x", "y", "a", "input", "input_tensor", "tensor", "values", "features", "logits", "value")
_KEYS_IN_KERAS_2 = {"perm": "axes", "shape": "newshape"}


def is_operator(node: Node) -> bool:
    """Whether a call is of an operator and not of a layer."""
    return node.kind == "TFOpLambda" or type(node.layer).__module__.startswith("keras.src.ops.")


def label(node: Node) -> str:
    """The operator as a message names it: `keras.ops.Cumsum`, `tf.math.cumsum`."""
    return f"tf.{node.layer.symbol}" if node.kind == "TFOpLambda" else f"keras.ops.{node.kind}"


def as_layer(node: Node, free: Callable[[str], str]) -> Callable[..., Tensor]:
    """What computes the operator of `node` with layers of Keras 2, to be called as it was called; `free` makes a layer's name one that no other has.

    Raises: ModelError: there is no such layer.
    """
    known = IN_KERAS_2.get(node.layer.symbol) if node.kind == "TFOpLambda" else IN_KERAS_3.get(node.kind)
    if known is None and node.kind not in OPERATORS:
        raise ModelError(f"the model computes '{node.layer.name}' ({label(node)}) on tensors, which no layer of Keras 2 does; use layers instead")

    def call(*args: Any, **kwargs: Any) -> Tensor:
        name = free(node.layer.name.replace("tf.", "").replace(".", "_").strip("_"))
        if node.kind == "TFOpLambda":
            said = inspect.signature(node.layer.function).bind(*args, **kwargs).arguments
            operands = [value for key, value in said.items() if key in _OPERANDS_IN_KERAS_2]
            settings = {_KEYS_IN_KERAS_2.get(key, key): value for key, value in said.items() if key not in _OPERANDS_IN_KERAS_2}
            return _told(_layered(known, operands, settings, name), operands, settings, name)
        if node.kind in OPERATORS and not any(map(is_symbolic, leaves([args, kwargs]))):
            return node.layer(*args, **kwargs)
        settings = {key: getattr(node.layer, key) for key in _READ if getattr(node.layer, key, None) is not None}
        tensor = _layered(known, [*args, *kwargs.values()], settings, name) if known else None
        if tensor is None and node.kind in OPERATORS:
            return as_guest(node.layer, name, args, kwargs).take(*args, **kwargs)
        return _told(tensor, [*args, *kwargs.values()], settings, name)

    return call


def _layered(operator: str | None, operands: Operands, settings: Settings, name: str) -> Tensor | None:
    known = _OPERATORS.get(operator or "")
    return known(operands, settings, name) if known else _activate(str(operator), operands, settings, name)


def _told(tensor: Tensor | None, operands: Operands, settings: Settings, name: str) -> Tensor:
    if tensor is None:
        told = ", ".join([*("a tensor" if _is_tensor(x) else repr(x)[:60] for x in operands), *(f"{k}={v}" for k, v in settings.items())])
        raise ModelError(f"the model computes '{name}' of {told}, which no layer of Keras 2 does; use layers instead")
    return tensor


def _is_tensor(value: Any) -> bool:
    return is_symbolic(value) or (hasattr(value, "numpy") and len(value.shape) > 0)


def _scalar(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) or getattr(value, "shape", None) == () else None


def _merge(kind: str) -> Callable[[Operands, Settings, str], Tensor | None]:
    def make(operands: Operands, _: Settings, name: str) -> Tensor | None:
        alike = all(map(_is_tensor, operands)) and len({is_symbolic(operand) for operand in operands}) == 1
        return getattr(keras().layers, kind)(name=name)(list(operands)) if alike else None

    return make


def _linear(kind: str, with_second: Callable[[float], tuple[float, float]], with_first: Callable[[float], tuple[float, float]]) -> Any:
    """A merge of two tensors, or scale and offset where one operand is a number."""

    def make(operands: Operands, settings: Settings, name: str) -> Tensor | None:
        first, second = operands
        if _is_tensor(first) and (number := _scalar(second)) is not None:
            return keras().layers.Rescaling(*with_second(number), name=name)(first)
        if _is_tensor(second) and (number := _scalar(first)) is not None:
            return keras().layers.Rescaling(*with_first(number), name=name)(second)
        return _merge(kind)(operands, settings, name)

    return make


def _divide(operands: Operands, _: Settings, name: str) -> Tensor | None:
    divisor = _scalar(operands[1])
    return keras().layers.Rescaling(1 / divisor, name=name)(operands[0]) if divisor and _is_tensor(operands[0]) else None


def _negative(operands: Operands, _: Settings, name: str) -> Tensor | None:
    return keras().layers.Rescaling(-1.0, name=name)(operands[0])


def _maximum(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    tensors = [x for x in operands if _is_tensor(x)]
    if len(tensors) == 1 and any(_scalar(x) == 0 for x in operands):
        return keras().layers.ReLU(name=name)(tensors[0])
    return _merge("Maximum")(operands, settings, name)


def _concatenate(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    return keras().layers.Concatenate(axis=settings.get("axis", -1), name=name)(list(operands[0]))


def _reshape(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    batch, *shape = settings["newshape"]
    per_sample = math.prod(dimension or 0 for dimension in operands[0].shape[1:])
    if batch not in (-1, None) or (batch == -1 and math.prod(shape) != per_sample):
        return None
    return keras().layers.Reshape([-1 if dimension is None else dimension for dimension in shape], name=name)(operands[0])


def _transpose(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    first, *others = settings.get("axes") or [None]
    return keras().layers.Permute(others, name=name)(operands[0]) if first == 0 else None


def _global_pool(kind: str) -> Callable[[Operands, Settings, str], Tensor | None]:
    def make(operands: Operands, settings: Settings, name: str) -> Tensor | None:
        rank, axes = len(operands[0].shape), settings.get("axis")
        axes = {axis % rank for axis in ([axes] if isinstance(axes, int) else axes or ())}
        if rank not in (3, 4) or axes != set(range(1, rank - 1)):
            return None
        return getattr(keras().layers, f"Global{kind}Pooling{rank - 2}D")(keepdims=bool(settings.get("keepdims")), name=name)(operands[0])

    return make


def _squeeze(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    shape, axes = list(operands[0].shape), settings.get("axis")
    if axes is None:
        return None
    gone = {axis % len(shape) for axis in ([axes] if isinstance(axes, int) else axes)}
    return _as_shape(operands[0], [size for axis, size in enumerate(shape) if axis not in gone], name) if 0 not in gone else None


def _expand(operands: Operands, settings: Settings, name: str) -> Tensor | None:
    shape, axis = list(operands[0].shape), settings["axis"]
    if not isinstance(axis, int) or (place := axis % (len(shape) + 1)) == 0:
        return None
    return _as_shape(operands[0], [*shape[:place], 1, *shape[place:]], name)


def _as_shape(tensor: Tensor, shape: list[int | None], name: str) -> Tensor | None:
    known = [-1 if size is None else size for size in shape[1:]]
    return keras().layers.Reshape(known, name=name)(tensor) if known.count(-1) <= 1 else None


def _activate(operator: str, operands: Operands, settings: Settings, name: str) -> Tensor | None:
    if settings.get("axis", -1) not in (-1, len(operands[0].shape) - 1) or settings.get("approximate"):
        return None
    return AS_LAYERS[operator](name)(operands[0])


_OPERATORS: dict[str, Callable[[Operands, Settings, str], Tensor | None]] = {
    "add": _linear("Add", lambda number: (1.0, number), lambda number: (1.0, number)),
    "subtract": _linear("Subtract", lambda number: (1.0, -number), lambda number: (-1.0, number)),
    "multiply": _linear("Multiply", lambda number: (number, 0.0), lambda number: (number, 0.0)),
    "divide": _divide,
    "negative": _negative,
    "maximum": _maximum,
    "minimum": _merge("Minimum"),
    "concatenate": _concatenate,
    "reshape": _reshape,
    "transpose": _transpose,
    "mean": _global_pool("Average"),
    "max": _global_pool("Max"),
    "squeeze": _squeeze,
    "expand": _expand,
    "cut": cut,
}
