"""Where the elements of a tensor lie when it is cut, turned, split or repeated. Steps in bytes; refuses to know operators."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from emberflow.graph import Tensor


@dataclass(frozen=True)
class View:
    """Elements of a tensor in an order of one's own: element (i, j ...) lies at byte `offset + i * steps[0] + j * steps[1] ...`.

    shape: sizes, none of them 0.
    itemsize: bytes of an element.
    """

    shape: tuple[int, ...]
    steps: tuple[int, ...]
    offset: int
    itemsize: int

    def cut(self, axis: int, begin: int, count: int, stride: int = 1) -> "View":
        """`count` elements along `axis`, from `begin` on, every `stride`th; a negative stride goes backwards."""
        return replace(
            self,
            shape=_put(self.shape, axis, count),
            steps=_put(self.steps, axis, self.steps[axis] * stride),
            offset=self.offset + begin * self.steps[axis],
        )

    def turn(self, order: tuple[int, ...]) -> "View":
        """Axis `order[i]` becomes axis i."""
        return replace(self, shape=tuple(self.shape[axis] for axis in order), steps=tuple(self.steps[axis] for axis in order))

    def split(self, axis: int, inner: int) -> "View":
        """`axis` becomes two, the second of size `inner`, which divides it."""
        return replace(
            self,
            shape=(*self.shape[:axis], self.shape[axis] // inner, inner, *self.shape[axis + 1 :]),
            steps=(*self.steps[:axis], self.steps[axis] * inner, self.steps[axis], *self.steps[axis + 1 :]),
        )

    def stretch(self, shape: tuple[int, ...]) -> "View":
        """Axes of size 1 become as long as in `shape`; nothing changes along them."""
        return replace(self, shape=shape, steps=tuple(0 if size == 1 else step for size, step in zip(self.shape, self.steps, strict=True)))


def view_of(tensor: Tensor, shape: tuple[int, ...] | None = None) -> View:
    """All elements of `tensor`, seen in `shape` (its own if None)."""
    sizes = tensor.shape if shape is None else shape
    itemsize = np.dtype(tensor.dtype).itemsize
    return View(sizes, tuple(itemsize * prod(sizes[axis + 1 :]) for axis in range(len(sizes))), 0, itemsize)


@dataclass(frozen=True)
class Path:
    """How to walk two views at once, in as few axes and as long runs as can be.

    axes: (count, step of the source, step of the target), outermost first.
    run: bytes that lie side by side in both.
    """

    axes: tuple[tuple[int, int, int], ...]
    run: int


def path_between(source: View, target: View) -> Path:
    """The way through two views of one shape: axes of size 1 dropped, neighbours merged, the target walked in order."""
    triples = zip(source.shape, source.steps, target.steps, strict=True)
    axes = sorted((axis for axis in triples if axis[0] != 1), key=lambda axis: -abs(axis[2]))
    merged = merge(axes)
    if merged and merged[-1][1:] == (target.itemsize, target.itemsize):
        return Path(tuple(merged[:-1]), merged[-1][0] * target.itemsize)
    return Path(tuple(merged), target.itemsize)


def merge(axes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """`axes` with each pair made one that a single loop walks: a step of the outer is a full walk of the inner."""
    merged: list[tuple[int, int, int]] = []
    for count, *steps in axes:
        if merged and merged[-1][1:] == tuple(count * step for step in steps):
            merged[-1] = (merged[-1][0] * count, steps[0], steps[1])
        else:
            merged.append((count, steps[0], steps[1]))
    return merged


def _put(values: tuple[int, ...], axis: int, value: int) -> tuple[int, ...]:
    return (*values[:axis], value, *values[axis + 1 :])
