"""Which of the author's layers an operator comes from, told from the names of tensors. Knows how converters name; refuses to open a Keras model."""

from collections.abc import Iterator
from itertools import takewhile

from emberflow.graph import Graph, Operator
from emberflow.graph.values import ABSENT, show_name

_INSIDE = frozenset({"batchnorm", "depthwise", "separable_conv2d", "lstm_cell", "gru_cell", "while"})
"""Scopes that layers open inside their own; others begin with a capital letter, as Conv1D and Tensordot do."""

Path = tuple[str, ...]


def name_layers(graph: Graph) -> dict[int, tuple[str, ...]]:
    """The layers that each operator carries out, by the operator's index: `("conv2d", "batch_normalization", "re_lu")`; never empty.

    A converter joins the names of what it fuses, the last first: `model/re_lu/Relu;model/conv2d/Conv2D`. Scopes that all names share are the
    model's. Where a result has no such name (`StatefulPartitionedCall:0`) its weights' names count; where they have none either, the operator
    stands for itself, by the name that it has in compiled C: `softmax_14`.
    """
    written = {operator.index: _paths(graph.result(operator).name) if operator.outputs else () for operator in graph.operators}
    held = {operator.index: tuple(_weight_paths(graph, operator)) for operator in graph.operators}
    scope = _scope([path for paths in (*written.values(), *held.values()) for path in paths])
    return {
        operator.index: _layers(written[operator.index], scope)
        or _layers(held[operator.index], scope)
        or (f"{show_name(operator.name).lower()}_{operator.index}",)
        for operator in graph.operators
    }


def scopes_of_operators(graph: Graph) -> dict[int, frozenset[str]]:
    """Every scope that each operator comes from, by the operator's index: all layers fused into it, and those that they are nested in."""
    return {
        operator.index: scopes_of(graph.result(operator).name) or frozenset(part for path in _weight_paths(graph, operator) for part in path[:-1])
        for operator in graph.operators
        if operator.outputs
    }


def scopes_of(name: str) -> frozenset[str]:
    """Every scope that stands in a tensor's name: `{"model", "re_lu", "conv2d"}` of `model/re_lu/Relu;model/conv2d/Conv2D`."""
    return frozenset(part for path in _paths(name) for part in path[:-1])


def _paths(name: str) -> tuple[Path, ...]:
    return tuple(path for path in (tuple(part.split("/")) for part in _whole(name).split(";")) if len(path) > 1)


def _weight_paths(graph: Graph, operator: Operator) -> Iterator[Path]:
    for index in operator.inputs:
        if index != ABSENT and graph.tensors[index].data is not None:
            yield from _paths(graph.tensors[index].name)[:1]


def _scope(paths: list[Path]) -> int:
    """How many parts at the front all paths share; a layer and an operation are left to each."""
    shared = sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*paths, strict=False)))
    return min(shared, min(map(len, paths)) - 2) if paths else 0


def _layers(paths: tuple[Path, ...], scope: int) -> tuple[str, ...]:
    return tuple(reversed(dict.fromkeys(_layer(path[scope:-1]) for path in paths if len(path) > scope + 1)))


def _layer(path: Path) -> str:
    inside = next((i for i, part in enumerate(path) if i and (part in _INSIDE or part[:1].isupper())), len(path))
    return show_name("/".join(path[:inside]))


def _whole(name: str) -> str:
    """`name` with what a terminal would obey replaced by '?'; not cut, because its end tells layers too."""
    return "".join(character if character.isprintable() else "?" for character in name)
