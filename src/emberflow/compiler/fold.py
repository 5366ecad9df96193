"""What is known before a model runs: shapes, arithmetic on them, and operators that nobody reads. Leaves alone what it can't compute.

With an open batch Keras computes shapes while the model runs (SHAPE, STRIDED_SLICE, PACK, and a RESHAPE that reads the result). Here the
batch is 1, so all of that is constant.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emberflow.graph import Graph, Operator, Tensor
from emberflow.graph.values import ABSENT
from emberflow.values import AnyArray

_LONGEST = 256
"""Elements of a constant that may be part of a shape; longer ones are weights."""

_MISFITS = (IndexError, ValueError, TypeError, OverflowError, ZeroDivisionError, KeyError)
"""What NumPy raises on operands that don't fit together, as a damaged file may hold."""

Arrays = Sequence[AnyArray]
Rule = Callable[[dict[str, Any], Arrays], AnyArray]


def fold(graph: Graph) -> Graph:
    """`graph` with tensors constant that can be computed now, and without operators whose results nobody reads."""
    tensors = list(graph.tensors)
    for operator in graph.operators:
        value = _value(operator, tensors)
        if value is not None:
            tensors[operator.outputs[0]] = replace(tensors[operator.outputs[0]], data=value)
    return replace(graph, tensors=tuple(tensors), operators=_read_by_someone(graph, tensors))


def _read_by_someone(graph: Graph, tensors: Sequence[Tensor]) -> tuple[Operator, ...]:
    wanted, kept = set(graph.outputs), list[Operator]()
    for operator in reversed(graph.operators):
        if any(index in wanted and tensors[index].data is None for index in operator.outputs):
            wanted.update(operator.inputs)
            kept.append(operator)
    return tuple(reversed(kept))


def _value(operator: Operator, tensors: Sequence[Tensor]) -> AnyArray | None:
    """What `operator` writes, as far as it is known, of the type and shape that the file says."""
    if len(operator.outputs) != 1 or ABSENT in operator.inputs or operator.name not in {"SHAPE", *RULES}:
        return None
    operands, output = [tensors[index] for index in operator.inputs], tensors[operator.outputs[0]]
    try:
        value = _shape(operands[0]) if operator.name == "SHAPE" else _computed(operator, operands)
    except _MISFITS:
        return None
    return value.astype(output.dtype) if value is not None and value.shape == output.shape else None


def _shape(tensor: Tensor) -> AnyArray | None:
    """The sizes of `tensor`, if only the batch was open at conversion."""
    return None if -1 in tensor.signature[1:] else np.array(tensor.shape, np.int64)


def _computed(operator: Operator, operands: Sequence[Tensor]) -> AnyArray | None:
    if any(tensor.data is None or tensor.elements > _LONGEST or tensor.dtype not in ("int32", "int64") for tensor in operands):
        return None
    return RULES[operator.name](operator.options, [tensor.values.astype(np.int64) for tensor in operands])


def _strided_slice(options: dict[str, Any], operands: Arrays) -> AnyArray:
    value, *numbers = operands
    masks = [int(options.get(name, 0)) for name in ("begin_mask", "end_mask", "shrink_axis_mask", "new_axis_mask", "ellipsis_mask")]
    if any(masks[3:]) or options.get("offset"):
        raise ValueError("new axes and ellipses")
    taken = [
        int(begin) if masks[2] >> axis & 1 else slice(None if masks[0] >> axis & 1 else begin, None if masks[1] >> axis & 1 else end, stride)
        for axis, (begin, end, stride) in enumerate(zip(*(each.tolist() for each in numbers), strict=True))
    ]
    return np.asarray(value[tuple(taken)])


def _slice(options: dict[str, Any], operands: Arrays) -> AnyArray:
    del options
    value, begins, sizes = operands
    return value[tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begins.tolist(), sizes.tolist(), strict=True))]


def _gather(options: dict[str, Any], operands: Arrays) -> AnyArray:
    if options.get("batch_dims", 0):
        raise ValueError("batch_dims")
    values, places = operands
    return np.asarray(np.take(values, places, axis=int(options.get("axis", 0))))


def _reshape(options: dict[str, Any], operands: Arrays) -> AnyArray:
    return operands[0].reshape(operands[1].tolist() if len(operands) > 1 else options["new_shape"])


def _expand_dims(options: dict[str, Any], operands: Arrays) -> AnyArray:
    del options
    return np.expand_dims(operands[0], int(operands[1].item()))


def _reduce_prod(options: dict[str, Any], operands: Arrays) -> AnyArray:
    return np.asarray(np.prod(operands[0], axis=tuple(operands[1].reshape(-1).tolist()), keepdims=bool(options.get("keep_dims", False))))


def _floor_div(options: dict[str, Any], operands: Arrays) -> AnyArray:
    del options
    return np.asarray(operands[0] // _without_zeros(operands[1]))


def _floor_mod(options: dict[str, Any], operands: Arrays) -> AnyArray:
    del options
    return np.asarray(operands[0] % _without_zeros(operands[1]))


def _without_zeros(divisors: AnyArray) -> AnyArray:
    if not divisors.all():
        raise ZeroDivisionError
    return divisors


def _pairwise(function: Callable[[AnyArray, AnyArray], AnyArray]) -> Rule:
    """A rule for two integers at a time; a fused activation is left to the kernels."""

    def rule(options: dict[str, Any], operands: Arrays) -> AnyArray:
        if options.get("activation", "NONE") != "NONE":
            raise ValueError("a fused activation")
        with np.errstate(over="ignore"):  # as int64 on a chip: it wraps
            return np.asarray(function(*operands))

    return rule


RULES: dict[str, Rule] = {
    "ADD": _pairwise(np.add),
    "CAST": lambda _, operands: operands[0],
    "CONCATENATION": lambda options, operands: np.concatenate(operands, axis=options.get("axis", 0)),
    "EXPAND_DIMS": _expand_dims,
    "FLOOR_DIV": _floor_div,
    "FLOOR_MOD": _floor_mod,
    "GATHER": _gather,
    "MAXIMUM": _pairwise(np.maximum),
    "MINIMUM": _pairwise(np.minimum),
    "MUL": _pairwise(np.multiply),
    "PACK": lambda options, operands: np.stack(operands, axis=options.get("axis", 0)),
    "REDUCE_PROD": _reduce_prod,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SQUEEZE": lambda options, operands: np.squeeze(operands[0], axis=options.get("squeeze_dims") or None),
    "STRIDED_SLICE": _strided_slice,
    "SUB": _pairwise(np.subtract),
}
"""What is computed of constant integers, by the operator's name."""
