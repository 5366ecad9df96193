"""Thumb instructions as far as an emulator's watchman must know them. Pure look at bytes; source: Armv7-M Architecture Reference Manual, DDI 0403."""

from collections.abc import Iterator


def instructions(code: bytes) -> Iterator[tuple[int, int, int]]:
    """Offset, first and second half-word of each instruction in `code`; the second is 0 for those of 16 bits (DDI 0403, A5.1)."""
    place = 0
    while place + 2 <= len(code):
        first = int.from_bytes(code[place : place + 2], "little")
        is_wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        second = int.from_bytes(code[place + 2 : place + 4], "little") if is_wide else 0
        yield place, first, second
        place += 4 if is_wide else 2


def count(code: bytes) -> int:
    """How many instructions `code` holds."""
    return sum(1 for _ in instructions(code))


def is_floating_point(first: int, second: int) -> bool:
    """Whether it is for coprocessor 10 or 11, the FPU (DDI 0403, A5.3.18: op1 11x1 11xx, coproc 101x)."""
    return first & 0xEC00 == 0xEC00 and second & 0x0E00 == 0x0A00


def must_be_aligned(first: int, second: int) -> bool:
    """Whether it faults on an address that is no multiple of 4, on cores that otherwise allow that (DDI 0403, A3.2.1).

    Those are LDM, STM, PUSH, POP (16 and 32 bits), LDRD, STRD, the exclusive and the floating-point loads and stores.
    """
    if second == 0 and first >> 11 < 0b11101:
        return first >> 12 == 0b1100 or first & 0xF600 == 0xB400
    return first & 0xFE00 == 0xE800 or (first & 0xFE00 == 0xEC00 and is_floating_point(first, second))
