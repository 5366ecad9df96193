"""A slice such as x[:, 1:5] as layers of Keras 2: each axis is cropped between two reshapes. Knows indices; refuses steps, and the batch."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from emberflow.keras_bridge.which import Tensor, keras


def cut(operands: Sequence[Any], _: Mapping[str, Any], name: str) -> Tensor | None:
    """The part of a tensor that Python's index picks out, exactly; None where cropping can't: a step, a new axis, samples, an open size."""
    tensor, key = operands
    sizes = list(tensor.shape[1:])
    parts = _parts(list(key) if isinstance(key, list | tuple) else [key], len(sizes) + 1)
    if parts is None or None in sizes or parts[0] != slice(None):
        return None
    spans = [_span(part, size) for part, size in zip(parts[1:], sizes, strict=True)]
    if any(span is None for span in spans):
        return None
    for axis, (start, stop) in enumerate(span for span in spans if span):
        tensor = _crop(tensor, axis, start, stop, f"{name}_axis{axis + 1}")
    kept = [size for size, part in zip(tensor.shape[1:], parts[1:], strict=True) if isinstance(part, slice)]
    return keras().layers.Reshape(kept, name=name)(tensor)


def _parts(key: list[Any], rank: int) -> list[Any] | None:
    """One index or slice an axis; None where there is something else, or too much."""
    if Ellipsis in key:
        place = key.index(Ellipsis)
        key[place : place + 1] = [slice(None)] * (rank - len(key) + 1)
    key += [slice(None)] * (rank - len(key))
    plain = all(isinstance(part, slice | int) and not isinstance(part, bool) for part in key)
    return key if plain and len(key) == rank else None


def _span(part: slice | int, size: int) -> tuple[int, int] | None:
    """From where to where, at least one; None for a step, or nothing at all."""
    if isinstance(part, int):
        return (part % size, part % size + 1) if -size <= part < size else None
    start, stop, step = part.indices(size)
    return (start, stop) if step == 1 and start < stop else None


def _crop(tensor: Tensor, axis: int, start: int, stop: int, name: str) -> Tensor:
    sizes = list(tensor.shape[1:])
    if stop - start == sizes[axis]:
        return tensor
    layers, around = keras().layers, (math.prod(sizes[:axis]), sizes[axis], math.prod(sizes[axis + 1 :]))
    flat = layers.Reshape(around, name=f"{name}_flat")(tensor)  # (n, before, size, behind)
    cropped = layers.Cropping2D(((0, 0), (start, sizes[axis] - stop)), name=f"{name}_crop")(flat)
    return layers.Reshape([*sizes[:axis], stop - start, *sizes[axis + 1 :]], name=f"{name}_whole")(cropped)
