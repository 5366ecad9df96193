"""How the layers of a tf_keras model call each other, by their names. Knows the configuration of a graph; refuses to know what a layer computes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_bridge.which import Model, Tensor

_MODELS = ("Functional", "Model", "Sequential")


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
    """The graph of a Sequential or functional tf_keras model.

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
    """An operator such as `+` between tensors hides its second input in an argument."""
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
        entries = [node] if node and isinstance(node[0], str) else node
        references = tuple(Reference(*entry[:3]) for entry in entries)
        kwargs = dict(entries[0][3]) if entries and len(entries[0]) > 3 else {}
        yield Call(layer["name"], number, references, len(entries) > 1, kwargs)


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


def one_or_all(tensors: list[Tensor]) -> Tensor | list[Tensor]:
    """The tensor of a list of one, else the list: Keras gives back outputs in the structure that a model was built with."""
    return tensors[0] if len(tensors) == 1 else tensors
