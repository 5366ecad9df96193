"""The rows of a layer with weights: packed where that saves flash, and what the layer's kernel call then takes. Lays out no plain rows."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emberflow.compiler.program import Constant, Field, Struct
from emberflow.compiler.site import Site
from emberflow.compiler.weights import Encoding, Packed, Packing, Storage, store_rows
from emberflow.values import AnyArray, IntArray


class Use(StrEnum):
    """What a kernel multiplies rows with; the value begins the names of its decoders in `kernels/rows.h`."""

    FOUR_PIXELS = "four"
    ONE_INPUT = "dot"


_COSTS: dict[Use, dict[Encoding, tuple[float, float]]] = {
    Use.FOUR_PIXELS: {
        Encoding.PLAIN: (4.7, 0),
        Encoding.TABLE: (7.4, 0),
        Encoding.BITMAP: (1.1, 12.1),
        Encoding.BITMAP_TABLE: (1.2, 18.0),
    },
    Use.ONE_INPUT: {
        Encoding.PLAIN: (1.5, 0),
        Encoding.TABLE: (4.6, 0),
        Encoding.BITMAP: (0.4, 7.0),
        Encoding.BITMAP_TABLE: (0.8, 11.5),
    },
}
"""Instructions of a Cortex-M4 for a weight, and for one that isn't 0 besides, each time a row is gone through: counted on the emulated core
in the shapes of MLPerf Tiny, what a row itself costs shared out."""


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


def place_rows(site: Site, rows: IntArray, plain: AnyArray, use: Use, times: int) -> Rows:
    """Rows packed, or plain where that is as good or asked for.

    Args:
        rows: weights (n, depth) in the range of int8.
        plain: the same as the plain kernel reads them.
        use: what the kernel multiplies them with.
        times: how often an inference goes through all rows.
    Raises: CompileError: packed rows don't come back as they were.
    """
    packed = store_rows(rows.astype(np.int8), plain.size) if site.storage is Storage.SMALLEST else None
    if packed is None:
        return Rows(site.constant("weights", plain), (), tell_plain(site, plain.size))
    cost = times * _instructions(rows, packed.encoding, use)
    chosen = Packing(str(site.operator), packed.encoding, plain.size, packed.stored_bytes, packed.table_bytes, round(cost))
    return Rows(0, (_packing(site, packed, use),), chosen)


def tell_plain(site: Site, size_bytes: int) -> Packing:
    """What is told of weights that lie as they are; also of those of depthwise kernels, which are too few to be packed."""
    return Packing(str(site.operator), Encoding.PLAIN, size_bytes, size_bytes)


def _instructions(rows: IntArray, encoding: Encoding, use: Use) -> float:
    (plain, _), (each, set_one) = _COSTS[use][Encoding.PLAIN], _COSTS[use][encoding]
    return (each - plain) * rows.size + set_one * int((rows != 0).sum())


def _packing(site: Site, packed: Packed, use: Use) -> Struct:
    kind = packed.encoding.replace("-", "_") + (f"_{packed.bits}" if packed.bits else "")
    fields: dict[str, Field] = {
        "next": {use.value: f"ef_{use}_{kind}"},
        "codes": _array(site, "codes", packed.codes),
        "masks": _array(site, "masks", packed.masks),
        "tables": _array(site, "tables", packed.tables),
        "numbers": _array(site, "numbers", packed.numbers),
        "depth": packed.depth,
        "entries": packed.entries,
    }
    return Struct(f"{site.name}_packing", "ef_packing", fields)


def _array(site: Site, role: str, values: AnyArray) -> Constant | int:
    return site.constant(role, values) if values.size else 0
