"""Borders that a convolution makes itself: PAD in front of one goes, with its memory and its copy. Changes the graph; knows no kernel."""

from dataclasses import replace
from typing import Any

from emberflow.graph import Graph, Operator, Tensor

BORDER = "border"
"""The option of an operator that absorbed a PAD: places before and behind its input, ((top, bottom), (left, right))."""

_WITH_WINDOWS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_WIDEST = 255  # what the kernels' parameters hold (uint8_t)

Border = tuple[tuple[int, int], tuple[int, int]]


def absorb_pads(graph: Graph) -> Graph:
    """`graph` without a PAD whose readers are all convolutions of VALID padding: each reads what the PAD read, and has its border as an option.

    Outside of its image a convolution of codes reads the zero point, which is what PAD writes there: the same sums, from the same bytes.
    """
    found = {operator.index: border for operator in graph.operators if (border := _border(graph, operator))}
    pads = {operator.outputs[0]: operator for operator in graph.operators if operator.index in found}
    kept = (operator for operator in graph.operators if operator.index not in found)
    return replace(graph, operators=tuple(_with_border(each, pads, found) if _image(each) in pads else each for each in kept))


def border_of(options: dict[str, Any]) -> Border:
    """What an operator with these options has absorbed."""
    border: Border = options.get(BORDER, ((0, 0), (0, 0)))
    return border


def _image(operator: Operator) -> int | None:
    """The tensor that it slides a window over."""
    return operator.inputs[0] if operator.name in _WITH_WINDOWS and operator.inputs else None


def _with_border(operator: Operator, pads: dict[int, Operator], borders: dict[int, Border]) -> Operator:
    pad = pads[operator.inputs[0]]
    return replace(operator, inputs=(pad.inputs[0], *operator.inputs[1:]), options=operator.options | {BORDER: borders[pad.index]})


def _border(graph: Graph, operator: Operator) -> Border | None:
    """The border that `operator` puts around an image, where all who read it can make it themselves."""
    if operator.name != "PAD" or len(operator.inputs) != 2 or len(operator.outputs) != 1 or operator.outputs[0] in graph.outputs:
        return None
    source, target, paddings = graph.operand(operator, 0), graph.result(operator), graph.operand(operator, 1).data
    if not _is_read_by_windows(graph, target) or _grid(source) is None or _grid(source) != _grid(target):
        return None
    if paddings is None or paddings.dtype.kind != "i" or paddings.shape != (4, 2) or not 0 <= paddings.min() <= paddings.max() <= _WIDEST:
        return None
    batch, rows, columns, channels = ((int(before), int(behind)) for before, behind in paddings)
    padded = tuple(size + int(more) for size, more in zip(source.shape, paddings.sum(axis=1), strict=False))
    return (rows, columns) if batch == channels == (0, 0) and len(source.shape) == 4 and padded == target.shape else None


def _is_read_by_windows(graph: Graph, tensor: Tensor) -> bool:
    """Whether all who read it, of whom there is one at least, slide a window over it that stays inside."""
    readers = graph.readers.get(tensor.index, ())
    is_image = (_image(each) == tensor.index and each.inputs.count(tensor.index) == 1 and each.options.get("padding") == "VALID" for each in readers)
    return bool(readers) and all(is_image)


def _grid(tensor: Tensor) -> tuple[float, int] | None:
    """Scale and zero point of int8 codes that are computed; None of any other tensor, and of codes with several scales."""
    if tensor.dtype != "int8" or tensor.data is not None or tensor.quantization is None or tensor.quantization.per_channel:
        return None
    return float(tensor.quantization.scales[0]), int(tensor.quantization.zero_points[0])
