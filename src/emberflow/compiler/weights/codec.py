"""Rows of int8 packed and unpacked, each encoding both ways. Bits and bytes; refuses to know which is best.

What `pack` writes, `kernels/rows.h` reads; `unpack` says in Python what that C must give.
"""

from collections.abc import Callable

import numpy as np

from emberflow.compiler.weights.packed import Encoding, Packed
from emberflow.compiler.weights.table import Tables, share_tables
from emberflow.values import AnyArray, IntArray

MOST_BITS = 6
"""Of an index: with 64 values, a table saves at most a quarter."""

_WORD_BITS = 32
_GROUP = 8  # weights that the decoder of tables takes at once
_NONE = np.empty(0, np.uint8)


def pack(rows: AnyArray, encoding: Encoding, bits: int = 0) -> Packed | None:
    """`rows` packed, or None where they don't go into tables of `bits` bits.

    Args:
        rows: (n, depth) int8, n and depth > 0.
        encoding: any but PLAIN.
        bits: of an index, 1 to MOST_BITS; says nothing for BITMAP.
    """
    return _PACKERS[encoding](rows, bits)


def unpack(packed: Packed, count: int) -> AnyArray:
    """The `count` rows that were packed, (count, depth) int8."""
    return _UNPACKERS[packed.encoding](packed, count)


def _pack_bitmap(rows: AnyArray, bits: int) -> Packed:
    return Packed(Encoding.BITMAP, rows.shape[1], rows[rows != 0], _masks(rows), _NONE, _NONE)


def _unpack_bitmap(packed: Packed, count: int) -> AnyArray:
    rows = np.zeros((count, packed.depth), np.int8)
    rows[_are_set(packed, count)] = packed.codes
    return rows


def _pack_table(rows: AnyArray, bits: int) -> Packed | None:
    tables = _tables([frozenset(row.tolist()) for row in rows], bits)
    if tables is None:
        return None
    indices = np.stack([_indices(row, tables, at) for at, row in enumerate(rows)])
    stream = np.packbits(_as_bits(indices, bits).reshape(len(rows), -1), axis=1, bitorder="little").reshape(-1)
    codes = np.pad(stream, (0, _read_beyond(rows.shape[1], bits)))
    return Packed(Encoding.TABLE, rows.shape[1], codes, _NONE, _flat(tables, bits), _numbers(tables), bits, tables.entries)


def _unpack_table(packed: Packed, count: int) -> AnyArray:
    row_bytes = -(-packed.depth * packed.bits // 8)
    stream = packed.codes[: count * row_bytes].reshape(count, row_bytes)
    taken = np.unpackbits(stream, axis=1, bitorder="little")[:, : packed.depth * packed.bits]
    return _look_up(packed, _from_bits(taken.reshape(count, packed.depth, packed.bits)), np.arange(count)[:, None])


def _pack_bitmap_table(rows: AnyArray, bits: int) -> Packed | None:
    tables = _tables([frozenset(row[row != 0].tolist()) for row in rows], bits)
    if tables is None:
        return None
    indices = np.concatenate([_indices(row[row != 0], tables, at) for at, row in enumerate(rows)])
    words = np.pad(indices, (0, -len(indices) % (_WORD_BITS // bits))).reshape(-1, _WORD_BITS // bits)
    codes = (words.astype(np.uint32) << (bits * np.arange(words.shape[1], dtype=np.uint32))).sum(axis=1, dtype=np.uint32)
    return Packed(Encoding.BITMAP_TABLE, rows.shape[1], codes, _masks(rows), _flat(tables, bits), _numbers(tables), bits, tables.entries)


def _unpack_bitmap_table(packed: Packed, count: int) -> AnyArray:
    places = _are_set(packed, count)
    shifts = packed.bits * np.arange(_WORD_BITS // packed.bits, dtype=np.uint32)
    indices = (packed.codes[:, None] >> shifts).reshape(-1)[: places.sum()] & ((1 << packed.bits) - 1)
    rows = np.zeros((count, packed.depth), np.int8)
    rows[places] = _look_up(packed, indices.astype(np.int64), np.nonzero(places)[0])
    return rows


_PACKERS: dict[Encoding, Callable[[AnyArray, int], Packed | None]] = {
    Encoding.TABLE: _pack_table,
    Encoding.BITMAP: _pack_bitmap,
    Encoding.BITMAP_TABLE: _pack_bitmap_table,
}
_UNPACKERS: dict[Encoding, Callable[[Packed, int], AnyArray]] = {
    Encoding.TABLE: _unpack_table,
    Encoding.BITMAP: _unpack_bitmap,
    Encoding.BITMAP_TABLE: _unpack_bitmap_table,
}


def _masks(rows: AnyArray) -> AnyArray:
    """Set bits where weights aren't 0; three bytes behind, because the decoder reads words."""
    return np.pad(np.packbits(rows != 0, axis=1).reshape(-1), (0, 3))


def _are_set(packed: Packed, count: int) -> AnyArray:
    row_bytes = -(-packed.depth // 8)
    return np.unpackbits(packed.masks[: count * row_bytes].reshape(count, row_bytes), axis=1)[:, : packed.depth].astype(bool)


def _tables(rows: list[frozenset[int]], bits: int) -> Tables | None:
    return share_tables(rows, 1 << bits)


def _indices(row: AnyArray, tables: Tables, at: int) -> IntArray:
    return np.searchsorted(tables.tables[tables.numbers[at]], row)


def _flat(tables: Tables, bits: int) -> AnyArray:
    """All tables, each filled up to the largest, and zeros so that `1 << bits` values can be read from the last one's begin."""
    filled = [table + (0,) * (tables.entries - len(table)) for table in tables.tables]
    return np.pad(np.array(filled, np.int8).reshape(-1), (0, (1 << bits) - tables.entries))


def _numbers(tables: Tables) -> AnyArray:
    return np.array(tables.numbers, np.uint8) if len(tables.tables) > 1 else _NONE


def _look_up(packed: Packed, indices: IntArray, row: IntArray) -> AnyArray:
    number = packed.numbers.astype(np.int64)[row] if packed.numbers.size else 0
    return packed.tables[number * packed.entries + indices]


def _as_bits(indices: IntArray, bits: int) -> AnyArray:
    return (indices[..., None] >> np.arange(bits) & 1).astype(np.uint8)


def _from_bits(taken: AnyArray) -> IntArray:
    indices: IntArray = (taken.astype(np.int64) << np.arange(taken.shape[-1])).sum(axis=-1)
    return indices


def _read_beyond(depth: int, bits: int) -> int:
    """Bytes behind the last row that its decoder touches: it takes eight weights at once, from words of 4 bytes.

    The first four lie in the word at the group's begin, the others in the same word, or with more than 4 bits in the one at `bits / 2`.
    """
    group_reads = 4 if bits <= 4 else bits // 2 + 4
    whole = (depth - 1) // _GROUP
    return max(whole * bits + group_reads - -(-depth * bits // 8), 0)
