"""A target's memory inside Unicorn, to the byte."""

import pytest

from emberflow.adapters.chip_memory import ChipMemory
from emberflow.errors import ChipFault, ImageError
from emberflow.firmware.chip.image import Image, Segment, Symbol
from emberflow.target import Region, find_target

unicorn = pytest.importorskip("unicorn")

FLASH, RAM = Region(name="flash", origin=0x08000000, size_bytes=8192), Region(name="sram", origin=0x20000000, size_bytes=6000)
HALVES = (Region(name="low", origin=0x30000100, size_bytes=0x200), Region(name="high", origin=0x30000400, size_bytes=0xC00))
CODE = Segment(0x08000000, 0x08000000, b"\x01\x02\x03\x04", 4, is_executable=True, is_writable=False)
STACK = {"__stack_limit": Symbol(0x20000010, 0, False), "__stack_top": Symbol(0x20000410, 0, False)}


def target(*regions):
    return find_target("stm32f405").model_copy(update={"name": "mine", "regions": regions})


def make(*segments, symbols=STACK, regions=(FLASH, RAM)):
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    return uc, ChipMemory(uc, target(*regions), Image(b"", segments or (CODE,), {}, symbols))


def test_a_program_is_loaded():
    """Its bytes stand where they are stored, little-endian."""
    assert (0x04030201, 0) == make()[1].words_at(0x08000000, 2)


@pytest.mark.parametrize(
    ("origin", "size", "gaps"),
    [
        (0x20000000, 8192, []),
        (0x20000000, 6000, [(0x20001770, 0x20001FFF)]),  # 6000 = 0x1770
        (0x20000100, 0xF00, [(0x20000000, 0x200000FF)]),
        (0x20000100, 0x100, [(0x20000000, 0x200000FF), (0x20000200, 0x20000FFF)]),
    ],
)
def test_what_unicorn_maps_too_much_is_known(origin, size, gaps):
    """It maps whole pages of 4,096 B."""
    assert gaps == list(make(regions=(FLASH, Region(name="sram", origin=origin, size_bytes=size)))[1].gaps())


def test_two_regions_may_share_a_page():
    """0x30000100 to 0x300002ff, and 0x30000400 to the page's end."""
    assert [(0x20001770, 0x20001FFF), (0x30000000, 0x300000FF), (0x30000300, 0x300003FF)] == sorted(make(regions=(FLASH, RAM, *HALVES))[1].gaps())


def test_flash_is_code_and_ram_is_not():
    """Unless the program has code there."""
    memory = make()[1]
    with_code = make(CODE, Segment(0x20000500, 0x08000100, b"\x00\xbf", 2, is_executable=True, is_writable=True))[1]

    assert [True, False, False] == [memory.is_code(place) for place in (0x08000000, 0x20000500, 0x40000000)]
    assert with_code.is_code(0x20000500)


def test_the_stack_is_painted_and_looked_at():
    """From its top, 0x410, down to the lowest byte that was written, 0x400: 16."""
    uc, memory = make()
    assert memory.painted_depth() == 0
    uc.mem_write(0x20000400, b"\0")

    assert memory.painted_depth() == 16


@pytest.mark.parametrize(
    "symbols", [{}, {"__stack_top": STACK["__stack_top"]}, {"__stack_limit": STACK["__stack_top"], "__stack_top": STACK["__stack_limit"]}]
)
def test_a_program_without_a_stack_is_not_painted(symbols):
    """Or with one that ends before it begins."""
    assert make(symbols=symbols)[1].painted_depth() == 0


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (0x08000000, "which is flash"),
        (0x20000000, "which is sram"),
        (0x20001770, "where there is no memory; sram ends at 0x20001770"),
        (0x10000000, "where there is no memory; flash ends at 0x08002000"),
        (0x00000000, "where there is no memory"),
    ],
)
def test_every_address_can_be_described(address, words):
    """By its region, or by the one below."""
    assert words == make()[1].describe(address)


def test_below_the_stack_the_stack_overflowed():
    """Where the stack is the first thing in RAM."""
    symbols = {"__stack_limit": Symbol(0x20000000, 0, False), "__stack_top": STACK["__stack_top"]}

    assert "where there is no memory: the stack, which begins at 0x20000000, overflowed" == make(symbols=symbols)[1].describe(0x1FFFFFFC)


def test_the_debugger_reads_and_writes_ram():
    """What was written is read."""
    memory = make()[1]
    memory.mem_write(0x20000600, b"abc")

    assert memory.mem_read(0x20000601, 2) == b"bc"


@pytest.mark.parametrize(("address", "size"), [(0x20001770, 1), (0x2000176F, 2), (0x40000000, 4), (0x08001FFF, 2)])
def test_the_debugger_is_not_sent_outside(address, size):
    """Not even by a byte."""
    with pytest.raises(ChipFault, match=rf"^asked the debugger for {size} B at {address:#010x}, which are not all in one memory$") as caught:
        make()[1].mem_read(address, size)
    assert caught.value.address == address


def test_the_debugger_does_not_write_to_flash():
    """Nor would the chip."""
    with pytest.raises(ChipFault, match=r"^asked the debugger to write 3 B to 0x08000010, which is flash$"):
        make()[1].mem_write(0x08000010, b"abc")


def test_a_program_for_another_chip_is_refused():
    """Here the last two bytes are too many."""
    too_far = Segment(0x08001FFE, 0x08001FFE, b"abcd", 4, is_executable=True, is_writable=False)

    with pytest.raises(ImageError, match=r"^received a program with 4 B at 0x08001ffe, which is flash; expected one that was linked for mine$"):
        make(too_far)
