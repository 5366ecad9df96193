"""Two emulators agree: on outputs to the byte, on instructions to the last one. Skipped where QEMU is not installed."""

import shutil

import numpy as np
import pytest

from emberflow.adapters import qemu as module
from emberflow.adapters.emulator import Run
from emberflow.adapters.qemu import BOARDS, Qemu, count_instructions, find_board
from emberflow.adapters.toolchain import Compiler, Toolchain
from emberflow.errors import ChipFault, EmulatorError, InstructionLimit
from emberflow.firmware.chip.program import linker_script, measuring_program
from emberflow.target import Region, find_target

STM32F405 = find_target("stm32f405")
INPUTS = np.random.default_rng(5).integers(-128, 128, (20, 48)).astype(np.int8)

needs_qemu = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed; on Debian: apt-get install it")
GNU = pytest.param(Compiler.GNU, marks=pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"))


def target_like(board):
    """A target with a board's core and memory."""
    regions = (
        Region(name="flash", origin=board.code[0], size_bytes=board.code[1]),
        Region(name="sram", origin=board.ram[0], size_bytes=board.ram[1]),
    )
    return STM32F405.model_copy(update={"name": board.machine, "core": board.core, "regions": regions})


@needs_qemu
@pytest.mark.parametrize("compiler", [Compiler.ZIG, GNU])
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.machine)
def test_unicorn_and_qemu_agree_on_every_core(toolchain, emulator, chip, board, compiler):
    """Twenty vectors on each of QEMU's boards: the same bytes, the same count."""
    target, inputs = target_like(board), {"inputs.bin": INPUTS.tobytes()}
    image = Toolchain(toolchain.cache, compiler).build(chip.MODEL | measuring_program("tiny"), target, linker_script(target))
    ours, theirs = emulator.run(image, target, Run(inputs)), Qemu().run(image, target, inputs)

    assert (INPUTS + np.int8(1)).tobytes() == theirs.files["outputs.bin"]
    assert (ours.exit_status, ours.files, ours.instructions) == (theirs.exit_status, theirs.files, theirs.instructions)


@needs_qemu
def test_they_agree_on_floats_and_conditions(toolchain, emulator, chip):
    """IT blocks, FPU instructions, division, tables of jumps."""
    before = """
static volatile float f = 1.5f; static volatile int n = 7;
__attribute__((noinline)) int pick(int i) { switch (i) { case 0: return 3; case 1: return n; case 2: return n * 5; case 3: return 11; default: return -i; } }
"""
    sources = chip.main_of("int s = 0; for (int i = 0; i < 40; ++i) { s += pick(i % 6); f = f * 1.25f - (s > 9 ? s / 3 : n); } return f > 0", before)
    sources["measure.c"] = sources["measure.c"].replace(b"int main(void)", b"int work(void)") + b"int main(void) { ef_exit(work()); }"
    image = toolchain.build(sources, STM32F405, linker_script(STM32F405))
    ours, theirs = emulator.run(image, STM32F405), Qemu().run(image, STM32F405, {})

    assert (ours.exit_status, ours.instructions) == (theirs.exit_status, theirs.instructions)


@needs_qemu
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.machine)
def test_a_fault_comes_to_its_handler(toolchain, chip, board):
    """Which tells QEMU where it was."""
    target = target_like(board)
    image = toolchain.build(chip.main_of('__asm__ volatile("udf #0")'), target, linker_script(target))

    with pytest.raises(ChipFault, match=r"^came to its fault handler in QEMU: fault at 0x[01]00000..$|^came to .*: fault at 0x080000..$") as caught:
        Qemu().run(image, target, {})
    assert image.function_at(int(str(caught.value)[-10:], 16)) == "main"


@needs_qemu
def test_an_endless_loop_ends_by_the_clock(toolchain, chip):
    """Here after a second."""
    image = toolchain.build(chip.main_of('for (;;) __asm__ volatile("")'), STM32F405, linker_script(STM32F405))

    with pytest.raises(InstructionLimit, match=r"^did not end within 1 s in QEMU; mend its loop, or allow more$"):
        Qemu(limit_s=1).run(image, STM32F405, {}, counts=False)


@needs_qemu
def test_counting_can_be_left_out(toolchain, chip):
    """For long programs."""
    image = toolchain.build(chip.main_of("ef_exit(3)"), STM32F405, linker_script(STM32F405))
    answer = Qemu().run(image, STM32F405, {}, counts=False)

    assert (3, None) == (answer.exit_status, answer.instructions)


def test_a_missing_qemu_is_told_with_the_way_to_get_it(toolchain, chip, monkeypatch):
    """From the distribution."""
    image = toolchain.build(chip.main_of(""), STM32F405, linker_script(STM32F405))
    monkeypatch.setattr(module.shutil, "which", lambda name: None)

    with pytest.raises(
        EmulatorError, match=r"^found no qemu-system-arm; on Debian: apt-get install qemu-system-arm, or do without a second opinion$"
    ):
        Qemu().run(image, STM32F405, {})


def test_a_chip_that_qemu_does_not_have_is_refused(toolchain, chip, monkeypatch):
    """Its only Cortex-M0 has flash at 0."""
    target = find_target("stm32g071")
    image = toolchain.build(chip.main_of(""), target, linker_script(target))
    monkeypatch.setattr(module.shutil, "which", lambda name: name)

    with pytest.raises(EmulatorError, match=r"^QEMU has no cortex-m0plus with the memory of stm32g071; expected one of netduinoplus2, "):
        Qemu().run(image, target, {})


@pytest.mark.parametrize(
    ("name", "machine"),
    [("stm32f405", "netduinoplus2"), ("stm32f103", "netduino2"), ("nrf52840", "mps2-an386"), ("stm32l4r5", "netduinoplus2"), ("stm32h743", None)],
)
def test_a_board_is_found_by_core_and_memory(toolchain, chip, name, machine):
    """A small program fits a board with less memory than its chip has."""
    target = find_target(name)
    board = find_board(toolchain.build(chip.main_of(""), target, linker_script(target)), target)

    assert machine == (board and board.machine)


def test_a_program_that_is_too_large_for_the_board_is_not_run_there(toolchain, chip):
    """The STM32L4R5 has 640 KiB, netduinoplus2 has 128."""
    target = find_target("stm32l4r5")
    image = toolchain.build(
        chip.MODEL | measuring_program("tiny") | {"tiny.h": chip.HEADER.replace(b"4096", b"200000")}, target, linker_script(target)
    )

    assert find_board(image, target) is None


def test_instructions_are_counted_in_qemus_log():
    """A block of three is executed twice, then one of two that begins within it: 3 + 3 + 2."""
    log = """\
----------------
IN: main
0x08000040:  b580       push     {r7, lr}
0x08000042:  bf00       nop
0x08000044:  bd80       pop      {r7, pc}

Trace 0: 0x7f1c [00000000/08000040/00000110/ff000000] main
Trace 0: 0x7f1c [00000000/08000040/00000110/ff000000] main
----------------
IN: main
0x08000042:  bf00       nop
0x08000044:  bd80       pop      {r7, pc}

Trace 0: 0x7f1d [00000000/08000042/00000110/ff000000] main
"""
    assert count_instructions(log.splitlines()) == 8
