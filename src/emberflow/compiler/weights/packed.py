"""What packed rows consist of, and what is told of them. Values and sums of bytes; refuses to know how they are made."""

from dataclasses import dataclass
from enum import StrEnum

from emberflow.values import AnyArray

PARAMETER_BYTES = 24
"""`ef_packing` in flash on a 32-bit chip: five addresses, a size and a byte."""

_ALIGNMENT = 4


class Encoding(StrEnum):
    """How the rows of a layer lie in flash."""

    PLAIN = "plain"
    TABLE = "table"
    BITMAP = "bitmap"
    BITMAP_TABLE = "bitmap-table"


class Storage(StrEnum):
    """What the compiler may do with weights: pick the smallest encoding of each layer, or leave all as they are."""

    SMALLEST = "smallest"
    PLAIN = "plain"


@dataclass(frozen=True, eq=False)
class Packed:
    """The rows of one layer, packed; what `kernels/rows.h` reads.

    depth: weights in a row.
    codes: TABLE: `bits` a weight, lowest bits first, each row from a whole byte on (uint8); BITMAP: the weights that aren't 0 (int8);
        BITMAP_TABLE: indices of the weights that aren't 0, `32 // bits` a word, lowest bits first (uint32).
    masks: a bit a weight, highest first, set where it isn't 0; each row from a whole byte on (uint8). Empty for TABLE.
    tables: `entries` values each (int8), and zeros behind the last so that any index of `bits` bits may be read. Empty for BITMAP.
    numbers: which table each row has (uint8); empty where all have the first.
    """

    encoding: Encoding
    depth: int
    codes: AnyArray
    masks: AnyArray
    tables: AnyArray
    numbers: AnyArray
    bits: int = 0
    entries: int = 0

    @property
    def table_bytes(self) -> int:
        """Tables, and which row has which."""
        return _bytes_of(self.tables) + _bytes_of(self.numbers)

    @property
    def stored_bytes(self) -> int:
        """All that lies in flash for it: arrays, each from a multiple of 4 on, and the decoder's parameters."""
        return _bytes_of(self.codes) + _bytes_of(self.masks) + self.table_bytes + PARAMETER_BYTES


def _bytes_of(values: AnyArray) -> int:
    return -(-values.nbytes // _ALIGNMENT) * _ALIGNMENT


@dataclass(frozen=True)
class Packing:
    """What was chosen for the weights of one layer.

    layer: the operator and its place, such as `operator 3 CONV_2D`.
    plain_bytes, stored_bytes: in flash as they are, and as chosen (with tables and parameters).
    table_bytes: the part of `stored_bytes` that is tables and which row has which.
    instructions: about how many more a Cortex-M4 executes in one inference than with plain rows; below 0, fewer. A layer's measured figure
        is the difference of two builds, with and without `Storage.PLAIN`.
    """

    layer: str
    encoding: Encoding
    plain_bytes: int
    stored_bytes: int
    table_bytes: int = 0
    instructions: int = 0

    def __str__(self) -> str:
        if self.encoding is Encoding.PLAIN:
            return f"{self.layer}: weights plain, {self.stored_bytes:,} B"
        change = f"{self.stored_bytes:,} B instead of {self.plain_bytes:,} B, about {self.instructions:+,} instructions"
        return f"{self.layer}: weights {self.encoding}, {change}"
