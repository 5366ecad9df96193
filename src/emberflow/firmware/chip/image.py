"""Images: what a linked program holds, read from its ELF file. Knows the format ("ELF for the Arm Architecture", IHI 0044); runs nothing."""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from emberflow.artifact import digest
from emberflow.errors import ImageError

_HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
_PROGRAM = struct.Struct("<8I")
_SECTION = struct.Struct("<10I")
_SYMBOL = struct.Struct("<IIIBBH")
_IDENTITY, _ARM = b"\x7fELF\x01\x01\x01", 40  # 32 bits, little-endian, version 1; EM_ARM
_LOAD, _SYMTAB, _NOBITS, _ALLOCATED, _FUNCTION = 1, 2, 8, 2, 2
_EXECUTABLE, _WRITABLE = 1, 2


@dataclass(frozen=True)
class Segment:
    """A piece of the program: `data` lies at `load_address` in flash; the program sees `memory_bytes` at `address`."""

    address: int
    load_address: int
    data: bytes = field(repr=False)
    memory_bytes: int
    is_executable: bool
    is_writable: bool


@dataclass(frozen=True)
class Symbol:
    """A name for a place; of a function, the bit that says Thumb is taken off its address."""

    address: int
    size_bytes: int
    is_function: bool


@dataclass(frozen=True)
class Image:
    """A linked program.

    Args:
        elf: the file, for debuggers and flash tools. Its debug information may differ from build to build; `loaded_sha256` does not.
        sections: bytes of each section that takes memory on the chip, by name, such as `.text`, `.rodata`, `.data`, `.bss`, `.stack`.
        symbols: functions and variables by name.
    """

    elf: bytes = field(repr=False)
    segments: tuple[Segment, ...]
    sections: Mapping[str, int]
    symbols: Mapping[str, Symbol] = field(repr=False)

    @property
    def flash_bytes(self) -> int:
        """What is programmed into flash: code, constants and the first values of variables."""
        return sum(len(segment.data) for segment in self.segments)

    @property
    def ram_bytes(self) -> int:
        """Variables, the arena among them, without the stack."""
        return sum(size for name, size in self.sections.items() if name.startswith((".data", ".bss")))

    @property
    def stack_bytes(self) -> int:
        """What the linker script sets aside for the stack; how much of it is used is measured by running."""
        return self.sections.get(".stack", 0)

    @property
    def loaded_sha256(self) -> str:
        """Digest of what reaches the chip: every segment's address and bytes."""
        return digest(b"".join(struct.pack("<II", segment.load_address, len(segment.data)) + segment.data for segment in self.segments))

    @cached_property
    def _functions(self) -> tuple[list[int], list[tuple[str, Symbol]]]:
        found = sorted(((name, s) for name, s in self.symbols.items() if s.is_function), key=lambda item: (item[1].address, item[0]))
        return [symbol.address for _, symbol in found], found

    def function_at(self, address: int) -> str:
        """The function that holds `address`; its hexadecimal number when none does."""
        starts, functions = self._functions
        place = bisect_right(starts, address) - 1
        if place >= 0:
            name, symbol = functions[place]
            if address < symbol.address + max(symbol.size_bytes, 2):
                return name
        return f"{address:#010x}"


def read_image(elf: bytes) -> Image:
    """The program in an ELF file.

    Raises: ImageError: not an executable for 32-bit Arm, or an offset or size in it points outside the file.
    """
    if len(elf) < _HEADER.size or not elf.startswith(_IDENTITY) or _HEADER.unpack_from(elf)[2] != _ARM:
        raise ImageError(f"received {len(elf):,} B that begin with {elf[:8].hex(' ')}; expected a 32-bit little-endian ELF file for Arm")
    try:
        return _read(elf)
    except (struct.error, IndexError, ValueError) as error:
        raise ImageError(f"received an ELF file of {len(elf):,} B whose tables point outside it ({error}); build it anew") from error


def _read(elf: bytes) -> Image:
    _, _, _, _, _, programs_at, sections_at, _, _, _, programs, _, count, names_index = _HEADER.unpack_from(elf)
    sections = [_SECTION.unpack_from(elf, sections_at + i * _SECTION.size) for i in range(count)]
    names = _slice(elf, sections[names_index][4], sections[names_index][5]) if sections else b""
    taking = {_text(names, s[0]): s[5] for s in sections if s[2] & _ALLOCATED and s[5]}
    segments = tuple(_segments(elf, programs_at, programs))
    return Image(elf, segments, taking, {name: symbol for s in sections if s[1] == _SYMTAB for name, symbol in _symbols(elf, s, sections)})


def _segments(elf: bytes, start: int, count: int) -> Iterator[Segment]:
    for i in range(count):
        kind, offset, address, load_address, file_bytes, memory_bytes, flags, _ = _PROGRAM.unpack_from(elf, start + i * _PROGRAM.size)
        if kind == _LOAD and memory_bytes:
            data = _slice(elf, offset, file_bytes)
            yield Segment(address, load_address, data, memory_bytes, bool(flags & _EXECUTABLE), bool(flags & _WRITABLE))


def _symbols(elf: bytes, table: tuple[int, ...], sections: list[tuple[int, ...]]) -> Iterator[tuple[str, Symbol]]:
    entries, strings = _slice(elf, table[4], table[5]), sections[table[6]]
    names = _slice(elf, strings[4], strings[5])
    for name, value, size, info, _, section in _SYMBOL.iter_unpack(entries[: len(entries) // _SYMBOL.size * _SYMBOL.size]):
        text = _text(names, name)
        if section and text and not text.startswith("$"):  # $t, $d and the like mark code and data (IHI 0044, mapping symbols)
            is_function = info & 15 == _FUNCTION
            yield text, Symbol(value & ~1 if is_function else value, size, is_function)


def _slice(elf: bytes, offset: int, size: int) -> bytes:
    if offset + size > len(elf):
        raise ValueError(f"{size:,} B at {offset:,}")
    return elf[offset : offset + size]


def _text(names: bytes, offset: int) -> str:
    return names[offset : names.index(b"\0", offset)].decode("utf-8", "replace")
