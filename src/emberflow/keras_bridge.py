"""The only file that decides which Keras is used: TFMOT takes Keras 2 (tf_keras), so everything becomes that. Knows layers' configurations, not training."""

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import BadZipFile

import numpy as np

from emberflow.errors import ModelError
from emberflow.values import FloatArray

Layer = Any  # tf_keras ships no types
Model = Any
Tensor = Any

_KERAS_3_ONLY = (
    "dtype",
    "quantization_config",
    "registered_name",
    "build_config",
    "optional",
    "lora_rank",
    "lora_alpha",
    "gptq_unpacked_column_size",
    "rms_scaling",
)
_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
_MODELS = ("Functional", "Model", "Sequential")
_EQUALITY_SAMPLES = 8
_TOLERANCE = 1e-5


def keras() -> ModuleType:
    """The `tf_keras` module. The first call in a process imports TensorFlow, which takes seconds."""
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tf_keras  # noqa: PLC0415 - TensorFlow must see the variable first

    return tf_keras  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Reference:
    """The tensor that is output `tensor` of call number `node` of the layer called `layer`."""

    layer: str
    node: int
    tensor: int


@dataclass(frozen=True)
class Call:
    """One use of a layer in a functional graph."""

    layer: str
    node: int
    inputs: tuple[Reference, ...]
    as_list: bool
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wiring:
    """How a functional model's layers call each other, in an order in which inputs come first."""

    calls: tuple[Call, ...]
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]


def read_wiring(model: Model) -> Wiring:
    """The graph of a Sequential or functional model, of Keras 2 or Keras 3.

    Raises: ModelError: the model is subclassed, so that its graph can't be read.
    """
    if type(model).__name__ == "Sequential":
        return _sequential_wiring(model)
    config = model.get_config() if type(model).__name__ in ("Functional", "Model") else {}
    if "layers" not in config:
        raise ModelError(f"received a {type(model).__name__}; expected a Sequential or functional Keras model, whose graph can be read")
    calls = [call for layer in config["layers"] for call in _calls(layer)]
    _refuse_operators(calls, {layer.name for layer in model.layers})
    return Wiring(_in_order(calls), _ends(config["input_layers"]), _ends(config["output_layers"]))


def _refuse_operators(calls: list[Call], layers: set[str]) -> None:
    """An operator such as `+` between tensors is no layer: Keras 3 lists it without one, Keras 2 hides its second input in an argument."""
    for call in calls:
        hidden = any(isinstance(value, list | tuple) and len(value) >= 3 and value[0] in layers for value in call.kwargs.values())
        if call.layer not in layers or hidden:
            raise ModelError(f"the model computes '{call.layer}' on tensors without a layer; use a layer instead, such as Add() for +")


def _sequential_wiring(model: Model) -> Wiring:
    if not model.built or not model.inputs:
        raise ModelError("received a Sequential model without an input shape; start it with an Input layer, or call build()")
    source = "emberflow_input"
    calls, last = [Call(source, 0, (), False)], Reference(source, 0, 0)
    for layer in model.layers:
        if type(layer).__name__ != "InputLayer":
            calls.append(Call(layer.name, 0, (last,), False))
            last = Reference(layer.name, 0, 0)
    return Wiring(tuple(calls), (Reference(source, 0, 0),), (last,))


def _calls(layer: Mapping[str, Any]) -> Iterator[Call]:
    nodes = layer["inbound_nodes"]
    if not nodes:
        yield Call(layer["name"], 0, (), False)
    first = int(layer["class_name"] in _MODELS)  # Keras counts a nested model's call of its own inputs as call 0
    for number, node in enumerate(nodes, first):
        if isinstance(node, Mapping):  # Keras 3
            references = tuple(_keras_3_references(node["args"]))
            as_list = bool(node["args"]) and isinstance(node["args"][0], list)
            kwargs = {key: value for key, value in node.get("kwargs", {}).items() if value is not None and key != "training"}
        else:
            entries = [node] if node and isinstance(node[0], str) else node
            references = tuple(Reference(*entry[:3]) for entry in entries)
            as_list, kwargs = len(entries) > 1, dict(entries[0][3]) if entries and len(entries[0]) > 3 else {}
        yield Call(layer["name"], number, references, as_list, kwargs)


def _keras_3_references(value: Any) -> Iterator[Reference]:
    if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
        yield Reference(*value["config"]["keras_history"])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _keras_3_references(item)


def _ends(entries: Any) -> tuple[Reference, ...]:
    flat = [entries] if entries and isinstance(entries[0], str) else entries
    return tuple(Reference(*entry[:3]) for entry in flat)


def _in_order(calls: list[Call]) -> tuple[Call, ...]:
    done: set[tuple[str, int]] = set()
    ordered: list[Call] = []
    waiting = calls
    while waiting:
        ready = [call for call in waiting if all((r.layer, r.node) in done for r in call.inputs)]
        if not ready:
            raise ModelError(f"the graph of layers has a cycle or a missing input at '{waiting[0].layer}'")
        ordered += ready
        done |= {(call.layer, call.node) for call in ready}
        waiting = [call for call in waiting if (call.layer, call.node) not in done]
    return tuple(ordered)


