"""How a layer or operator of Keras 3 was called, as JSON: its tensors by number, all else by value. Knows structures; refuses to call anything."""

from collections.abc import Sequence
from typing import Any

from emberflow.keras_bridge.graph import is_symbolic
from emberflow.keras_bridge.which import Tensor, keras_3

Pattern = dict[str, Any]


def pattern_of(value: Any, tensors: list[Tensor]) -> Pattern:
    """The pattern of `value`, arguments with symbolic tensors in them, which are appended to `tensors`."""
    if is_symbolic(value):
        tensors.append(value)
        return {"tensor": len(tensors) - 1}
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [pattern_of(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": {key: pattern_of(item, tensors) for key, item in value.items()}}
    return {"value": keras_3().saving.serialize_keras_object(value)}


def filled(pattern: Pattern, tensors: Sequence[Tensor]) -> Any:
    """The arguments that `pattern` is of, with these tensors."""
    ((kind, held),) = pattern.items()
    if kind == "tensor":
        return tensors[held]
    if kind in ("list", "tuple"):
        return (list if kind == "list" else tuple)(filled(item, tensors) for item in held)
    if kind == "dict":
        return {key: filled(item, tensors) for key, item in held.items()}
    return keras_3().saving.deserialize_keras_object(held)


def picked(pattern: Pattern, value: Any) -> list[Tensor]:
    """What stands in `value`, of the same structure, where `pattern` has tensors, in their order."""
    ((kind, held),) = pattern.items()
    if kind == "tensor":
        return [value]
    if kind in ("list", "tuple"):
        return [tensor for inner, item in zip(held, value, strict=True) for tensor in picked(inner, item)]
    return [tensor for key in held for tensor in picked(held[key], value[key])] if kind == "dict" else []
