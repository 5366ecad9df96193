"""From operators to kernel calls: one function an operator, in one dictionary. Decides nothing about memory or text."""

from collections.abc import Callable

from emberflow.compiler.lower import conv, shape
from emberflow.compiler.program import Program, Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.errors import UnsupportedOperator, did_you_mean
from emberflow.graph import Graph

Lowering = Callable[[Site], tuple[Step, ...]]

LOWERINGS: dict[str, Lowering] = {
    "CONV_2D": conv.lower_conv,
    "DEPTHWISE_CONV_2D": conv.lower_depthwise,
    "EXPAND_DIMS": shape.lower_reshape,
    "FULLY_CONNECTED": conv.lower_fully_connected,
    "RESHAPE": shape.lower_reshape,
    "SQUEEZE": shape.lower_reshape,
}
"""What is compiled, by the schema's name."""


def lower(graph: Graph, parity: Parity) -> Program:
    """Every operator of `graph` as kernel calls.

    Raises: UnsupportedOperator: one has no lowering, or one of a kind that its lowering refuses.
    """
    steps: list[Step] = []
    for operator in graph.operators:
        site = Site(graph, operator, parity)
        if operator.name not in LOWERINGS:
            site.refuse(
                f"it has no kernel; expected one of {', '.join(sorted(LOWERINGS))}.{did_you_mean(operator.name, LOWERINGS)}"
                " Replace the layer that becomes it, or use the TFLM application"
            )
        steps += LOWERINGS[operator.name](site)
    return Program(graph, tuple(steps))


__all__ = ["LOWERINGS", "UnsupportedOperator", "lower"]
