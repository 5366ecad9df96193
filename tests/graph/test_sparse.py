"""Sparse tensors become whole ones, by hand and as the converter writes them; levels that a stranger made up are refused."""

from contextlib import suppress
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.graph.source import MALFORMED, Source
from emberflow.graph.sparse import densify

DENSE, CSR = tflite.DimensionType.DENSE, tflite.DimensionType.SPARSE_CSR


def dense(size: int) -> dict[str, Any]:
    return {"Format": DENSE, "DenseSize": size}


def csr(segments: list[int], indices: list[int], kind: str = "Int32") -> dict[str, Any]:
    return {"Format": CSR, "segments": segments, "indices": indices, "kind": kind}


def write(order: list[int], blocked: list[int], levels: list[dict[str, Any]]) -> bytes:
    """A SparsityParameters table on its own."""
    builder = flatbuffers.Builder(256)

    def vector(numbers: list[int], width: int, prepend: str) -> int:
        builder.StartVector(width, len(numbers), width)
        for number in reversed(numbers):
            getattr(builder, prepend)(number)
        return builder.EndVector()

    def index_vector(numbers: list[int], kind: str) -> int:
        width, prepend = {"Int32": (4, "PrependInt32"), "Uint16": (2, "PrependUint16"), "Uint8": (1, "PrependUint8")}[kind]
        values = vector(numbers, width, prepend)
        getattr(tflite, f"{kind}VectorStart")(builder)
        getattr(tflite, f"{kind}VectorAddValues")(builder, values)
        return getattr(tflite, f"{kind}VectorEnd")(builder)

    def level(facts: dict[str, Any]) -> int:
        parts = {name: index_vector(facts[name], facts["kind"]) for name in ("segments", "indices") if name in facts}
        tflite.DimensionMetadataStart(builder)
        tflite.DimensionMetadataAddFormat(builder, facts["Format"])
        tflite.DimensionMetadataAddDenseSize(builder, facts.get("DenseSize", 0))
        for name, offset in parts.items():
            getattr(tflite, f"DimensionMetadataAddArray{name.title()}Type")(builder, getattr(tflite.SparseIndexVector, f"{facts['kind']}Vector"))
            getattr(tflite, f"DimensionMetadataAddArray{name.title()}")(builder, offset)
        return tflite.DimensionMetadataEnd(builder)

    tables = [level(each) for each in levels]
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    metadata = builder.EndVector()
    orders, blocks = vector(order, 4, "PrependInt32"), vector(blocked, 4, "PrependInt32")
    tflite.SparsityParametersStart(builder)
    tflite.SparsityParametersAddTraversalOrder(builder, orders)
    tflite.SparsityParametersAddBlockMap(builder, blocks)
    tflite.SparsityParametersAddDimMetadata(builder, metadata)
    builder.Finish(tflite.SparsityParametersEnd(builder))
    return bytes(builder.Output())


def whole(stored: list[float], shape: tuple[int, ...], *parts: Any) -> Any:
    data = write(*parts)
    return densify(Source(data), tflite.SparsityParameters.GetRootAs(data, 0), np.array(stored, np.float32), shape)


@pytest.mark.parametrize("kind", ["Int32", "Uint16", "Uint8"])
def test_rows_list_their_places(kind: str) -> None:
    """Three rows hold two, one and no number: segments 0, 2, 3, 3."""
    found = whole([1, 2, 3], (3, 4), [0, 1], [], [dense(3), csr([0, 2, 3, 3], [0, 2, 1], kind)])

    assert [[1, 0, 2, 0], [0, 3, 0, 0], [0, 0, 0, 0]] == found.tolist()
    assert not found.flags.writeable


def test_blocks_list_theirs() -> None:
    """Blocks of two columns: the first row has its second block, the second row its first."""
    found = whole([1, 2, 3, 4], (2, 4), [0, 1, 2], [1], [dense(2), csr([0, 1, 2], [1, 0]), dense(2)])

    assert [[0, 0, 1, 2], [3, 4, 0, 0]] == found.tolist()


