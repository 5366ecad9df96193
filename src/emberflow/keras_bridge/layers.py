"""A layer of Keras 3 as a layer of Keras 2 of the same configuration. Knows where the two differ; refuses a layer without an exact equal, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emberflow.errors import ModelError
from emberflow.keras_bridge.activations import AS_LAYERS, SAME, Function, name_of
from emberflow.keras_bridge.guest import following
from emberflow.keras_bridge.hosted import ACTIVATED_LAST, has_own_activation, without_own
from emberflow.keras_bridge.which import Layer, keras, keras_3, short
from emberflow.keras_file import NOBODYS, not_given

_LEFT_OUT: Mapping[str, Any] = {
    "dtype": ...,  # everything is computed in float32
    "registered_name": ...,
    "build_config": ...,
    "use_cudnn": ...,
    "optional": ...,
    "flash_attention": ...,
    "use_gate": False,
    "sliding_window": None,
    "pad_to_aspect_ratio": False,
    "fill_mode": ...,  # of padding to an aspect ratio
    "fill_value": ...,
    "antialias": False,
    "seed": ...,  # of dropout: each Keras draws its own
    "lora_alpha": ...,
    "gptq_unpacked_column_size": ...,
    "awq_unpacked_column_size": ...,
    "int4_packed_axis": ...,
    "quantization_config": None,
    "quantization_mode": None,
    "lora_rank": None,
    "rms_scaling": False,
}
"""Keys that Keras 2 doesn't know, with the only value that may be left out; ... for any."""

_DEFAULTS: Mapping[str, Any] = {"data_format": "channels_last"}
"""Values that needn't be said, for layers that know the key in one Keras only."""

_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
_PASSED_THROUGH = (
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomCrop",
    "RandomHeight",
    "RandomWidth",
)
"""Layers that change samples in training only; the bridge is about inference."""


@dataclass(frozen=True)
class Rebuilt:
    """What is called in Keras 2 in place of a layer, and the layer whose weights are to be copied, if it has any."""

    call: Callable[..., Any]
    layer: Layer | None = None


def in_keras_2(layer: Layer, name: str) -> Rebuilt:
    """The equal of `layer`, called `name`, without its weights.

    Raises: ModelError: there is none.
    """
    if is_keras_2_layer(layer):
        made = type(layer).from_config({**layer.get_config(), "name": name})
        return Rebuilt(made, made)
    if is_own(layer) or type(layer).__name__ not in _known():
        raise ModelError(f"layer '{layer.name}' ({type(layer).__name__}) has no equal in Keras 2; replace it, or bring a .tflite")
    try:
        return _rebuilt(layer, name)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise refusal(layer, error) from error


def refusal(layer: Layer, error: Exception) -> ModelError:
    """The error to raise where a layer can't be rebuilt or called, for `error`."""
    return ModelError(f"layer '{layer.name}' ({type(layer).__name__}) can't be rebuilt in Keras 2: {short(error)}; build the model with tf_keras")


def is_own(layer: Layer) -> bool:
    """Whether a layer's class is the user's own."""
    return not type(layer).__module__.startswith("keras.")


def _known() -> set[str]:
    return {*dir(keras().layers), *_PASSED_THROUGH}


def _rebuilt(layer: Layer, name: str) -> Rebuilt:
    kind = type(layer).__name__
    if kind in _SPECIAL:
        return _SPECIAL[kind](layer, name)
    if kind in _PASSED_THROUGH:
        return Rebuilt(lambda x, **_: x)
    config, after = _split({**without_own(layer.get_config()), "name": name}, kind)
    if has_own_activation(layer):
        after = following(keras_3().layers.Activation(layer.activation), f"{name}_activation")
    if kind == "Activation" and after:
        named = AS_LAYERS.get(name_of(layer.get_config()["activation"]))
        return Rebuilt(named(name) if named else after)
    made = getattr(keras().layers, kind).from_config(_translated(config, kind))
    return Rebuilt((lambda *args, **kwargs: after(made(*args, **kwargs))) if after else made, made)


def is_keras_2_layer(layer: Layer) -> bool:
    """Whether a layer is of tf_keras."""
    return isinstance(layer, keras().layers.Layer)


def _split(config: dict[str, Any], kind: str) -> tuple[dict[str, Any], Function | None]:
    """The configuration without an activation that Keras 2 hasn't under this name, and what computes that activation."""
    if "activation" not in config or not kind.startswith(ACTIVATED_LAST):
        return config, None
    activation = config["activation"]
    if not_given(activation, NOBODYS):
        return {**config, "activation": "linear"}, None  # the user's own follows as a guest
    if isinstance(activation, dict) and activation.get("class_name") not in ("function", None):
        return {**config, "activation": "linear"}, _layer_as_activation(activation, config["name"])
    known = name_of(activation)
    if known in SAME:
        return {**config, "activation": known}, None
    if known not in AS_LAYERS:
        raise ValueError(f"the activation '{known}' has no exact equal")
    return {**config, "activation": "linear"}, AS_LAYERS[known](f"{config['name']}_{known}")


