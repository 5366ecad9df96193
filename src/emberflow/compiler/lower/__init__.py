"""From operators to kernel calls: one function an operator, in one dictionary. Decides nothing about memory or text."""

from collections.abc import Callable

from emberflow.compiler.chain import TABLED, find_links
from emberflow.compiler.lower import (
    arg,
    border,
    cast,
    conv,
    cut,
    join,
    l2_normalization,
    log_softmax,
    pad,
    pair,
    pick,
    pool,
    reduce,
    resize,
    shape,
    softmax,
    table,
    transpose_conv,
    turn,
    zeros,
)
from emberflow.compiler.program import Alias, Call, Copy, Program, Step
from emberflow.compiler.requantize import Parity
from emberflow.compiler.site import Site
from emberflow.compiler.tables import Tables
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
    "BROADCAST_TO": turn.lower_broadcast_to,
    "CAST": cast.lower_cast,
    "CONCATENATION": join.lower_concatenation,
    "CONV_2D": conv.lower_conv,
    "DEPTHWISE_CONV_2D": conv.lower_depthwise,
    "DEPTH_TO_SPACE": turn.lower_depth_to_space,
    "DEQUANTIZE": border.lower_dequantize,
    "EXPAND_DIMS": shape.lower_reshape,
    "FULLY_CONNECTED": conv.lower_fully_connected,
    "GATHER": pick.lower_gather,
    "L2_NORMALIZATION": l2_normalization.lower_l2_normalization,
    "LOG_SOFTMAX": log_softmax.lower_log_softmax,
    "MAXIMUM": pair.lower_maximum,
    "MAX_POOL_2D": pool.lower_max_pool,
    "MEAN": reduce.lower_mean,
    "MINIMUM": pair.lower_minimum,
    "MIRROR_PAD": pad.lower_mirror_pad,
    "MUL": pair.lower_mul,
    "PACK": join.lower_pack,
    "PAD": pad.lower_pad,
    "PADV2": pad.lower_pad,
    "PRELU": pair.lower_prelu,
    "QUANTIZE": border.lower_quantize,
    "REDUCE_MAX": reduce.lower_reduce_max,
    "REDUCE_MIN": reduce.lower_reduce_min,
    "RESHAPE": shape.lower_reshape,
    "RESIZE_BILINEAR": resize.lower_resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": pick.lower_resize_nearest,
    "REVERSE_V2": cut.lower_reverse,
    "SLICE": cut.lower_slice,
    "SOFTMAX": softmax.lower_softmax,
    "SPACE_TO_DEPTH": turn.lower_space_to_depth,
    "SPLIT": cut.lower_split,
    "SPLIT_V": cut.lower_split_v,
    "SQUARED_DIFFERENCE": pair.lower_squared_difference,
    "SQUEEZE": shape.lower_reshape,
    "STRIDED_SLICE": cut.lower_strided_slice,
    "SUB": pair.lower_sub,
    "SUM": reduce.lower_sum,
    "TRANSPOSE": turn.lower_transpose,
    "TRANSPOSE_CONV": transpose_conv.lower_transpose_conv,
    "UNPACK": cut.lower_unpack,
    "ZEROS_LIKE": zeros.lower_zeros_like,
}
"""What is compiled, by the schema's name."""


def lower(graph: Graph, parity: Parity, tables: Tables, storage: Storage = Storage.SMALLEST) -> Program:
    """Every operator of `graph` as kernel calls.

    Raises: UnsupportedOperator: one has no lowering, or is of a kind that its lowering refuses, or writes more than its kind does.
    """
    steps: list[Step] = []
    links = find_links(graph, {index: table.chain for index, table in tables.items()})
    for operator in graph.operators:
        if operator.index in links:
            continue
        site = Site(graph, operator, parity, tables, storage)
        if operator.name not in LOWERINGS:
            site.refuse(
                f"it has no kernel; expected one of {', '.join(sorted(LOWERINGS))}.{did_you_mean(operator.name, LOWERINGS)}"
                " Replace the layer that becomes it, or use the TFLM application"
            )
        steps += _lowered(site)
    return Program(graph, tuple(steps))


def _lowered(site: Site) -> tuple[Step, ...]:
    steps = LOWERINGS[site.operator.name](site)
    written = {index for step in steps for index in (step.writes if isinstance(step, Call) else _target(step))}
    left = [str(site.graph.tensors[index]) for index in site.operator.outputs if index not in written]
    site.expect(not left, f"its kernel doesn't write {', '.join(left[:2])}; expected {len(written)} outputs; convert the model again")
    return steps


def _target(step: Alias | Copy) -> tuple[int, ...]:
    return (step.index if isinstance(step, Alias) else step.target,)


__all__ = ["LOWERINGS", "UnsupportedOperator", "lower"]
