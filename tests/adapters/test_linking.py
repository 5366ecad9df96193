"""A program that fits, one that fits a larger memory only, and one that fits none."""

import pytest

from emberflow.adapters.linking import enlarge, place
from emberflow.adapters.toolchain import Options
from emberflow.errors import DoesNotFit
from emberflow.firmware.chip.program import product_program
from emberflow.target import find_target

STM32F405 = find_target("stm32f405")


def small(flash_bytes, ram_bytes):
    """An stm32f405 with less memory."""
    sizes = {"flash": flash_bytes, "sram": ram_bytes}
    regions = tuple(r.model_copy(update={"size_bytes": sizes[r.name]}) for r in STM32F405.regions if r.name in sizes)
    return STM32F405.model_copy(update={"name": "small", "regions": regions, "flash_bytes": flash_bytes, "ram_bytes": ram_bytes})


def test_a_program_that_fits_is_linked_for_the_target(toolchain, chip):
    """Nothing is missing."""
    placed = place(toolchain, chip.MODEL | product_program("tiny"), STM32F405, Options())

    assert (STM32F405, {}) == (placed.target, placed.missing_bytes)


def test_what_is_missing_is_told_and_the_program_linked_all_the_same(toolchain, chip):
    """An arena of 4,096 B and a variable of 4 beside a stack of 1,024, of 4,096: 1,028 B too many; flash has room."""
    placed = place(toolchain, chip.MODEL | product_program("tiny"), small(65536, 4096), Options())

    assert {"sram": 1028} == placed.missing_bytes
    assert 4100 == placed.image.ram_bytes
    assert 4096 + 65536 == placed.target.ram_bytes


def test_a_program_that_fits_into_no_memory_is_refused(toolchain, chip):
    """200 MiB of RAM."""
    sources = chip.MODEL | product_program("tiny") | {"tiny.h": chip.HEADER.replace(b"4096", b"209715200")}

    with pytest.raises(
        DoesNotFit, match=r"^needs 209,5\d\d,\d{3} B more RAM than stm32f405 has; .* an imagined memory of at most 64 MiB has no room"
    ):
        place(toolchain, sources, STM32F405, Options())


def test_a_grown_memory_has_room_to_spare_and_nothing_else():
    """100 B more than 1 MiB, rounded up to 64 KiB; other regions, which could be in the way, are gone."""
    grown = enlarge(STM32F405, {"flash": 100})

    assert {"flash": 1024 * 1024 + 65536, "sram": 128 * 1024} == {region.name: region.size_bytes for region in grown.regions}
    assert (1024 * 1024 + 65536, 128 * 1024) == (grown.flash_bytes, grown.ram_bytes)