def _layer_as_activation(activation: Mapping[str, Any], name: str) -> Function:
    """Keras takes a layer such as LeakyReLU(0.1) as the activation of another; here it becomes a layer of its own."""
    kind = activation["class_name"]
    if kind not in ("ReLU", "LeakyReLU", "ELU", "Softmax", "Activation"):
        raise ValueError(f"the activation {kind} has no exact equal")
    config = _translated({**activation["config"], "name": f"{name}_{kind.lower()}"}, kind)
    return getattr(keras().layers, kind).from_config(config)  # type: ignore[no-any-return]


def _translated(config: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A configuration of Keras 3 in the words of Keras 2, without initializers: the weights are copied."""
    for key, value in config.items():
        if key in _LEFT_OUT and _LEFT_OUT[key] not in (..., value):
            raise ValueError(f"it has {key}={value}, which Keras 2 doesn't know")
        if key.endswith("activation") and key != "activation" and name_of(value) not in SAME:
            raise ValueError(f"its {key} '{name_of(value)}' has no exact equal")
    said = {key: value for key, value in config.items() if key not in _LEFT_OUT and not key.endswith("_initializer")}
    kept = {key: value for key, value in said.items() if key not in _DEFAULTS or _DEFAULTS[key] != value}
    for key in ("activation", "recurrent_activation"):
        if key in kept:
            kept[key] = name_of(kept[key])
    return {_RENAMED.get((kind, key), key): value for key, value in kept.items()}


def _bidirectional(layer: Layer, name: str) -> Rebuilt:
    forward, backward = (in_keras_2(one, one.name).layer for one in (layer.forward_layer, layer.backward_layer))
    made = keras().layers.Bidirectional(forward, merge_mode=layer.merge_mode, backward_layer=backward, name=name)
    return Rebuilt(made, made)


def _time_distributed(layer: Layer, name: str) -> Rebuilt:
    inner = layer.layer
    if hasattr(inner, "layers"):
        from emberflow.keras_bridge.rebuild import rebuild  # noqa: PLC0415 - a model within a layer within a model

        return Rebuilt(keras().layers.TimeDistributed(rebuild(inner), name=name))
    config, after = _split({**inner.get_config()}, type(inner).__name__)
    made = keras().layers.TimeDistributed(
        getattr(keras().layers, type(inner).__name__).from_config(_translated(config, type(inner).__name__)), name=name
    )
    return Rebuilt((lambda *args, **kwargs: after(made(*args, **kwargs))) if after else made, made)


def _normalization(layer: Layer, name: str) -> Rebuilt:
    """With what was adapted written into the configuration: Keras 2 counts its samples in a third weight, Keras 3 doesn't."""
    config = layer.get_config()
    axes = config["axis"] if isinstance(config["axis"], list | tuple) else () if config["axis"] is None else (config["axis"],)
    mean, variance = (np.asarray(value) for value in (layer.mean, layer.variance))
    shape = [mean.shape[axis] for axis in axes]
    given = {"mean": mean.reshape(shape).tolist(), "variance": variance.reshape(shape).tolist()}
    return Rebuilt(keras().layers.Normalization(axis=config["axis"], invert=config["invert"], name=name, **given))


def _rnn(layer: Layer, name: str) -> Rebuilt:
    config = layer.get_config()
    cells = [in_keras_2(cell, cell.name).layer for cell in getattr(layer.cell, "cells", [layer.cell])]
    told = {key: config[key] for key in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")}
    made = keras().layers.RNN(cells if len(cells) > 1 else cells[0], name=name, **told)
    return Rebuilt(made, made)


def _multi_head_attention(layer: Layer, name: str) -> Rebuilt:
    shapes = dict.fromkeys(("query_shape", "key_shape", "value_shape"))  # Keras 2 would be built from these; here the call builds it
    config = _translated({**layer.get_config(), "name": name}, "MultiHeadAttention")
    made = keras().layers.MultiHeadAttention.from_config({**config, **shapes})
    return Rebuilt(made, made)


_SPECIAL: dict[str, Callable[[Layer, str], Rebuilt]] = {
    "Bidirectional": _bidirectional,
    "TimeDistributed": _time_distributed,
    "Normalization": _normalization,
    "RNN": _rnn,
    "MultiHeadAttention": _multi_head_attention,
}
