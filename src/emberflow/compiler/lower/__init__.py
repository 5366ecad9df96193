"""From operators to kernel calls: one function an operator, in one dictionary. Decides nothing about memory or text."""

from collections.abc import Callable

from emberflow.compiler.lower import arg, border, conv, move, pair, pool, reduce, shape, softmax, table
from emberflow.compiler.program import Program, Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.compiler.tables import TABLED, Tables
from emberflow.compiler.weights import Storage
from emberflow.errors import UnsupportedOperator, did_you_mean
from emberflow.graph import Graph

Lowering = Callable[[Site], tuple[Step, ...]]

LOWERINGS: dict[str, Lowering] = {
    **dict.fromkeys(sorted(TABLED), table.lower_table),
    "ADD": pair.lower_add,
    "ARG_MAX": arg.lower_arg_max,
    "ARG_MIN": arg.lower_arg_min,
    "AVERAGE_POOL_2D": pool.lower_average_pool,
    "CONCATENATION": move.lower_concatenation,
    "CONV_2D": conv.lower_conv,
    "DEPTHWISE_CONV_2D": conv.lower_depthwise,
    "DEQUANTIZE": border.lower_dequantize,
    "EXPAND_DIMS": shape.lower_reshape,
    "FULLY_CONNECTED": conv.lower_fully_connected,
    "MAXIMUM": pair.lower_maximum,
    "MAX_POOL_2D": pool.lower_max_pool,
    "MEAN": reduce.lower_mean,
    "MINIMUM": pair.lower_minimum,
    "MUL": pair.lower_mul,
    "PAD": move.lower_pad,
    "PADV2": move.lower_pad,
    "PRELU": pair.lower_prelu,
    "QUANTIZE": border.lower_quantize,
    "REDUCE_MAX": reduce.lower_reduce_max,
    "REDUCE_MIN": reduce.lower_reduce_min,
    "RESHAPE": shape.lower_reshape,
    "SOFTMAX": softmax.lower_softmax,
    "SQUARED_DIFFERENCE": pair.lower_squared_difference,
    "SQUEEZE": shape.lower_reshape,
    "SUB": pair.lower_sub,
    "SUM": reduce.lower_sum,
}
"""What is compiled, by the schema's name."""


def lower(graph: Graph, parity: Parity, tables: Tables, storage: Storage = Storage.SMALLEST) -> Program:
    """Every operator of `graph` as kernel calls.

    Raises: UnsupportedOperator: one has no lowering, or one of a kind that its lowering refuses.
    """
    steps: list[Step] = []
    for operator in graph.operators:
        site = Site(graph, operator, parity, tables, storage)
        if operator.name not in LOWERINGS:
            site.refuse(
                f"it has no kernel; expected one of {', '.join(sorted(LOWERINGS))}.{did_you_mean(operator.name, LOWERINGS)}"
                " Replace the layer that becomes it, or use the TFLM application"
            )
        steps += LOWERINGS[operator.name](site)
    return Program(graph, tuple(steps))


__all__ = ["LOWERINGS", "UnsupportedOperator", "lower"]
