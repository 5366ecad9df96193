"""Multiply-accumulates of one inference, from the shapes in a Graph. Counts what the mathematics asks for; knows no kernel."""

from collections import Counter
from collections.abc import Callable
from math import prod

from emberflow.errors import GraphError
from emberflow.graph import Graph, Operator


def count_macs(graph: Graph) -> dict[str, int]:
    """Multiply-accumulates of one inference by operator, for the operators in MACS; a dynamic batch counts as 1, as the file has it.

    Raises: GraphError: the weights of an operator have another number of dimensions than its formula needs.
    """
    counted: Counter[str] = Counter()
    for operator in graph.operators:
        if operator.name in MACS:
            counted[operator.name] += MACS[operator.name](graph, operator)
    return dict(counted)


def _conv(graph: Graph, operator: Operator) -> int:
    # each output element sums height * width * channels in (of its group); filter (channels out, height, width, channels in)
    _, height, width, channels = _shape(graph, operator, 1, 4)
    return graph.result(operator).elements * height * width * channels


def _depthwise(graph: Graph, operator: Operator) -> int:
    # each output element sums height * width of one channel; filter (1, height, width, channels out)
    _, height, width, _ = _shape(graph, operator, 1, 4)
    return graph.result(operator).elements * height * width


def _fully_connected(graph: Graph, operator: Operator) -> int:
    # each output element sums all inputs; weights (units, inputs)
    _, inputs = _shape(graph, operator, 1, 2)
    return graph.result(operator).elements * inputs


def _transpose_conv(graph: Graph, operator: Operator) -> int:
    # each input element is spread over height * width * channels out, those that padding cuts off included
    channels, height, width, _ = _shape(graph, operator, 1, 4)
    return graph.operand(operator, 2).elements * height * width * channels


def _batch_matmul(graph: Graph, operator: Operator) -> int:
    # each output element sums the axis that both sides share: the last of the left side, or the one before when it is transposed
    shape = graph.operand(operator, 0).shape
    if len(shape) < 2:
        raise GraphError(f"{operator} multiplies shape {shape}; expected at least 2 dimensions; convert the model again")
    return graph.result(operator).elements * shape[-2 if operator.options.get("adj_x") else -1]


def _lstm(graph: Graph, operator: Operator) -> int:
    # each step multiplies the input by the weights at 1-4, the state by those at 5-8, and projects by those at 16
    tensors = [graph.optional(operator, position) for position in (*range(1, 9), 16)]
    steps = prod(graph.operand(operator, 0).shape[:-1])
    return steps * sum(tensor.elements for tensor in tensors if tensor)


MACS: dict[str, Callable[[Graph, Operator], int]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
    "BATCH_MATMUL": _batch_matmul,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
"""The operators that multiply and accumulate, each with its formula. Element-wise operators and pools are left out."""


def _shape(graph: Graph, operator: Operator, position: int, dimensions: int) -> tuple[int, ...]:
    tensor = graph.operand(operator, position)
    if len(tensor.shape) != dimensions:
        raise GraphError(f"{operator} has weights of shape {tensor.shape}; expected {dimensions} dimensions; convert the model again")
    return tensor.shape
