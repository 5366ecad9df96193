"""Arrays looked at through a function, a piece at a time: what is a map of a file stays in the file. Knows numpy; keeps nothing of what it read."""

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.values import AnyArray, Arrays, IntArray

PIECE_BYTES = 16 * 1024**2
"""Of a piece, with four bytes a number."""
PIECE_SAMPLES = 4096


def _as_it_is(x: AnyArray) -> AnyArray:
    return x


class View:
    """`array`, or its samples at `places`, through `change`, which takes samples (n, ...) and gives as many of the same shape.

    A slice or an array of positions gives an array; nothing is read or changed before.
    """

    def __init__(self, array: AnyArray, change: Callable[[AnyArray], AnyArray] = _as_it_is, places: IntArray | None = None) -> None:
        self._array, self._change, self._places = array, change, places

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, wanted: slice | AnyArray) -> AnyArray:
        return self._change(self._array[wanted if self._places is None else self._places[wanted]])

    def __iter__(self) -> Iterator[AnyArray]:
        for piece in pieces(self):
            yield from piece

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> AnyArray:
        return np.asarray(self[:], dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""
        return self._array.shape if self._places is None else (len(self._places), *self._array.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of what the function gives."""
        return self[:1].dtype

    def then(self, change: Callable[[AnyArray], AnyArray]) -> "View":
        """Through one more function."""
        before = self._change
        return View(self._array, lambda x: change(before(x)), self._places)

    def take(self, places: IntArray) -> "View":
        """Of the samples at `places` alone."""
        return View(self._array, self._change, places if self._places is None else self._places[places])


Rows = AnyArray | View
"""Samples (n, ...): an array, a map of a file, or a view."""
Inputs = tuple[Rows, ...]
"""One for each input of a model, in the graph's order."""


def view(x: Rows) -> View:
    """`x` as a view."""
    return x if isinstance(x, View) else View(x)


def piece_samples(x: Rows, most: int) -> int:
    """How many samples of `x` are a piece: at most `most`, and no more than `PIECE_BYTES` of them, but one at least."""
    return max(1, min(most, PIECE_BYTES // (4 * max(1, prod(x.shape[1:])))))


def pieces(x: Rows, most: int = PIECE_SAMPLES) -> Iterator[AnyArray]:
    """The samples of `x` in their order, `piece_samples` at a time."""
    count = piece_samples(x, most)
    for start in range(0, len(x), count):
        yield x[start : start + count]


def pieces_of_all(inputs: Inputs, most: int = PIECE_SAMPLES) -> Iterator[Arrays]:
    """As `pieces`, of several that belong together: so many of each as there may be of the largest."""
    widest = max(inputs, key=lambda x: prod(x.shape[1:]))
    start = 0
    for piece in pieces(widest, most):
        yield tuple(piece if x is widest else x[start : start + len(piece)] for x in inputs)
        start += len(piece)


def write(x: Rows, path: Path) -> None:
    """Write `x` to `path` as numpy.save does, in C order, a piece at a time."""
    with path.open("wb") as file:
        described = {"descr": np.lib.format.dtype_to_descr(x.dtype), "fortran_order": False, "shape": x.shape}
        np.lib.format.write_array_header_1_0(file, described)
        for piece in pieces(x):
            file.write(np.ascontiguousarray(piece).data)
