"""Which of the author's layers an operator comes from, told from the names of tensors. Knows how converters name; refuses to open a Keras model."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, count, takewhile

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


def short_names(graph: Graph) -> list[str]:
    """What `shorten_names` makes of the names in `graph`, by the tensors' indices; those of inputs, outputs and states stay."""
    kept = {*graph.inputs, *graph.outputs, *(tensor.index for tensor in graph.tensors if tensor.is_variable)}
    return shorten_names([tensor.name for tensor in graph.tensors], graph.producers.keys(), kept)


def shorten_names(names: Sequence[str], results: Set[int], kept: Set[int]) -> list[str]:
    """The names of a graph's tensors with each layer once in each, and without the scopes that all share.

    `m/relu/Relu;m/bn/FusedBatchNormV3;m/conv/BiasAdd/ReadVariableOp;m/conv/Conv2D` becomes `relu/Relu;bn/FusedBatchNormV3;conv/Conv2D`; of a
    constant the layer that computes is enough, `conv/Conv2D`. `name_layers` finds the same layers as before. Short names stay as they are, all are
    different, and constants give way to results, whose names are the same in every number format.

    Args:
        results: places of what operators write; the others are constants.
        kept: places of names that stay, because others go by them.
    """
    paths = {place: found for place, name in enumerate(names) if place not in kept and (found := _paths(name))}
    scope = 0 if any(_paths(names[place]) for place in kept & results) else _scope([path for each in paths.values() for path in each])
    short = dict(enumerate(names)) | {place: _brief(each, scope, layers=None if place in results else 1) for place, each in paths.items()}
    often = Counter(name for place, name in short.items() if place in results)
    alike = [place for place in paths if place in results and often[short[place]] > 1]
    short |= {place: _join(path[scope:] for path in paths[place]) for place in alike}
    results_first = sorted(short, key=lambda place: (place not in results, place))
    shorter = _number({place: short[place] for place in results_first}, kept)
    return shorter if shorter == list(names) else shorten_names(shorter, results, kept)


def _brief(paths: tuple[Path, ...], scope: int, layers: int | None) -> str:
    """The shortest path of each layer; of the last `layers`, which run first, where it isn't None."""
    of_layer: dict[Path, list[Path]] = {}
    for path in paths:
        of_layer.setdefault(_outside(path[scope:-1]), []).append(path[scope:])
    shortest = [min(each, key=len) for each in of_layer.values()]
    return _join(shortest if layers is None else shortest[-layers:])


def _join(paths: Iterable[Path]) -> str:
    return ";".join("/".join(path) for path in paths)


def _number(names: dict[int, str], kept: Set[int]) -> list[str]:
    """The names by place, those not in `kept` with a number behind where another before them has the name."""
    given = {place: names[place] for place in kept}
    taken = set(given.values())
    for place in (place for place in names if place not in kept):
        tries = chain((names[place],), (f"{names[place]}{number}" for number in count(1)))
        given[place] = next(each for each in tries if each not in taken)
        taken.add(given[place])
    return [given[place] for place in range(len(given))]


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
    return show_name("/".join(_outside(path)))


def _outside(path: Path) -> Path:
    """`path` up to the first scope that a layer opens inside its own."""
    return path[: next((i for i, part in enumerate(path) if i and (part in _INSIDE or part[:1].isupper())), len(path))]


def _whole(name: str) -> str:
    """`name` with what a terminal would obey replaced by '?'; not cut, because its end tells layers too."""
    return "".join(character if character.isprintable() else "?" for character in name)
