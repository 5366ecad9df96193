"""Sparse tensors of a .tflite: the stored numbers and where they stand, to the whole tensor. Knows TensorFlow Lite's format; judges no zeros.

A tensor of D dimensions, some of them cut into blocks, is a tree of levels, one for each dimension and each dimension within a block, in
`traversal order`. A dense level has all its places; a sparse one (CSR) lists them: those below node p are indices[segments[p]:segments[p + 1]].
The stored numbers are the leaves, in order. Source: the TensorFlow Lite schema, SparsityParameters, after the TACO format (Kjolstad 2017).
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tflite

from emberflow.graph.source import Source
from emberflow.values import AnyArray, IntArray

MOST_SPARSE = 256  # as many times what is stored may be made of it: a small file of a stranger must not fill the memory
_VECTORS = {
    tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
    tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
    tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
}


@dataclass(frozen=True, eq=False)
class Level:
    """One level of the tree: `size` places below each node; or, of a sparse one, which, by `segments` and `indices`."""

    size: int
    segments: IntArray | None = None
    indices: IntArray | None = None


def densify(source: Source, sparsity: Any, stored: AnyArray, shape: tuple[int, ...]) -> AnyArray:
    """The whole tensor, shape `shape`, of the numbers `stored`; zero is what is not stored. Use it under `decoding`.

    Raises: ValueError: levels that don't go with the shape, places that are none, or numbers without a place.
    """
    if prod(shape) > MOST_SPARSE * stored.size:
        raise ValueError(f"{stored.size:,} numbers are stored of {prod(shape):,}; expected one of {MOST_SPARSE} at least")
    order = source.integers(sparsity, "TraversalOrder")
    blocked = source.integers(sparsity, "BlockMap")
    levels = [_read_level(source, table) for table in source.tables(sparsity, "DimMetadata", 8)]
    if sorted(order) != list(range(len(shape) + len(blocked))) or len(levels) != len(order) or not set(blocked) <= set(range(len(shape))):
        raise ValueError(f"levels {order} and blocks {blocked} don't go with shape {shape}")
    places = _walk(levels, stored.size, prod(shape))
    by_dimension = {dimension: places[level] for level, dimension in enumerate(order)}
    sizes = {dimension: levels[level].size for level, dimension in enumerate(order)}
    where = [by_dimension[dimension] for dimension in range(len(shape))]
    for block, dimension in enumerate(blocked, len(shape)):
        where[dimension] = where[dimension] * sizes[block] + by_dimension[block]
    if any(place.size and not 0 <= place.min() <= place.max() < size for place, size in zip(where, shape, strict=True)):
        raise ValueError(f"a place is outside shape {shape}")
    whole = np.zeros(shape, stored.dtype)
    whole[tuple(where)] = stored
    whole.setflags(write=False)
    return whole


def _read_level(source: Source, table: Any) -> Level:
    if table.Format() == tflite.DimensionType.DENSE:
        return Level(table.DenseSize())
    segments, indices = (_read_vector(source, table, f"Array{part}") for part in ("Segments", "Indices"))
    if not segments.size or segments[0] != 0 or (np.diff(segments) < 0).any() or segments[-1] != indices.size:
        raise ValueError(f"segments that don't rise from 0 to {indices.size}, the number of indices")
    return Level(0, segments, indices)


def _read_vector(source: Source, table: Any, field: str) -> IntArray:
    kind, union = getattr(table, f"{field}Type")(), getattr(table, field)()
    if kind not in _VECTORS or union is None:
        raise ValueError(f"{field} of kind {kind}; expected one of {sorted(_VECTORS)}")
    vector = _VECTORS[kind]()
    vector.Init(union.Bytes, union.Pos)
    return np.asarray(source.numbers(vector, "Values"), np.int64)


def _walk(levels: list[Level], leaves: int, elements: int) -> list[IntArray]:
    """For each level, where each leaf stands on it: shape (leaves,).

    Raises: ValueError: there are more nodes on some level than the tensor has elements, or another number of leaves.
    """
    nodes, places = np.zeros(1, np.int64), list[IntArray]()
    for level in levels:
        if level.segments is None or level.indices is None:
            if not 0 < level.size <= elements // max(1, nodes.size):
                raise ValueError(f"a dense level of {level.size} below {nodes.size} nodes; expected no more than {elements} in all")
            parents = np.repeat(np.arange(nodes.size), level.size)
            place = np.tile(np.arange(level.size), nodes.size)
            nodes = nodes[parents] * level.size + place
        else:
            if nodes.size and nodes.max() + 1 >= level.segments.size:
                raise ValueError(f"{level.segments.size - 1} segments; expected one for each of {nodes.max() + 1} nodes")
            starts, counts = level.segments[nodes], level.segments[nodes + 1] - level.segments[nodes]
            if counts.sum() > elements:
                raise ValueError(f"{counts.sum():,} places below {nodes.size} nodes; expected no more than {elements} in all")
            parents = np.repeat(np.arange(nodes.size), counts)
            nodes = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + starts[parents]
            place = level.indices[nodes]
        places = [*(above[parents] for above in places), place]
    if nodes.size != leaves or not np.array_equal(np.sort(nodes), np.arange(leaves)):
        raise ValueError(f"places for {nodes.size} numbers; expected {leaves}, as many as are stored")
    return places
