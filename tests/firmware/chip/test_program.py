"""What surrounds a model: linker script, start-up and main, as text. tests/adapters builds and runs it."""

import re

import numpy as np
import pytest

from emberflow.errors import TargetError
from emberflow.firmware.chip.program import boot_bytes, freestanding_functions, host_program, linker_script, measuring_program, product_program
from emberflow.target import TargetKind, find_target, load_targets

MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]


@pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)
def test_the_linker_script_has_the_targets_memory(target):
    """Origin and length of flash and RAM, as the target's file says."""
    text = linker_script(target).decode()
    found = {name: (int(origin, 16), int(length)) for name, origin, length in re.findall(r"(\w+) \(r[xw]\) : ORIGIN = (\w+), LENGTH = (\d+)", text)}

    assert {r.name: (r.origin, r.size_bytes) for r in target.regions if r.name in ("flash", "sram")} == found


def test_a_target_may_promise_less_than_its_regions_hold():
    """Some of flash is for a boot loader, some of RAM for a radio."""
    target = find_target("nrf52840").model_copy(update={"flash_bytes": 800_000, "ram_bytes": 200_000})

    assert [b"LENGTH = 800000", b"LENGTH = 200000"] == re.findall(rb"LENGTH = \d+", linker_script(target))


def test_the_stack_is_set_aside_in_multiples_of_eight():
    """The stack pointer must be one (IHI 0042)."""
    assert b". = . + 520;" in linker_script(find_target("stm32f103"), stack_bytes=513)


def test_the_stack_comes_first_in_ram():
    """Then an overflow leaves RAM, and the core faults."""
    text = linker_script(find_target("stm32f405")).decode()

    assert text.index(".stack (NOLOAD)") < text.index(".bss (NOLOAD)") < text.index(".data : ")


def test_the_rp2040_keeps_room_for_its_boot_code():
    """256 bytes, before the vector table."""
    assert boot_bytes(find_target("rp2040")) == 256
    assert b".boot : { . = . + 256; } >flash" in linker_script(find_target("rp2040"))
    assert b".boot" not in linker_script(find_target("stm32g071"))


def test_a_linux_device_has_no_linker_script():
    """It has no regions."""
    with pytest.raises(TargetError, match=r"^received linux-arm64, which has no regions flash and sram to link into; expected a microcontroller$"):
        linker_script(find_target("linux-arm64"))


def test_the_product_has_no_semihosting():
    """A breakpoint without a debugger is a fault."""
    assert {"startup.c", "main.c"} == product_program("tiny").keys()
    assert not any(b"bkpt" in text for text in product_program("tiny").values())
    assert any(b"bkpt" in text for text in measuring_program("tiny").values())


def test_the_self_test_has_inputs_and_expected_outputs():
    """Two of them, of three and one bytes."""
    sources = product_program("tiny", (np.int8([[1, 2, 3], [4, 5, -6]]), np.int8([[7], [-128]])))

    assert b"#define TINY_TEST_COUNT 2\n" in sources["test_vectors.h"]
    assert b"4, 5, -6" in sources["test_vectors.c"]
    assert b"-128" in sources["test_vectors.c"]
    assert b"failures += " in sources["self_test.c"]
    assert b"tiny_self_test()" in sources["main.c"]
    assert b"self_test" not in product_program("tiny")["main.c"]


def test_compilers_get_the_functions_that_they_call():
    """ISO C11, 7.24."""
    text = freestanding_functions()["memory.c"].decode()

    assert ["memcpy", "memmove", "memset", "memcmp"] == re.findall(r"^EF_PLAIN (?:void \*|int )(\w+)\(", text, re.MULTILINE)


def test_every_input_and_output_is_in_its_place():
    """Two of each are read, given and written one after the other."""
    measure = measuring_program("tiny", 2, 2)["measure.c"].decode()
    product = product_program("tiny", None, 2, 1)["main.c"].decode()
    vectors = product_program("tiny", (np.int8([[1, 2, 3]]), np.int8([[7]])), 2, 1)

    assert "tiny_infer(tiny_input0(), tiny_input1(), tiny_output0(), tiny_output1());" in measure
    assert ["INPUT0", "INPUT1"] == re.findall(r"ef_read\(file, .*TINY_(\w+)_BYTES\)", measure)
    assert ["OUTPUT0", "OUTPUT1"] == re.findall(r"ef_write\(file, .*TINY_(\w+)_BYTES\)", measure)
    assert "int ef_read_input(void *input0, void *input1);" in product
    assert b"tiny_test_inputs[TINY_TEST_COUNT][TINY_INPUT0_BYTES + TINY_INPUT1_BYTES];" in vectors["test_vectors.h"]
    assert b"fread(input1, 1, sizeof input1, stdin)" in host_program("tiny", 2, 1)["host.c"]
