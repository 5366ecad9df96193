"""Linking for a target, or, where a program doesn't fit, for one that is imagined larger. Builds; runs and judges nothing.

A program that does not fit is linked once more for a memory that is larger than the target's, so that its figures are known all the same, and the
missing bytes with them. Such a memory ends at 64 MiB: nobody waits for figures of more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from emberflow.adapters.toolchain import Options, Toolchain
from emberflow.errors import DoesNotFit
from emberflow.firmware.chip.image import Image
from emberflow.firmware.chip.program import linker_script
from emberflow.target import Target
from emberflow.units import show_bytes

_ROOM_BYTES = 64 * 1024  # by which an imagined memory grows at a time: one program of a model is larger than another
_MOST_BYTES = 64 * 1024**2
_MOST_LINKS = 8  # the linker tells all that is missing at once: the second one does, but for what alignment adds


@dataclass(frozen=True, eq=False)
class Placed:
    """A linked program, the memory that it was linked for, and by region the bytes that the target lacks for it."""

    image: Image
    target: Target
    missing_bytes: Mapping[str, int]


def place(toolchain: Toolchain, sources: Mapping[str, bytes], target: Target, options: Options) -> Placed:
    """The program that `sources` make, in the memory of `target` or in one that is imagined larger.

    Raises: DoesNotFit: not even into that. ToolchainError, TargetError: as `Toolchain.build`.
    """
    larger, missing, told = target, dict[str, int](), ""
    for _ in range(_MOST_LINKS):
        try:
            return Placed(toolchain.build(sources, larger, linker_script(larger), options), larger, missing)
        except DoesNotFit as error:
            missing, told = {**error.missing_bytes, **missing}, told or str(error)
            larger = enlarge(larger, error.missing_bytes)
        if max(larger.flash_bytes, larger.ram_bytes) > _MOST_BYTES:
            break
    raise DoesNotFit(f"{told}. Nothing was measured: an imagined memory of at most {show_bytes(_MOST_BYTES)} has no room for it either", missing)


def enlarge(target: Target, missing_bytes: Mapping[str, int]) -> Target:
    """A target as `target`, but for regions that have `missing_bytes` more, and some to spare; it has no others besides flash and RAM."""
    grown = [
        region.model_copy(update={"size_bytes": region.size_bytes + _rounded(missing_bytes[region.name])}) if region.name in missing_bytes else region
        for region in target.regions
        if region.name in ("flash", "sram")
    ]
    sizes = {region.name: region.size_bytes for region in grown}
    return target.model_copy(update={"regions": tuple(grown), "flash_bytes": sizes["flash"], "ram_bytes": sizes["sram"]})


def _rounded(count: int) -> int:
    return (count // _ROOM_BYTES + 1) * _ROOM_BYTES
