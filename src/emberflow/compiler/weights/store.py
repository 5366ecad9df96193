"""Which encoding the rows of a layer get: the one that is smallest in flash, proved by decoding. Compares bytes; refuses to know kernels.

Decoding costs instructions, so rows are packed only where it saves at least 5 % and 64 B of the layer.
"""

from collections.abc import Iterator

from emberflow.compiler.weights.codec import MOST_BITS, pack, unpack
from emberflow.compiler.weights.packed import Encoding, Packed
from emberflow.errors import CompileError
from emberflow.values import AnyArray

_LEAST_SAVED_BYTES = 64
_LEAST_SAVED_PART = 0.05


def store_rows(rows: AnyArray, plain_bytes: int) -> Packed | None:
    """The smallest of all encodings of `rows`, (n, depth) int8, that saves enough of `plain_bytes`; None where none does.

    Raises: CompileError: what was packed doesn't unpack to `rows`.
    """
    best = min(_candidates(rows), key=lambda packed: packed.stored_bytes)
    if best.stored_bytes > plain_bytes - max(_LEAST_SAVED_BYTES, _LEAST_SAVED_PART * plain_bytes):
        return None
    prove(best, rows)
    return best


def _candidates(rows: AnyArray) -> Iterator[Packed]:
    pairs = [(Encoding.BITMAP, 0), *((encoding, bits) for bits in range(1, MOST_BITS + 1) for encoding in (Encoding.TABLE, Encoding.BITMAP_TABLE))]
    for encoding, bits in pairs:
        packed = pack(rows, encoding, bits)
        if packed is not None:
            yield packed


def prove(packed: Packed, rows: AnyArray) -> None:
    """Raises: CompileError: `packed` doesn't unpack to `rows`."""
    differing = int((unpack(packed, len(rows)) != rows).sum())
    if differing:
        raise CompileError(
            f"weights packed as {packed.encoding} differ in {differing:,} of {rows.size:,} when unpacked; expected none;"
            " please report the model, and compile it with plain weights"
        )
