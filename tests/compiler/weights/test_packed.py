"""What packed rows weigh, and what is said of them."""

import numpy as np

from emberflow.compiler.weights.codec import pack
from emberflow.compiler.weights.packed import PARAMETER_BYTES, Encoding, Packing


def test_every_byte_counts():
    """64 rows of 64 weights, two tables of two values: 64 * 8 B of codes and 3 behind, 4 B of tables, 64 B that say which, parameters."""
    rows = np.where(np.arange(64 * 64).reshape(64, 64) % 3, 1, 2).astype(np.int8)
    rows[7] += 50

    packed = pack(rows, Encoding.TABLE, 1)
    assert 4 + 64 == packed.table_bytes
    assert 64 * 8 + 4 + packed.table_bytes + PARAMETER_BYTES == packed.stored_bytes


def test_a_choice_is_told_in_one_line():
    """Which layer, what, and the bytes before and after, and what it costs."""
    packing = Packing("operator 3 CONV_2D", Encoding.BITMAP, 36_864, 15_707, 0, -4_000)

    assert "operator 3 CONV_2D: weights bitmap, 15,707 B instead of 36,864 B, about -4,000 instructions" == str(packing)
    assert "operator 3 CONV_2D: weights plain, 64 B" == str(Packing("operator 3 CONV_2D", Encoding.PLAIN, 64, 64))
