"""Rows there and back, in Python and in C."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emberflow.compiler.weights.codec import MOST_BITS, pack, unpack
from emberflow.compiler.weights.packed import Encoding
from tests.compiler.harness import FLAVOURS
from tests.compiler.weights.decoders import Decoder
from tests.compiler.weights.layers import layers

WAYS = [(Encoding.BITMAP, 0), *((way, bits) for way in (Encoding.TABLE, Encoding.BITMAP_TABLE) for bits in range(1, MOST_BITS + 1))]


def test_a_bitmap_by_hand():
    """Two rows of three weights: bits 101 and 000 at the top of a byte each, then the weights that aren't 0."""
    packed = pack(np.array([[5, 0, -7], [0, 0, 0]], np.int8), Encoding.BITMAP)

    assert [0b10100000, 0] == packed.masks.tolist()[:2]
    assert [5, -7] == packed.codes.tolist()


def test_a_table_by_hand():
    """Values -7, 5, 9 in order; the row 5 9 9 -7 5 has indices 1 2 2 0 1, two bits each, lowest bits first."""
    packed = pack(np.array([[5, 9, 9, -7, 5]], np.int8), Encoding.TABLE, 2)

    assert [-7, 5, 9, 0] == packed.tables.tolist()  # the fourth may be looked at behind the row's end
    assert [0b00_10_10_01, 0b01] == packed.codes.tolist()[:2]
    assert 3 == packed.entries


def test_a_bitmap_with_a_table_by_hand():
    """Weights that aren't 0 are 5 9 9: indices 0 1 1 of one bit."""
    packed = pack(np.array([[5, 0, 9, 0, 9]], np.int8), Encoding.BITMAP_TABLE, 1)

    assert [0b10101000] == packed.masks.tolist()[:1]
    assert [0b110] == packed.codes.tolist()
    assert [5, 9] == packed.tables.tolist()


def test_rows_with_other_values_have_other_tables():
    """And each says which; with one table nothing is said."""
    packed = pack(np.array([[1, 2, 1], [3, 4, 4], [2, 2, 2]], np.int8), Encoding.TABLE, 1)

    assert [1, 2, 3, 4] == packed.tables.tolist()
    assert [0, 1, 0] == packed.numbers.tolist()
    assert [] == pack(np.array([[1, 2, 1], [2, 2, 2]], np.int8), Encoding.TABLE, 1).numbers.tolist()


@pytest.mark.parametrize("encoding", [Encoding.TABLE, Encoding.BITMAP_TABLE])
def test_too_many_values_for_the_bits(encoding):
    """Three do not go into one bit."""
    assert None is pack(np.array([[1, 2, 3]], np.int8), encoding, 1)


def test_too_many_tables_for_a_byte():
    """A row's table is said in eight bits: 257 rows of pairs that have nothing in common are not packed."""
    rows = np.stack([np.array([value // 16, -1 - value % 16], np.int8) for value in range(256)])
    pairs = np.unique(rows, axis=0)

    assert pack(pairs, Encoding.TABLE, 1) is not None
    assert None is pack(np.concatenate([pairs, [[100, 101]]]).astype(np.int8), Encoding.TABLE, 1)


@settings(max_examples=60, deadline=None)
@given(layers(), st.integers(0, 10**6))
def test_rows_come_back_as_they_were(rows, seed):
    """Whatever they are, by every way that takes them: in Python, and in C as products with one input and with four."""
    count, depth = rows.shape
    inputs = np.random.default_rng(seed).integers(-128, 128, (4, depth)).astype(np.int8)
    products = rows.astype(np.int64) @ inputs.T.astype(np.int64)
    for packed in filter(None, (pack(rows, encoding, bits) for encoding, bits in WAYS)):
        assert rows.tolist() == unpack(packed, count).tolist()
        for flavour in FLAVOURS:
            decoder = Decoder(packed, count, flavour)
            assert products[:, 0].tolist() == decoder.dot(inputs[0]).tolist()
            assert (products + 5).tolist() == decoder.four(inputs).tolist()
