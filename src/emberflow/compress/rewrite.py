"""Exact rewriting of 1D layers as 2D layers of width 1, which TFMOT and the chip know. Same outputs, proved; refuses to approximate."""

from collections.abc import Callable
from typing import Any

from emberflow.errors import UnsupportedLayer
from emberflow.keras_bridge import Layer, Model, Reference, Tensor, keras, largest_difference, leaves, one_or_all, read_wiring

_TOLERANCE = 1e-5


def lift_to_2d(model: Model) -> Model:
    """`model` with each Conv1D, pooling and the like as its 2D form with a kernel of (k, 1).

    A signal (batch, steps, channels) becomes (batch, steps, 1, channels) once, at the input, and layers that treat each value alone
    (normalization, activation, dropout, merges) go on in that form. A causal convolution gets its zeros from a layer before it.
    What has no 2D form gets the signal back in its 1D form.
    TFLite computes 1D layers in 2D anyway, but reshapes around each of them; TFMOT quantizes only the 2D form.

    Returns: the same model when it has no 1D layer, else a new one with the same weights.
    Raises: UnsupportedLayer: the outputs would differ.
    """
    if not any(type(layer).__name__ in LIFTED for layer in model.layers):
        return model
    lifted = _rebuild(model)
    difference = largest_difference(model, lifted)
    if not difference <= _TOLERANCE:
        raise UnsupportedLayer(f"rewriting the 1D layers of '{model.name}' changed its outputs by {difference:.2g}; please report this model")
    return lifted


def _rebuild(model: Model) -> Model:
    wiring = read_wiring(model)
    layers = {layer.name: layer for layer in model.layers}
    made: dict[str, Layer] = {}
    borders: dict[str, Layer] = {}
    flat: dict[Reference, Tensor] = {}
    high: dict[Reference, Tensor] = {}  # the same tensors as (batch, steps, 1, channels)

    def as_flat(reference: Reference) -> Tensor:
        if reference not in flat:
            tensor = high[reference]
            flat[reference] = keras().layers.Reshape((tensor.shape[1] or -1, tensor.shape[3]), name=f"{reference.layer}_to_1d")(tensor)
        return flat[reference]

    def as_high(reference: Reference) -> Tensor:
        if reference not in high:
            tensor = flat[reference]
            high[reference] = keras().layers.Reshape((tensor.shape[1] or -1, 1, tensor.shape[2]), name=f"{reference.layer}_to_2d")(tensor)
        return high[reference]

    for call in wiring.calls:
        output = Reference(call.layer, call.node, 0)
        if not call.inputs:
            shape = model.inputs[[r.layer for r in wiring.inputs].index(call.layer)].shape[1:]
            flat[output] = keras().Input(shape, name=call.layer)
            continue
        layer = layers[call.layer]
        kind = type(layer).__name__
        goes_on = any(r in high for r in call.inputs) and all(r in high or len(flat[r].shape) == 3 for r in call.inputs)
        in_2d = kind in LIFTED or (goes_on and (kind in POINTWISE or kind == "Flatten"))
        if call.layer not in made:
            made[call.layer] = LIFTED[kind](layer) if kind in LIFTED else _copy(layer, in_2d)
        arguments = [(as_high if in_2d else as_flat)(reference) for reference in call.inputs]
        if in_2d and _is_causal(layer):
            arguments = [_zeros_before(layer, borders)(arguments[0])]
        result = made[call.layer](arguments if call.as_list else arguments[0], **call.kwargs)
        for number, tensor in enumerate(leaves(result)):
            (high if len(tensor.shape) == 4 and in_2d else flat)[Reference(call.layer, call.node, number)] = tensor
    rebuilt = keras().Model(one_or_all([flat[r] for r in wiring.inputs]), one_or_all([as_flat(r) for r in wiring.outputs]), name=model.name)
    _copy_weights(layers, made)
    return rebuilt


