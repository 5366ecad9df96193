"""Operators that lead codes to codes, each element by itself: one, or several by way of floats. Knows graphs; refuses to run anything."""

from dataclasses import dataclass, replace

from emberflow.graph import Graph, Operator, Tensor

TABLED = frozenset({"ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "RSQRT", "TANH"})
"""Operators of one input that TFLM runs in int8, and that treat each element by itself."""

REAL = frozenset(
    [
        "ABS",
        "CEIL",
        "COS",
        "ELU",
        "EXP",
        "FLOOR",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGISTIC",
        "NEG",
        "RELU",
        "RELU6",
        "ROUND",
        "RSQRT",
        "SIN",
        "SQRT",
        "SQUARE",
        "TANH",
    ]
)
"""Those that it runs in float32."""

EIGHT_BITS = ("int8", "uint8")


@dataclass(frozen=True, eq=False)
class Chain:
    """What stands between two tensors of 8-bit codes and treats each element by itself.

    operators: one of TABLED; or DEQUANTIZE, any number of REAL, and QUANTIZE, which converters write around what they don't quantize (ELU).
    source: the tensor that the first of them reads.
    """

    operators: tuple[Operator, ...]
    source: Tensor


def find_chains(graph: Graph) -> dict[int, Chain]:
    """Every chain of `graph`, by the index of its last operator. Raises: GraphError: an operator of one input has none."""
    found = ((operator.index, _chain(graph, operator)) for operator in graph.operators if operator.name in TABLED)
    return {index: chain for index, chain in found if chain}


def find_links(graph: Graph, chains: dict[int, Chain]) -> frozenset[int]:
    """Operators that need not run, because whatever reads their outputs is a chain's."""
    inside = {operator.index: operator for chain in chains.values() for operator in chain.operators[:-1]}
    ends = {index for index, chain in chains.items() if len(chain.operators) > 1}
    return frozenset(
        index
        for index, operator in inside.items()
        if not any(output in graph.outputs for output in operator.outputs)
        and all(reader.index in ends.union(inside) for output in operator.outputs for reader in graph.readers.get(output, ()))
    )


def _chain(graph: Graph, last: Operator) -> Chain | None:
    if graph.result(last).dtype not in EIGHT_BITS:
        return None
    operators: tuple[Operator, ...] = (_slim(last),)
    source = graph.operand(last, 0)
    while source.dtype == "float32" and last.name == "QUANTIZE":
        before = graph.producers.get(source.index)
        if before is None or before.name not in REAL | {"DEQUANTIZE"} or graph.result(before).shape != graph.operand(before, 0).shape:
            return None
        operators, source = (_slim(before), *operators), graph.operand(before, 0)
    return Chain(operators, source) if source.dtype in EIGHT_BITS else None


def _slim(operator: Operator) -> Operator:
    """`operator` with one input and one output, whatever a stranger's file names besides."""
    return replace(operator, inputs=operator.inputs[:1], outputs=operator.outputs[:1])
