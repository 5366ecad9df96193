"""Operators that give each code an answer of its own: which they are, and their answers, read out of TFLM. Knows nothing of C."""

from collections.abc import Mapping
from dataclasses import replace

from emberflow.evaluate.codes import CODES, Answers, ask
from emberflow.graph import Graph, Operator, Tensor
from emberflow.graph.write import write_operator

TABLED = frozenset({"ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "RSQRT", "TANH"})
"""Operators of one input that TFLM runs in int8, and that treat each element by itself."""

EIGHT_BITS = ("int8", "uint8")

Tables = Mapping[int, Answers]
"""Answers by the operator's index."""


def read_tables(graph: Graph) -> Tables:
    """TFLM's answers for every operator of `graph` that is a table: one start of a process for all, none when there is no such operator.

    A table is what a model of that operator alone answers to all 256 codes, so it is exact whatever the operator's formula.
    Raises: WorkerLost: TFLM's process was ended from outside.
    """
    alone = {operator.index: _alone(graph, operator) for operator in graph.operators if is_tabled(graph, operator)}
    models = tuple(dict.fromkeys(alone.values()))  # operators that are alike are asked once
    answers = dict(zip(models, ask(models) if models else (), strict=True))
    return {index: answers[model] for index, model in alone.items()}


def is_tabled(graph: Graph, operator: Operator) -> bool:
    """Whether `operator` leads from one tensor of 8-bit codes to another, element by element."""
    return operator.name in TABLED and all(tensor.dtype in EIGHT_BITS for tensor in (graph.operand(operator, 0), graph.result(operator)))


def _alone(graph: Graph, operator: Operator) -> tuple[bytes, str]:
    source = graph.operand(operator, 0)
    return write_operator(operator, (_row(source),), (_row(graph.result(operator)),)), source.dtype


def _row(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(1, CODES), signature=(1, CODES), data=None, is_variable=False)
