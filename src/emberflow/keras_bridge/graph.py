"""A live Keras model, of either version, as the sequence of its layers' calls. Knows how each Keras keeps its graph; refuses to know what a layer is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_bridge.which import Layer, Model, Tensor


@dataclass(frozen=True)
class Node:
    """One call of a layer, or of an operator: what went in, symbolic tensors among it, and the symbolic tensors that came out."""

    layer: Layer
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: Sequence[Tensor]

    @property
    def kind(self) -> str:
        """The name of the layer's class."""
        return type(self.layer).__name__


Act = Callable[[Node, tuple[Any, ...], dict[str, Any]], Any]


def play(model: Model, inputs: Sequence[Any], act: Act) -> list[Any]:
    """Go through the calls of `model`, and of the models in it, in an order in which inputs come first.

    Args:
        inputs: a value for each input of the model.
        act: is given a call with its symbolic tensors replaced by values, and returns the values that come out.
    Returns: the values of the model's outputs.
    Raises: ModelError: the model is subclassed or not built, so that its graph can't be read.
    """
    values = {id(tensor): value for tensor, value in zip(model.inputs, inputs, strict=True)}
    for node in _nodes(model):
        args, kwargs = replaced(node.args, values), replaced(node.kwargs, values)
        results = play(node.layer, leaves(args), act) if is_model(node.layer) else leaves(act(node, args, kwargs))
        values |= {id(tensor): value for tensor, value in zip(node.outputs, results, strict=False)}
    return [values[id(tensor)] for tensor in model.outputs]


def is_model(layer: Layer) -> bool:
    """Whether a layer is a model whose own layers can be seen."""
    return type(layer).__name__ in ("Functional", "Model", "Sequential")


def check_readable(model: Model) -> None:
    """Refuse what has no graph to read. Raises: ModelError: a subclassed model, or a Sequential one without an input shape."""
    if not is_model(model):
        raise ModelError(f"received a {type(model).__name__}; expected a Sequential or functional Keras model, whose graph can be read")
    if type(model).__name__ == "Sequential" and (not model.built or not model.inputs):
        raise ModelError("received a Sequential model without an input shape; start it with an Input layer, or call build()")
    if not hasattr(_network(model), "_nodes_by_depth"):
        raise ModelError(f"'{model.name}' was made by a subclass; expected a Sequential or functional Keras model, whose graph can be read")


def _network(model: Model) -> Model:
    return getattr(model, "_functional", None) or model  # a Sequential of Keras 3 holds a functional model


def _nodes(model: Model) -> Iterator[Node]:
    check_readable(model)
    by_depth = _network(model)._nodes_by_depth  # neither Keras tells its graph another way that counts nested calls right
    nodes = [_node(node) for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]
    return reversed(list(_needed(reversed(nodes), {id(tensor) for tensor in model.outputs})))


def _needed(nodes: Iterable[Node], tensors: set[int]) -> Iterator[Node]:
    """The nodes, last one first, that the outputs depend on: Keras 3 lists those that compute masks, which Keras 2 hands on unasked."""
    for node in nodes:
        if any(id(tensor) in tensors for tensor in node.outputs):
            tensors |= {id(leaf) for leaf in leaves([node.args, node.kwargs]) if is_symbolic(leaf)}
            yield node


def _node(node: Any) -> Node:
    if hasattr(node, "operation"):  # Keras 3
        return Node(node.operation, tuple(node.arguments.args), _given(node.arguments.kwargs), node.output_tensors)
    return Node(node.layer, tuple(node.call_args), _given(node.call_kwargs), leaves(node.outputs))


def _given(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing, without masks, which both Keras hand on by themselves, and without `training`: the bridge is about inference."""
    return {key: value for key, value in kwargs.items() if value is not None and key not in ("training", "mask")}


def inputs_of(model: Model) -> Any:
    """The symbolic inputs of `model` in the structure in which it is given values."""
    return _network(model).input


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a symbolic tensor of either Keras, of Keras 2 in a TensorFlow graph too."""
    return hasattr(value, "_keras_history")


def replaced(value: Any, values: Mapping[int, Any]) -> Any:
    """`value` with each symbolic tensor in it replaced by its value."""
    if is_symbolic(value):
        return values[id(value)]
    if isinstance(value, Mapping):
        return {key: replaced(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, values) for item in value)
    return value


def leaves(value: Any) -> list[Any]:
    """What lists and mappings hold, in order; a mapping's values by the order of its keys, as both Keras do."""
    if isinstance(value, Mapping):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
