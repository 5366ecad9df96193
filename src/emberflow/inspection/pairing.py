"""Which tensors of a float model and of its quantized form are the same value. Knows names, kinds and order; refuses to guess."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from emberflow.graph import Graph, Operator
from emberflow.graph.layers import short_names

BORDERS = frozenset({"QUANTIZE", "DEQUANTIZE"})


@dataclass(frozen=True)
class Pairs:
    """tensors: by the index in the quantized graph, that of the float twin. operators: the same of operators.

    unmatched: names of results in the quantized graph that have no twin.
    """

    tensors: dict[int, int]
    operators: dict[int, int]
    unmatched: tuple[str, ...]


def pair(quantized: Graph, real: Graph) -> Pairs:
    """Pair the inputs by name, or else by position, then operators by the name of their result where kind and shape agree; what is left between two pairs
    goes by position, if both sides hold the same kinds and shapes there.

    A converter gives results of one model the same names whatever the format, and of these the short ones are compared: one of the two files may
    come from elsewhere, with the long ones. QUANTIZE and DEQUANTIZE, which stand at borders alone, are
    passed over: what they give stands for what they read.
    """
    ours, theirs = _steps(quantized), _steps(real)
    matched = _by_name(quantized, real, ours, theirs)
    matched |= dict(_between(quantized, real, (ours, theirs), matched))
    operators = {ours[one].index: theirs[other].index for one, other in sorted(matched.items())}
    tensors = _inputs(quantized, real)
    for one, other in matched.items():
        tensors |= dict(zip(ours[one].outputs, theirs[other].outputs, strict=True))
    tensors = dict(_through_borders(quantized, tensors))
    return Pairs(tensors, operators, tuple(quantized.result(o).name for i, o in enumerate(ours) if i not in matched))


def _inputs(quantized: Graph, real: Graph) -> dict[int, int]:
    theirs = {real.tensors[index].name: index for index in real.inputs}
    ours = {index: quantized.tensors[index].name for index in quantized.inputs}
    if len(theirs) == len(ours) and set(theirs) == set(ours.values()):
        return {index: theirs[name] for index, name in ours.items()}
    return dict(zip(quantized.inputs, real.inputs, strict=False))


def _steps(graph: Graph) -> list[Operator]:
    return [operator for operator in graph.operators if operator.name not in BORDERS and operator.outputs]


def _looks(graph: Graph, operator: Operator) -> tuple[object, ...]:
    return (operator.name, *(graph.tensors[index].shape for index in operator.outputs))


def _by_name(quantized: Graph, real: Graph, ours: Sequence[Operator], theirs: Sequence[Operator]) -> dict[int, int]:
    short, twins = short_names(quantized), short_names(real)
    mine, yours = ([names[operator.outputs[0]] for operator in steps] for names, steps in ((short, ours), (twins, theirs)))
    counts, places = Counter(mine + yours), {name: place for place, name in enumerate(yours)}
    found = {}
    for place, (name, operator) in enumerate(zip(mine, ours, strict=True)):
        other = places.get(name)
        if name and counts[name] == 2 and other is not None and _looks(quantized, operator) == _looks(real, theirs[other]):
            found[place] = other
    return _rising(found)


def _rising(found: dict[int, int]) -> dict[int, int]:
    """`found` if it keeps the order, for then the two graphs are built alike; else nothing of it can be trusted."""
    others = [found[place] for place in sorted(found)]
    return found if others == sorted(others) else {}


def _between(
    quantized: Graph, real: Graph, steps: tuple[Sequence[Operator], Sequence[Operator]], matched: dict[int, int]
) -> Iterator[tuple[int, int]]:
    ours, theirs = steps
    ends = [(-1, -1), *sorted(matched.items()), (len(ours), len(theirs))]
    for (one, other), (next_one, next_other) in pairwise(ends):
        mine, yours = range(one + 1, next_one), range(other + 1, next_other)
        if [_looks(quantized, ours[i]) for i in mine] == [_looks(real, theirs[i]) for i in yours]:
            yield from zip(mine, yours, strict=True)


def _through_borders(graph: Graph, tensors: dict[int, int]) -> Iterator[tuple[int, int]]:
    known = dict(tensors)
    for operator in graph.operators:
        if operator.name in BORDERS and operator.inputs and operator.inputs[0] in known:
            known[graph.result(operator).index] = known[operator.inputs[0]]
    yield from known.items()
