"""A program's ELF file is read; anything else is refused."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from emberflow.errors import ImageError
from emberflow.firmware.chip.image import Image, Segment, Symbol, read_image

NAMES = b"\0.text\0.bss\0.names\0.symbols\0f\0$t\0"


def elf():
    """An executable put together by hand: 6 bytes of code at 0x08000000, 16 bytes of zeros in RAM, one function of 4 bytes.

    Header 52, two program headers of 32, code 6 (padded to 8), names, four symbols of 16, five section headers of 40.
    """
    code_at = 52 + 2 * 32
    names_at = code_at + 8
    symbols_at = names_at + len(NAMES)
    sections_at = symbols_at + 4 * 16
    header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 40, 1, 0x08000001, 52, sections_at, 0, 52, 32, 2, 40, 5, 3)
    code = struct.pack("<8I", 1, code_at, 0x08000000, 0x08000000, 6, 6, 5, 4)
    zero = struct.pack("<8I", 1, 0, 0x20000000, 0x20000000, 0, 16, 6, 4)
    symbols = [
        struct.pack("<IIIBBH", 0, 0, 0, 0, 0, 0),
        struct.pack("<IIIBBH", NAMES.index(b"f\0"), 0x08000001, 4, 0x12, 0, 1),
        struct.pack("<IIIBBH", NAMES.index(b"$t"), 0x08000000, 0, 0, 0, 1),
        struct.pack("<IIIBBH", NAMES.index(b"names"), 0x20000004, 8, 0x11, 0, 2),
    ]

    def section(name, kind, flags, at, size, link=0):
        return struct.pack("<10I", NAMES.index(name) if name else 0, kind, flags, 0, at, size, link, 0, 4, 0)

    sections = [
        section(b"", 0, 0, 0, 0),
        section(b".text", 1, 6, code_at, 6),
        section(b".bss", 8, 3, 0, 16),
        section(b".names", 3, 0, names_at, len(NAMES)),
        section(b".symbols", 2, 0, symbols_at, 64, link=3),
    ]
    return b"".join([header, code, zero, b"ABCDEF\0\0", NAMES, *symbols, *sections])


def test_segments_sections_and_symbols():
    """Marks such as $t are no symbols; the bit that says Thumb is taken off."""
    image = read_image(elf())

    assert (
        Segment(0x08000000, 0x08000000, b"ABCDEF", 6, is_executable=True, is_writable=False),
        Segment(0x20000000, 0x20000000, b"", 16, is_executable=False, is_writable=True),
    ) == image.segments
    assert {".text": 6, ".bss": 16} == image.sections
    assert {"f": Symbol(0x08000000, 4, True), "names": Symbol(0x20000004, 8, False)} == image.symbols
    assert (6, 16, 0) == (image.flash_bytes, image.ram_bytes, image.stack_bytes)


@pytest.mark.parametrize(("address", "name"), [(0x08000000, "f"), (0x08000003, "f"), (0x08000004, "0x08000004"), (0x07FFFFFF, "0x07ffffff")])
def test_the_function_at_an_address(address, name):
    """Four bytes are f; the rest has no name."""
    assert name == read_image(elf()).function_at(address)


def test_the_digest_is_of_what_is_loaded():
    """Another byte of code is another program; other names are not."""
    image, renamed = read_image(elf()), read_image(elf().replace(b"\0f\0", b"\0g\0"))

    assert renamed.loaded_sha256 == image.loaded_sha256
    assert "g" in renamed.symbols
    assert read_image(elf().replace(b"ABCDEF", b"ABCDEG")).loaded_sha256 != image.loaded_sha256


@pytest.mark.parametrize("data", [b"", b"MZ" * 40, elf()[:51], b"\x7fELF\2" + elf()[5:], elf()[:18] + b"\x3e" + elf()[19:]], ids=len)
def test_what_is_no_program_for_arm_is_refused(data):
    """Nothing, a Windows program, half a header, a 64-bit one, one for x86-64."""
    with pytest.raises(ImageError, match=rf"^received {len(data)} B that begin with .*; expected a 32-bit little-endian ELF file for Arm$"):
        read_image(data)


def test_a_file_that_was_cut_off_is_refused():
    """Its section headers are gone."""
    with pytest.raises(ImageError, match=r"whose tables point outside it \(.*\); build it anew$"):
        read_image(elf()[:-10])


def test_a_segment_that_lies_outside_is_refused():
    """It says 6 bytes at the end of the file."""
    data = bytearray(elf())
    struct.pack_into("<I", data, 52 + 4, len(data) - 5)
    with pytest.raises(ImageError, match=r"\(6 B at "):
        read_image(bytes(data))


@given(some.dictionaries(some.integers(0, len(elf()) - 1), some.integers(0, 255), max_size=6), some.integers(0, len(elf())))
def test_a_hostile_file_is_read_or_refused(changes, length):
    """Any bytes changed, any length: an image or an ImageError."""
    data = bytearray(elf())
    for place, byte in changes.items():
        data[place] = byte
    with contextlib.suppress(ImageError):
        assert isinstance(read_image(bytes(data[:length])), Image)
