"""Moving numbers: from a view of what an operator reads to a view of what it writes. Computes nothing; chooses no memory."""

from collections.abc import Iterator

import numpy as np

from emberflow.compiler.lower.view import View, path_between
from emberflow.compiler.program import Argument, Call, Copy, Step
from emberflow.compiler.site import Site
from emberflow.graph import Tensor

MOVABLE = ("int8", "uint8", "bool", "int16", "int32", "float32")
"""Element types that C has; codes and numbers are moved alike."""


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


def fill(site: Site, begin: int, byte: int, size_bytes: int) -> Iterator[Step]:
    """`size_bytes` of the output, from `begin` on, that are `byte`; no call for none of them."""
    if size_bytes:
        yield Call(site.operator, "move", "ef_fill", (site.write(), begin, byte, size_bytes))


def movable(site: Site, position: int) -> Tensor:
    """What the operator reads at `position`, of the type that it writes. Raises: UnsupportedOperator: C has no such type, or they differ."""
    tensor = site.tensor(position)
    site.expect_dtype(tensor, *MOVABLE)
    site.expect_dtype(site.output, tensor.dtype)
    return tensor


def written(site: Site, position: int, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """What the operator writes at `position`. Raises: UnsupportedOperator: it has another type or shape."""
    tensor = site.graph.tensors[site.operator.outputs[position]]
    site.expect_dtype(tensor, dtype)
    expect_shape(site, tensor, shape)
    return tensor


def with_size(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    """`shape` with `size` along `axis`."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def expect_shape(site: Site, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raises: UnsupportedOperator: `tensor` has another one."""
    site.expect(tensor.shape == shape, f"{tensor} has shape {tensor.shape}; expected {shape}; convert the model again")


def expect_same_codes(site: Site, tensor: Tensor) -> None:
    """Raises: UnsupportedOperator: the codes of `tensor` don't mean what the output's mean; TFLM refuses these too, or copies them as they are."""
    if tensor.dtype not in ("int8", "uint8", "int16"):
        return
    ours, theirs = (site.scale(tensor), site.zero_point(tensor)), (site.scale(site.output), site.zero_point(site.output))
    site.expect(ours == theirs, f"{tensor} has scale and zero point {ours}, its output {theirs}; expected the same; convert the model again")
