"""A layer or operator of Keras 3 in a tf_keras model: its own code computes, on weights that Keras 2 keeps. Knows how to call it; refuses to know what it does."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.lambdas import GIVEN, with_names
from emberflow.keras_bridge.pattern import filled, pattern_of, picked
from emberflow.keras_bridge.which import Layer, Tensor, as_tensor, keras, keras_3
from emberflow.keras_bridge.wiring import one_or_all
from emberflow.keras_file import Own, by_given_names, not_given

PACKAGE, NAME = "emberflow", "Guest"


def as_guest(original: Layer, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Layer:
    """A layer of Keras 2, called `name`, in which the layer or operator `original` of Keras 3 computes; weights are copied by `host`.

    Args: args, kwargs: what it is called with, symbolic tensors of Keras 2 among it.
    Raises: ModelError: it is of a class, or has a function, that nobody gives the code of.
    """
    tensors: list[Tensor] = []
    pattern = pattern_of([list(args), dict(kwargs)], tensors)
    shapes = [[list(tensor.shape), str(getattr(tensor.dtype, "name", tensor.dtype))] for tensor in tensors]
    said = {"layer": _described(original), "pattern": pattern, "shapes": shapes}
    return guests()(json.dumps(said), name=name)


def following(original: Layer, name: str) -> Callable[..., Any]:
    """What calls a guest without weights, which is made at the first call."""
    made: list[Layer] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(as_guest(original, name, args, kwargs))
        return made[0].take(*args, **kwargs)

    return call


def is_guest(layer: object) -> bool:
    """Whether a layer of Keras 2 holds one of Keras 3."""
    return type(layer).__name__ == NAME and hasattr(layer, "host")


def kind_of(layer: Layer) -> str:
    """The name of a layer's class; of a guest, the class that computes in it."""
    return str(layer.kind) if is_guest(layer) else type(layer).__name__


def _described(original: Layer) -> dict[str, Any]:
    told = json.loads(json.dumps(keras_3().saving.serialize_keras_object(original)))
    told.pop("build_config", None)  # it is built by being called, as it was first
    own = Own(frozenset(GIVEN.get()))
    if missing := not_given(told, own):
        raise ModelError(
            f"layer '{original.name}' ({type(original).__name__}) needs code of your own in Keras 3, {', '.join(sorted(missing))}, which every process"
            " that reads the model must find: give it by `trust_model_code: true` and `custom_objects: module:function`"
        )
    return dict(by_given_names(told, own))


def _made(described: Mapping[str, Any]) -> Layer:
    """The layer of Keras 3, built by a call with tensors that hold nothing. Whatever code it carries was trusted when the model was read."""
    with with_names():
        layer = keras_3().saving.deserialize_keras_object(dict(described["layer"]), safe_mode=False)
    args, kwargs = filled(described["pattern"], [keras_3().KerasTensor(shape, dtype) for shape, dtype in described["shapes"]])
    layer(*args, **kwargs)
    return layer


@cache
def guests() -> type[Layer]:
    """The class of all guests, a layer of tf_keras, which knows it by its name from then on."""
    import tensorflow as tf  # noqa: PLC0415 - the bridge is imported without it

    class Guest(keras().layers.Layer):  # type: ignore[misc]  # Keras ships no types
        def __init__(self, guest: str, **more: Any) -> None:
            super().__init__(**more)
            self.supports_masking = True
            self.guest = guest
            self.said: Callable[[], Any] = _behind(json.loads(guest))
            self.inner: Callable[[], Layer] = _behind(_made(json.loads(guest)))
            self.kept: list[Any] = []

        @property
        def kind(self) -> str:
            return type(self.inner()).__name__

        def build(self, shape: Any) -> None:
            self.kept += [
                self.add_weight(f"{variable.name}_{number}", tuple(variable.shape), variable.dtype, "zeros", trainable=bool(variable.trainable))
                for number, variable in enumerate(_variables(self.inner()))
            ]
            super().build(shape)

        def host(self, original: Layer) -> None:
            """Take the weights of the layer that this one was made of."""
            for kept, variable in zip(self.kept, _variables(original), strict=True):
                kept.assign(np.asarray(variable))

        def take(self, *args: Any, **kwargs: Any) -> Any:
            """What the layer of Keras 3 gives for its own arguments, with tensors of Keras 2 in them."""
            return self(one_or_all(picked(self.said()["pattern"], [list(args), kwargs])))

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            args, kwargs = filled(self.said()["pattern"], inputs if isinstance(inputs, list | tuple) else [inputs])
            told = {"training": bool(training)} if _is_layer(self.inner()) else {}
            return _computed(self, args, {**kwargs, **told}, updates=bool(training))

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return self.inner().compute_mask(inputs, mask) if getattr(self.inner(), "supports_masking", False) else None

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "guest": self.guest}

    keras().saving.register_keras_serializable(PACKAGE, NAME)(Guest)
    return Guest


def _computed(guest: Layer, args: list[Any], kwargs: dict[str, Any], updates: bool) -> Any:
    """The outputs of the layer of Keras 3 on the guest's weights; with `updates`, those that training doesn't learn become what the call made of them."""
    layer, variables = guest.inner(), _variables(guest.inner())
    if len(variables) != len(guest.kept):
        raise ValueError(f"the class {guest.kind} makes weights when it is run, which no file keeps; make them in its build method")
    pairs = list(zip(variables, guest.kept, strict=True))
    with keras_3().StatelessScope([(variable, as_tensor(kept)) for variable, kept in pairs]) as scope:
        outputs = layer(*args, **kwargs)
    for variable, kept in pairs if updates else ():
        if not variable.trainable:
            kept.assign(scope.get_current_value(variable))
    return outputs


def _behind(value: Any) -> Callable[[], Any]:
    """What gives `value`: behind a function, tf_keras looks for no layers and weights that would be its own."""

    def give() -> Any:
        return value

    return give


def _is_layer(layer: Layer) -> bool:
    return isinstance(layer, keras_3().layers.Layer)


def _variables(layer: Layer) -> list[Any]:
    """All of a layer's, states of random generators too; an operator has none."""
    return list(layer.variables) if _is_layer(layer) else []
