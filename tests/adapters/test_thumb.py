"""Thumb instructions, by bytes that were put together by hand from the tables of DDI 0403."""

import pytest

from emberflow.adapters.thumb import count, instructions, is_floating_point, must_be_aligned

NOP, LDR, LDR_WIDE = 0xBF00, 0x6801, 0xF8D0
LDM, STM_WIDE, PUSH, POP, LDRD, LDREX, TST = 0xC803, 0xE880, 0xB510, 0xBD10, 0xE9D0, 0xE850, 0x4201


def code(*half_words):
    return b"".join(word.to_bytes(2, "little") for word in half_words)


def test_half_words_that_begin_with_29_30_or_31_are_half_an_instruction():
    """In the upper five bits: 11101, 11110, 11111."""
    assert [(0, NOP, 0), (2, LDR_WIDE, 0x1000), (6, NOP, 0)] == list(instructions(code(NOP, LDR_WIDE, 0x1000, NOP)))
    assert count(code(0xE7FE, 0xE800, 0, 0xF000, 0, 0xF800, 0)) == 4


def test_an_instruction_that_was_cut_off_is_one():
    """Its second half-word is unknown, so 0."""
    assert [(0, LDR_WIDE, 0)] == list(instructions(code(LDR_WIDE)))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0xEE30, 0x0A20, True),  # VADD.F32 S0, S0, S1
        (0xED90, 0x0A00, True),  # VLDR S0, [R0]
        (0xEE30, 0x0B01, True),  # VADD.F64 D0, D0, D1
        (0xFE00, 0x0A20, True),  # VSELEQ.F32
        (0xEE11, 0x0F10, False),  # MRC p15
        (0xE9D0, 0x0A00, False),  # LDRD
        (NOP, 0, False),
    ],
)
def test_floating_point_is_what_coprocessors_10_and_11_do(first, second, expected):
    """And nothing else."""
    assert expected == is_floating_point(first, second)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (LDM, 0, True),
        (PUSH, 0, True),
        (POP, 0, True),
        (STM_WIDE, 0x000C, True),
        (LDRD, 0x0102, True),
        (LDREX, 0x1F00, True),
        (0xED90, 0x0A00, True),  # VLDR
        (0xEE30, 0x0A20, False),  # VADD
        (LDR, 0, False),
        (LDR_WIDE, 0x1000, False),
        (TST, 0, False),
        (NOP, 0, False),
    ],
)
def test_what_faults_on_an_address_that_is_not_a_multiple_of_4(first, second, expected):
    """Several registers at once, exclusive accesses and those of the FPU; not LDR and STR."""
    assert expected == must_be_aligned(first, second)