def _copy(layer: Layer, in_2d: bool) -> Layer:
    config = layer.get_config()
    if in_2d and "axis" in config:
        axes = config["axis"] if isinstance(config["axis"], list | tuple) else [config["axis"]]
        moved = [{2: -1, -2: 1}.get(axis, axis) for axis in axes]  # the new axis of width 1 is number 2, or -2
        config["axis"] = moved if isinstance(config["axis"], list | tuple) else moved[0]
    return type(layer).from_config(config)


def _copy_weights(layers: dict[str, Layer], made: dict[str, Layer]) -> None:
    for name, layer in made.items():
        old = layers[name].get_weights()
        layer.set_weights([value.reshape(new.shape) for value, new in zip(old, layer.get_weights(), strict=True)])


def _is_causal(layer: Layer) -> bool:
    return getattr(layer, "padding", None) == "causal"


def _zeros_before(layer: Layer, made: dict[str, Layer]) -> Layer:
    """What puts zeros before the first step, so that no output of a causal convolution sees a later step; the same layer for each call of it."""
    if layer.name not in made:
        steps = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
        made[layer.name] = keras().layers.ZeroPadding2D(((steps, 0), (0, 0)), name=f"{layer.name}_causal")
    return made[layer.name]


def _convolution(name: str) -> Callable[[Layer], Layer]:
    def lift(layer: Layer) -> Layer:
        config = layer.get_config()
        if config["padding"] == "causal":  # its zeros come before it
            config["padding"] = "valid"
        for key in ("kernel_size", "strides", "dilation_rate"):
            config[key] = (config[key][0] if isinstance(config[key], list | tuple) else config[key], 1)
        if name != "Conv2D":  # depthwise kernels know equal strides only; the width is 1, so its stride says nothing
            config["strides"] = (config["strides"][0],) * 2
        return getattr(keras().layers, name).from_config(config)

    return lift


def _pool(name: str) -> Callable[[Layer], Layer]:
    def lift(layer: Layer) -> Layer:
        config = layer.get_config()
        for key in ("pool_size", "strides"):
            config[key] = (config[key][0] if isinstance(config[key], list | tuple) else config[key], 1)
        return getattr(keras().layers, name).from_config(config)

    return lift


def _global_pool(name: str) -> Callable[[Layer], Layer]:
    def lift(layer: Layer) -> Layer:
        return getattr(keras().layers, name).from_config(layer.get_config())

    return lift


def _border(name: str, key: str) -> Callable[[Layer], Layer]:
    def lift(layer: Layer) -> Layer:
        config = layer.get_config()
        value = config[key]
        config[key] = (tuple(value) if isinstance(value, list | tuple) else (value, value), (0, 0))
        return getattr(keras().layers, name).from_config(config)

    return lift


def _repeat(layer: Layer) -> Layer:
    config = layer.get_config()
    config["size"] = (config["size"], 1)
    return keras().layers.UpSampling2D.from_config({**config, "data_format": None, "interpolation": "nearest"})


def _spatial_dropout(layer: Layer) -> Layer:
    config: dict[str, Any] = layer.get_config()
    return keras().layers.SpatialDropout2D(config["rate"], name=config["name"])


LIFTED: dict[str, Callable[[Layer], Layer]] = {
    "Conv1D": _convolution("Conv2D"),
    "SeparableConv1D": _convolution("SeparableConv2D"),
    "DepthwiseConv1D": _convolution("DepthwiseConv2D"),
    "MaxPooling1D": _pool("MaxPooling2D"),
    "AveragePooling1D": _pool("AveragePooling2D"),
    "GlobalAveragePooling1D": _global_pool("GlobalAveragePooling2D"),
    "GlobalMaxPooling1D": _global_pool("GlobalMaxPooling2D"),
    "ZeroPadding1D": _border("ZeroPadding2D", "padding"),
    "Cropping1D": _border("Cropping2D", "cropping"),
    "UpSampling1D": _repeat,
    "SpatialDropout1D": _spatial_dropout,
}

POINTWISE = frozenset(
    {"BatchNormalization", "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", "GaussianNoise", "Rescaling"}
    | {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"}
)