def test_dimensions_may_be_walked_in_another_order() -> None:
    """Columns first: column 0 holds rows 0 and 1, column 2 row 1."""
    found = whole([1, 2, 3], (2, 3), [1, 0], [], [dense(3), csr([0, 2, 2, 3], [0, 1, 1])])

    assert [[1, 0, 0], [2, 0, 3]] == found.tolist()


def test_two_sparse_levels_follow_each_other() -> None:
    """Row 1 of three, and in it places 0 and 2."""
    assert [[0, 0, 0], [5, 0, 6], [0, 0, 0]] == whole([5, 6], (3, 3), [0, 1], [], [csr([0, 1], [1]), csr([0, 2], [0, 2])]).tolist()


@given(st.integers(1, 5), st.integers(1, 6), st.data())
@settings(max_examples=60, deadline=None)
def test_any_matrix_comes_back(rows: int, columns: int, data: st.DataObject) -> None:
    """Written by rows, as the converter does."""
    cells = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns).filter(any))
    matrix = np.where(np.array(cells).reshape(rows, columns), np.arange(1, rows * columns + 1).reshape(rows, columns), 0).astype(np.float32)
    segments = [0, *np.cumsum((matrix != 0).sum(axis=1)).tolist()]

    found = whole(matrix[matrix != 0].tolist(), (rows, columns), [0, 1], [], [dense(rows), csr(segments, np.nonzero(matrix)[1].tolist())])

    assert np.array_equal(matrix, found)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_damaged_bytes_are_read_or_refused(changes: list[tuple[int, int]]) -> None:
    """In the ways that `decoding` turns into a GraphError, and no other."""
    data = bytearray(write([0, 1, 2], [1], [dense(2), csr([0, 1, 2], [1, 0]), dense(2)]))
    for place, value in changes:
        data[place % len(data)] = value

    with suppress(*MALFORMED):
        found = densify(Source(bytes(data)), tflite.SparsityParameters.GetRootAs(bytes(data), 0), np.arange(4, dtype=np.float32), (2, 4))
        assert found.shape == (2, 4)


@pytest.mark.parametrize(
    ("stored", "shape", "parts", "said"),
    [
        ([1], (20, 20), ([0, 1], [], [dense(20), csr([0] * 20 + [1], [0])]), "1 numbers are stored of 400; expected one of 256 at least"),
        ([1, 2], (2, 2), ([0, 0], [], [dense(2), csr([0, 1, 2], [0, 1])]), r"levels \(0, 0\) and blocks \(\) don't go with shape \(2, 2\)"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2)]), "don't go with shape"),
        ([1, 2], (2, 2), ([0, 1, 2], [5], [dense(2), dense(1), dense(1)]), r"blocks \(5,\) don't go with shape"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([0, 1, 2], [0, 2])]), r"a place is outside shape \(2, 2\)"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([0, 1, 2], [0, -1])]), r"a place is outside shape \(2, 2\)"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([0, 2, 1], [0, 1])]), "segments that don't rise from 0 to 2, the number of indices"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([0, 1, 9], [0, 1])]), "segments that don't rise from 0 to 2"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([], [0, 1])]), "segments that don't rise from 0 to 2"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), csr([0, 2], [0, 1])]), "1 segments; expected one for each of 2 nodes"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2), {"Format": CSR}]), r"ArraySegments of kind 0; expected one of \[1, 2, 3\]"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(2**30), dense(2**30)]), "a dense level of 1073741824 below 1 nodes; expected no more than 4 in all"),
        ([1, 2], (2, 2), ([0, 1], [], [dense(0), dense(2)]), "a dense level of 0 below 1 nodes"),
        ([1, 2, 3], (2, 2), ([0, 1], [], [dense(2), csr([0, 1, 2], [0, 1])]), "places for 2 numbers; expected 3, as many as are stored"),
        ([1, 2], (1, 2), ([0, 1], [], [csr([0, 9], [0] * 9), dense(1)]), "9 places below 1 nodes; expected no more than 2 in all"),
    ],
)
def test_levels_that_can_t_be_are_refused(stored: list[float], shape: tuple[int, ...], parts: Any, said: str) -> None:
    """Before anything large is made of them."""
    with pytest.raises(ValueError, match=said):
        whole(stored, shape, *parts)