def is_keras_2(model: object) -> bool:
    """Whether `model` is a tf_keras model."""
    return isinstance(model, keras().Model)


def to_keras_2(model: object) -> Model:
    """`model` as a tf_keras model; a Keras 3 model is rebuilt layer by layer with its weights, and proved equal on random inputs.

    Raises: ModelError: not a Keras model, a subclassed one, or one that holds a layer Keras 2 has no equal of (named).
    """
    if is_keras_2(model):
        return model
    if not any(base.__module__.startswith("keras.") and base.__name__ == "Model" for base in type(model).__mro__):
        raise ModelError(f"received {type(model).__module__}.{type(model).__name__}; expected a Keras model (keras or tf_keras)")
    rebuilt = _rebuild(model)
    difference = largest_difference(model, rebuilt)
    if not difference <= _TOLERANCE:
        raise ModelError(
            f"the Keras 3 model can't be rebuilt in Keras 2: outputs differ by {difference:.2g} on random inputs; build it with tf_keras"
        )
    return rebuilt


def _rebuild(model: Any) -> Model:
    wiring = read_wiring(model)
    layers = {layer.name: layer for layer in model.layers}
    made: dict[str, Layer] = {}
    tensors: dict[Reference, Tensor] = {}
    for call in wiring.calls:
        if not call.inputs:
            tensors[Reference(call.layer, 0, 0)] = keras().Input(_shape_of_input(model, wiring, call), name=call.layer)
            continue
        if call.layer not in made:
            made[call.layer] = _layer_in_keras_2(layers[call.layer])
        layer = made[call.layer]
        arguments = [tensors[reference] for reference in call.inputs]
        outputs = layer(arguments if call.as_list else arguments[0], **call.kwargs)
        for index, output in enumerate(outputs if isinstance(outputs, list | tuple) else [outputs]):
            tensors[Reference(call.layer, call.node, index)] = output
    rebuilt = keras().Model(one_or_all([tensors[r] for r in wiring.inputs]), one_or_all([tensors[r] for r in wiring.outputs]), name=model.name)
    for name, layer in made.items():
        layer.set_weights(layers[name].get_weights())
    return rebuilt


def one_or_all(tensors: list[Tensor]) -> Tensor | list[Tensor]:
    """The tensor of a list of one, else the list: Keras gives back outputs in the structure that a model was built with."""
    return tensors[0] if len(tensors) == 1 else tensors


def _shape_of_input(model: Any, wiring: Wiring, call: Call) -> tuple[int | None, ...]:
    position = [reference.layer for reference in wiring.inputs].index(call.layer)
    return tuple(model.inputs[position].shape[1:])


def _layer_in_keras_2(layer: Any) -> Layer:
    known: Any = getattr(keras().layers, type(layer).__name__, None)
    if known is None or not type(layer).__module__.startswith("keras."):
        raise ModelError(f"layer '{layer.name}' ({type(layer).__name__}) has no equal in Keras 2; replace it, or bring a .tflite")
    kind = type(layer).__name__
    config = {
        _RENAMED.get((kind, key), key): value
        for key, value in layer.get_config().items()
        if key not in _KERAS_3_ONLY and not key.endswith("_initializer")
    }
    try:
        rebuilt: Layer = known.from_config(config)
        return rebuilt
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"layer '{layer.name}' ({kind}) can't be rebuilt in Keras 2: {_short(error)}; build the model with tf_keras") from error


def largest_difference(one: Model, other: Model) -> float:
    """How far two models' outputs differ on a few random inputs from a fixed seed; shapes must meet.

    Returns: the largest absolute difference, in units of the output's largest value where that is above 1: float32 rounds in proportion.
    """
    random = np.random.default_rng(0)
    shapes = [[d or 16 for d in tensor.shape[1:]] for tensor in one.inputs]
    x = [random.normal(size=(_EQUALITY_SAMPLES, *shape)).astype(np.float32) for shape in shapes]
    mine, theirs = (_outputs(model(x if len(x) > 1 else x[0], training=False)) for model in (one, other))
    return max(float(np.max(np.abs(a - b)) / max(1.0, np.max(np.abs(a)))) for a, b in zip(mine, theirs, strict=True))


def _outputs(outputs: Any) -> list[FloatArray]:
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def save(model: Model, path: Path) -> None:
    """Write a tf_keras model as HDF5, without its optimizer.

    Not in the newer `.keras` form: TFMOT's quantization wrappers create their variables while loading, and that form can't match them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
        model.save(path, include_optimizer=False, save_format="h5")


def load(path: Path) -> Model:
    """Read a `.keras` or `.h5` file as a tf_keras model, not compiled.

    Raises: ModelError: no such file, or one that Keras can't read.
    """
    if not path.is_file():
        raise ModelError(f"received '{path}' as the baseline; expected a .keras or .h5 file, and there is none")
    try:
        return keras().models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError, BadZipFile) as error:
        return _load_keras_3(path, error)


def _load_keras_3(path: Path, first: Exception) -> Model:
    import keras as keras_3  # noqa: PLC0415

    try:
        model = keras_3.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError, BadZipFile) as error:
        raise ModelError(f"'{path.name}' can't be read as a Keras model: {_short(first)}; nor with Keras 3: {_short(error)}") from error
    return to_keras_2(model)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."
