"""The rows of a layer with weights: packed where that saves flash, and what the layer's kernel call then takes. Lays out no plain rows."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emberflow.compiler.program import Constant, Field, Struct
from emberflow.compiler.site import Site
from emberflow.compiler.weights import SCRATCH_MULTIPLE, Encoding, Packed, Packing, Storage, store_rows
from emberflow.values import AnyArray, IntArray

_WORD_BITS = 32


class Use(StrEnum):
    """What a kernel has rows decoded to; the value begins the names of its decoders in `kernels/rows.h`."""

    MEMORY = "decode"
    PRODUCTS = "dot"


@dataclass(frozen=True, eq=False)
class Rows:
    """How the rows of a layer lie in flash.

    weights: the field of the kernel's parameters: the plain array, or 0 where rows are packed.
    packing: the argument behind the parameters; none where rows are plain.
    chosen: what is told of it.
    """

    weights: Field
    packing: tuple[Struct, ...]
    chosen: Packing

    def kernel(self, name: str) -> str:
        """The kernel `name`, a file or a function, in the form that reads these rows."""
        return f"{name}_rows" if self.packing else name


def place_rows(site: Site, rows: IntArray, plain: AnyArray, use: Use, times: int) -> Rows:
    """Rows packed, or plain where that is as good or asked for.

    Args:
        rows: weights (n, depth) in the range of int8.
        plain: the same as the plain kernel reads them.
        times: how often an inference goes through all rows.
    Raises: CompileError: packed rows don't come back as they were.
    """
    packed = store_rows(rows.astype(np.int8), plain.size) if site.storage is Storage.SMALLEST else None
    if packed is None:
        return Rows(site.constant("weights", plain), (), tell_plain(site, plain.size))
    chosen = Packing(str(site.operator), packed.encoding, plain.size, packed.stored_bytes, packed.table_bytes, times * rows.size)
    return Rows(0, (_packing(site, packed, use),), chosen)


def tell_plain(site: Site, size_bytes: int) -> Packing:
    """What is told of weights that lie as they are; also of those of depthwise kernels, which are too few to be packed."""
    return Packing(str(site.operator), Encoding.PLAIN, size_bytes, size_bytes)


def scratch_row_bytes(rows: Rows, depth: int) -> int:
    """Memory for one decoded row; none where rows are plain."""
    return -(-depth // SCRATCH_MULTIPLE) * SCRATCH_MULTIPLE if rows.packing else 0


def _packing(site: Site, packed: Packed, use: Use) -> Struct:
    fields: dict[str, Field] = {
        "next": {use.value: _decoder(packed, use)},
        "codes": _array(site, "codes", packed.codes),
        "masks": _array(site, "masks", packed.masks),
        "tables": _array(site, "tables", packed.tables),
        "numbers": _array(site, "numbers", packed.numbers),
        "depth": packed.depth,
        "bits": packed.bits,
        "in_word": _WORD_BITS // packed.bits if packed.encoding is Encoding.BITMAP_TABLE else 0,
        "entries": packed.entries,
    }
    return Struct(f"{site.name}_packing", "ef_packing", fields)


def _decoder(packed: Packed, use: Use) -> str:
    kind = {Encoding.TABLE: f"table_{packed.bits}", Encoding.BITMAP: "bitmap", Encoding.BITMAP_TABLE: "bitmap_table"}[packed.encoding]
    return f"ef_{use}_{kind}"


def _array(site: Site, role: str, values: AnyArray) -> Constant | int:
    return site.constant(role, values) if values.size else 0
