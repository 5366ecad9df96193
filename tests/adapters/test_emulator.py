"""A program on the emulated core computes, is measured, and is stopped where a chip would fault."""

import numpy as np
import pytest

from emberflow.adapters.emulator import Run
from emberflow.adapters.toolchain import Options
from emberflow.errors import ChipFault, InstructionLimit
from emberflow.firmware.chip.program import linker_script, measuring_program, product_program
from emberflow.target import TargetKind, find_target, load_targets

MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]
STM32F405 = find_target("stm32f405")
INPUTS = np.random.default_rng(5).integers(-128, 128, (20, 48)).astype(np.int8)

every_microcontroller = pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)


@every_microcontroller
def test_outputs_and_instructions_on_every_target(toolchain, emulator, chip, target):
    """Twenty vectors, each plus one, each in as many instructions as the others."""
    image = toolchain.build(chip.MODEL | measuring_program("tiny"), target, linker_script(target))
    execution = emulator.run(image, target, Run({"inputs.bin": INPUTS.tobytes()}, watched=("tiny_infer",)))
    outputs = np.frombuffer(execution.files["outputs.bin"], np.int8).reshape(20, 48)

    assert np.array_equal(INPUTS + np.int8(1), outputs)
    assert execution.exit_status == 0
    assert len(execution.calls) == 20
    assert len({call.instructions for call in execution.calls}) == 1
    assert execution.by_function["tiny_infer"] == sum(call.instructions for call in execution.calls)
    assert sum(execution.by_function.values()) == execution.instructions


def run(toolchain, emulator, sources, target=STM32F405, **how):
    image = toolchain.build(sources, target, linker_script(target), Options(flags=("-Wno-everything", "-fno-sanitize=all")))
    return emulator.run(image, target, Run(**({"limit_instructions": 1_000_000} | how)))


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        ("*(volatile int *)0x20020000 = 1", r"^main \(at 0x080000..\) wrote 4 B at 0x20020000, where there is no memory; sram ends at 0x20020000$"),
        ("*(volatile int *)0x08000100 = 1", r"^main \(at 0x080000..\) wrote 4 B at 0x08000100, which is flash$"),
        ("return *(volatile char *)0", r"^main \(at 0x080000..\) read 1 B at 0x00000000, where there is no memory$"),
        ('__asm__ volatile("udf #0")', r"^main \(at 0x080000..\) executed an undefined instruction$"),
    ],
)
def test_what_a_chip_forbids_is_a_fault(toolchain, emulator, chip, statements, complaint):
    """With function, place, and what was done."""
    with pytest.raises(ChipFault, match=complaint) as caught:
        run(toolchain, emulator, chip.main_of(statements))
    assert caught.value.function == "main"


def test_an_endless_loop_ends(toolchain, emulator, chip):
    """And the function that it is in is told."""
    with pytest.raises(InstructionLimit, match=r"^did not end within 1,000,000 instructions: it is in main; mend its loop, or allow more$"):
        run(toolchain, emulator, chip.main_of('for (;;) __asm__ volatile("")'))


def test_a_product_ends_where_main_returns(toolchain, emulator, chip):
    """No semihosting is in it."""
    assert run(toolchain, emulator, chip.MODEL | product_program("tiny")).exit_status == 0
    assert run(toolchain, emulator, chip.MODEL | product_program("tiny", (INPUTS, INPUTS + np.int8(1)))).exit_status == 0
