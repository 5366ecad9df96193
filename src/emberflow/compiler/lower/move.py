"""Operators that only move numbers: each is a view of what it reads and a view of what it writes. Computes nothing; chooses no memory."""

from collections.abc import Iterator

import numpy as np

from emberflow.compiler.lower.view import View, path_between, view_of
from emberflow.compiler.program import Argument, Call, Copy, Step
from emberflow.compiler.site import Site
from emberflow.graph import Tensor

MOVABLE = ("int8", "uint8", "bool", "int16", "int32", "float32")
"""Element types that C has; codes and numbers are moved alike."""


def lower_concatenation(site: Site) -> tuple[Step, ...]:
    """CONCATENATION along any axis; along the first one that isn't 1 the inputs become parts of the output's memory."""
    site.expect(site.options.get("activation", "NONE") == "NONE", f"a fused {site.options.get('activation')} isn't compiled; expected NONE")
    axis, steps, begin = site.axis(site.options.get("axis", 0), len(site.output.shape)), list[Step](), 0
    for position in range(len(site.operator.inputs)):
        part = movable(site, position)
        expect_same_codes(site, part)
        expect_shape(site, part, _with_size(site.output.shape, axis, part.shape[axis] if len(part.shape) > axis else 0))
        steps.append(move(site, position, view_of(part), view_of(site.output).cut(axis, begin, part.shape[axis])))
        begin += part.shape[axis]
    site.expect(begin == site.output.shape[axis], f"its inputs have {begin} places along axis {axis}, its output {site.output.shape[axis]}")
    return tuple(steps)


def lower_pad(site: Site) -> tuple[Step, ...]:
    """PAD with the code that stands for 0, and PADV2 with a constant: a fill, then the input into the middle."""
    source, target = movable(site, 0), view_of(site.output)
    numbers = site.numbers(1, "paddings")
    before, after = numbers[0::2], numbers[1::2]
    site.expect(len(numbers) == 2 * len(source.shape) and min(numbers) >= 0, f"its paddings are {numbers}; expected two from 0 on for each axis")
    expect_shape(site, site.output, tuple(b + size + a for b, size, a in zip(before, source.shape, after, strict=True)))
    for axis, (begin, size) in enumerate(zip(before, source.shape, strict=True)):
        target = target.cut(axis, begin, size)
    moved = move(site, 0, view_of(source), target)
    return (*_fills(site, moved, _pad_byte(site)), moved)


def _fills(site: Site, moved: Step, byte: int) -> Iterator[Step]:
    """Around a single run; else everywhere, before the rest is moved."""
    size_bytes = site.output.size_bytes
    begin, end = (moved.target_offset, moved.target_offset + moved.size_bytes) if isinstance(moved, Copy) else (size_bytes, size_bytes)
    yield from _fill(site, 0, byte, begin)
    yield from _fill(site, end, byte, size_bytes - end)


def _fill(site: Site, begin: int, byte: int, size_bytes: int) -> Iterator[Step]:
    if size_bytes:
        yield Call(site.operator, "move", "ef_fill", (site.write(), begin, byte, size_bytes))


def _pad_byte(site: Site) -> int:
    """The byte of which the border is made."""
    value = site.optional(2)
    if value is None:
        return site.zero_point(site.output) if site.output.dtype in ("int8", "uint8") else 0
    site.expect(value.data is not None and value.elements == 1, f"it pads with {value}, which is computed or no single number")
    found = set(value.values.tobytes())
    site.expect(len(found) == 1, f"it pads with {value.values.item()}; expected a number whose bytes are all the same, such as 0")
    return found.pop()


def move(site: Site, position: int, source: View, target: View, written: int = 0) -> Step:
    """The elements of `source`, a view of what the operator reads at `position`, to `target`, a view of what it writes at `written`."""
    tensor, output = site.tensor(position), site.write(written).index
    path = path_between(source, target)
    if path.axes:
        site.expect(len(path.axes) <= 8, f"it moves along {len(path.axes)} axes at once; expected at most 8")
        fields = {"from": source.offset, "to": target.offset, "run": path.run, "count": len(path.axes)}
        axes = site.constant(f"axes_{position}_{written}", np.array(path.axes, np.int32))
        parameters = site.struct("ef_moves", f"moves_{position}_{written}", axes=axes, **fields)
        return Call(site.operator, "move", "ef_move", (parameters, site.read(position), site.write(written)))
    if tensor.data is None:
        return Copy(site.operator, tensor.index, output, source.offset, target.offset, path.run)
    arguments: tuple[Argument, ...] = (site.read(position), source.offset, site.write(written), target.offset, path.run)
    return Call(site.operator, "move", "ef_copy", arguments)


def movable(site: Site, position: int) -> Tensor:
    """What the operator reads at `position`, of the type that it writes. Raises: UnsupportedOperator: C has no such type, or they differ."""
    tensor = site.tensor(position)
    site.expect_dtype(tensor, *MOVABLE)
    site.expect_dtype(site.output, tensor.dtype)
    return tensor


def expect_shape(site: Site, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raises: UnsupportedOperator: `tensor` has another one."""
    site.expect(tensor.shape == shape, f"{tensor} has shape {tensor.shape}; expected {shape}; convert the model again")


def expect_same_codes(site: Site, tensor: Tensor) -> None:
    """Raises: UnsupportedOperator: the codes of `tensor` don't mean what the output's mean; TFLM refuses these too, or copies them as they are."""
    if tensor.dtype not in ("int8", "uint8", "int16"):
        return
    ours, theirs = (site.scale(tensor), site.zero_point(tensor)), (site.scale(site.output), site.zero_point(site.output))
    site.expect(ours == theirs, f"{tensor} has scale and zero point {ours}, its output {theirs}; expected the same; convert the model again")


def _with_size(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])
