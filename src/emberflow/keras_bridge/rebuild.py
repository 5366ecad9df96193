"""A model of Keras 3 as one of Keras 2 that computes the same, and the proof of it. Knows how to go through a graph; refuses to know a layer's settings."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.graph import Node, check_readable, is_model, leaves, play
from emberflow.keras_bridge.guest import as_guest, is_guest
from emberflow.keras_bridge.hosted import is_hosted
from emberflow.keras_bridge.layers import Rebuilt, in_keras_2, is_keras_2_layer, refusal
from emberflow.keras_bridge.operators import as_layer, is_operator, label
from emberflow.keras_bridge.proof import TOLERANCE, difference, random_inputs, run, sensitivity
from emberflow.keras_bridge.which import Layer, Model, Tensor, as_tensor, is_keras_2, is_keras_3, keras, short
from emberflow.keras_bridge.wiring import one_or_all


def to_keras_2(model: object) -> Model:
    """`model` as a tf_keras model without models in it: rebuilt layer by layer with its weights, and proved equal on random inputs.

    A tf_keras model comes back as it is, unless it holds models or operators such as x + y, which TFMOT refuses, and which can be rebuilt.

    Raises: ModelError: not a Keras model, a subclassed one, or one that holds a layer or an operator Keras 2 has no equal of (named).
    """
    if is_keras_2(model) and _is_plain(model):
        return model
    if not is_keras_2(model) and not is_keras_3(model):
        raise ModelError(f"received {type(model).__module__}.{type(model).__name__}; expected a Keras model (keras or tf_keras)")
    check_readable(model)
    if not is_keras_2(model):
        _compute_in_float32(model)
        return _rebuilt(model)
    try:
        return _rebuilt(model)
    except ModelError:
        return model  # it can be converted as it is; a step of TFMOT that can't treat it says so


def _rebuilt(model: Model) -> Model:
    made: dict[int, Rebuilt] = {}
    rebuilt = rebuild(model, made)
    _prove(model, rebuilt, made)
    return rebuilt


def _is_plain(model: Model) -> bool:
    return not is_model(model) or not any(is_model(layer) or type(layer).__name__ == "TFOpLambda" for layer in model.layers)


def _compute_in_float32(model: Model) -> None:
    """Undo mixed precision, whose weights are float32 anyway: its rounding belongs to the machine that trained."""
    for layer in model._flatten_layers():  # there is no public walk that goes into wrappers and cells
        if getattr(layer, "compute_dtype", None) in ("float16", "bfloat16"):
            layer.dtype_policy = "float32"


def rebuild(model: Model, made: dict[int, Rebuilt] | None = None) -> Model:
    """The equal of `model` in Keras 2 with its weights, not yet proved; `made` gets what stands for each of its layers, by their id."""
    made = {} if made is None else made
    originals: dict[int, Layer] = {}
    free = partial(_free, names=set())
    inputs = [_input(tensor, free) for tensor in model.inputs]

    def act(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if id(node.layer) not in made:
            made[id(node.layer)] = _equal(node, args, kwargs, free)
            originals[id(node.layer)] = node.layer
        return _called(node, made[id(node.layer)], args, kwargs)

    outputs = play(model, inputs, act)
    rebuilt = keras().Model(one_or_all(inputs), one_or_all(outputs), name=model.name)
    for number, layer in originals.items():
        _copy_weights(layer, made[number].layer)
    return rebuilt


def _equal(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any], free: Callable[[str], str]) -> Rebuilt:
    """What stands for the layer or operator of a call: its equal, else itself as a guest where that is known to do."""
    if is_operator(node):
        return Rebuilt(as_layer(node, free))
    if is_keras_2_layer(node.layer) or not is_hosted(node.layer):
        return in_keras_2(node.layer, free(node.layer.name))
    try:
        guest = as_guest(node.layer, free(node.layer.name), args, kwargs)
    except (TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise refusal(node.layer, error) from error
    return Rebuilt(guest.take, guest)


def _called(node: Node, rebuilt: Rebuilt, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return rebuilt.call(*args, **kwargs)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, NotImplementedError) as error:
        if is_operator(node):
            raise ModelError(
                f"the model computes '{node.layer.name}' ({label(node)}) in a way that no layer of Keras 2 does: {short(error)}"
            ) from error
        raise refusal(node.layer, error) from error


def _input(tensor: Tensor, free: Callable[[str], str]) -> Tensor:
    name = getattr(tensor._keras_history[0], "name", tensor.name)  # the tensor of Keras 2 is called otherwise than its layer
    kind = str(getattr(tensor.dtype, "name", tensor.dtype))
    return keras().Input(tuple(tensor.shape[1:]), name=free(name), dtype="float32" if kind in ("float16", "bfloat16") else kind)


def _free(name: str, names: set[str]) -> str:
    """`name`, or with a number where another layer has it: layers of different models become layers of one."""
    free = name if name not in names else next(f"{name}_{n}" for n in range(1, len(names) + 2) if f"{name}_{n}" not in names)
    names.add(free)
    return free


def _copy_weights(original: Layer, layer: Layer | None) -> None:
    if layer is None:
        return
    if is_guest(layer):
        layer.host(original)
        return
    try:
        layer.set_weights([np.asarray(weight) for weight in original.get_weights()])
    except ValueError as error:
        raise refusal(original, error) from error


_ROUNDINGS = 10  # of twelve MobileNets with random weights the two Kerases were up to 4 times as far apart as inputs a rounding away made either


def _prove(model: Model, rebuilt: Model, made: dict[int, Rebuilt]) -> None:
    x = random_inputs(model)
    total = max(difference(a, b) for a, b in zip(run(model, x), run(rebuilt, x), strict=True))
    if total <= TOLERANCE:
        return
    name, kind, apart = _worst_call(model, x, made)
    if apart <= TOLERANCE and total <= _ROUNDINGS * sensitivity(model, x):
        return
    raise ModelError(
        f"'{name}' ({kind}) computes something else in Keras 2: on random inputs its outputs differ by {apart:.2g}; "
        "replace it, or build the model with tf_keras"
    )


def _worst_call(model: Model, x: list[Any], made: dict[int, Rebuilt]) -> tuple[str, str, float]:
    """The first call whose outputs differ when both are given the same, else the one that differs most."""
    found: list[tuple[str, str, float]] = []

    def act(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        original = leaves(node.layer(*args, **kwargs))
        mine = leaves(made[id(node.layer)].call(*args, **kwargs))
        apart = max(difference(np.asarray(a), np.asarray(b)) for a, b in zip(original, mine, strict=True))
        found.append((node.layer.name, label(node) if is_operator(node) else node.kind, apart))
        return original

    play(model, [as_tensor(value) for value in x], act)
    return next((one for one in found if one[2] > TOLERANCE), max(found, key=lambda one: one[2]))
