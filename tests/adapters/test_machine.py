"""What a chip forbids is a fault on the emulated core too, with the function that did it. Each test is a main of a few statements."""

import gc
from pathlib import Path

import pytest

from emberflow.adapters import machine as module
from emberflow.adapters.emulator import Run
from emberflow.adapters.toolchain import Options
from emberflow.errors import ChipFault, EmulatorError, ImageError, InstructionLimit
from emberflow.firmware.chip.program import linker_script
from emberflow.target import TargetKind, find_target, load_targets

pytest.importorskip("unicorn")

MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]
STM32F405, STM32G071 = find_target("stm32f405"), find_target("stm32g071")
FLOAT = "volatile float x = 2; x = x * x; return x != 4"
CROOKED = 'static int words[3]; char *p = (char *)words + 1; __asm__ volatile("{}" ::"r"(p) : "memory", "r2", "r3")'

every_microcontroller = pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)


@pytest.fixture
def run(toolchain, emulator):
    """Build a program and run it, on an STM32F405 unless told otherwise."""

    def run(sources, target=STM32F405, **how):
        script = linker_script(target)
        image = toolchain.build(sources, target, script, Options(flags=("-Wno-everything", "-fno-sanitize=all")))
        return emulator.run(image, target, Run(**({"limit_instructions": 100_000} | how)))

    return run


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        ("*(volatile int *)0x20020000 = 1", r"wrote 4 B at 0x20020000, where there is no memory; sram ends at 0x20020000"),
        (
            "*(volatile short *)0x2001fffe = 1; return *(volatile char *)0x20020000",
            r"read 1 B at 0x20020000, where there is no memory; sram ends at .*",
        ),
        ("*(volatile int *)0x08000100 = 1", r"wrote 4 B at 0x08000100, which is flash"),
        ("return *(volatile char *)0", r"read 1 B at 0x00000000, where there is no memory"),
        ("*(volatile int *)0x40020000 = 1", r"wrote 4 B at 0x40020000, where there is no memory; .*"),
        ("((void (*)(void))0x30000001)()", r"jumped to 0x30000000, where there is no memory; .*"),
        ("((void (*)(void))0x20000101)()", r"jumped to 0x20000100, which is sram"),
        ('__asm__ volatile("udf #0")', r"executed an undefined instruction"),
        ('__asm__ volatile("svc #0")', r"made a supervisor call"),
        ('__asm__ volatile("bkpt #1")', r"came to a breakpoint"),
        ('__asm__ volatile("mov r0, #0x12\\n\\tbkpt #0xab" ::: "r0")', r"asked for semihosting operation 0x12; expected one of 0x01, .*"),
        (CROOKED.format("ldm %0, {r2, r3}"), r"accessed 0x2000...., which is not aligned as a cortex-m4f asks"),
        (CROOKED.format("ldrd r2, r3, [%0]"), r"accessed 0x2000...., which is not aligned as a cortex-m4f asks"),
        (CROOKED.format("vldr s0, [%0]"), r"accessed 0x2000...., which is not aligned as a cortex-m4f asks"),
    ],
)
def test_a_fault_names_function_place_and_what_was_done(run, chip, statements, complaint):
    """On a Cortex-M4F; the first address is main's."""
    with pytest.raises(ChipFault, match=rf"^main \(at 0x080000..\) {complaint}$") as caught:
        run(chip.main_of(statements))
    assert caught.value.function == "main"


@every_microcontroller
def test_writing_past_the_end_of_ram_is_a_fault_everywhere(run, chip, target):
    """The last byte is there, the next one is not."""
    sram = next(region for region in target.regions if region.name == "sram")
    end = sram.origin + sram.size_bytes

    assert run(chip.main_of(f"*(volatile char *){end - 1} = 1"), target).exit_status == 0
    with pytest.raises(ChipFault, match=rf"^main \(.*\) wrote 1 B at {end:#010x}, where there is no memory; sram ends at {end:#010x}$") as caught:
        run(chip.main_of(f"*(volatile char *){end} = 1"), target)
    assert caught.value.address == end


def test_memory_ends_within_a_page(run, chip):
    """6,000 B of RAM are a page of 4,096 and a part of one."""
    small = STM32F405.model_copy(
        update={"regions": tuple(r.model_copy(update={"size_bytes": 6000}) if r.name == "sram" else r for r in STM32F405.regions)}
    )

    assert run(chip.main_of(f"*(volatile char *){0x20000000 + 5999} = 1"), small).exit_status == 0
    with pytest.raises(ChipFault, match=r"^main \(at .*\) wrote 1 B at 0x20001770, where there is no memory; sram ends at 0x20001770$"):
        run(chip.main_of(f"*(volatile char *){0x20000000 + 6000} = 1"), small)


def test_a_stack_that_overflows_leaves_ram(run, chip):
    """It lies at the start of RAM, so it can't run into variables unseen."""
    with pytest.raises(ChipFault, match=r"where there is no memory: the stack, which begins at 0x20000000, overflowed$"):
        run(chip.main_of("volatile int deep[40]; deep[0] = main(); return deep[0]"))


def test_words_may_lie_anywhere_on_a_cortex_m4(run, chip):
    """DDI 0403, A3.2.1: LDR and STR may be unaligned."""
    assert run(chip.main_of(CROOKED.format("ldr r2, [%0]"))).exit_status == 0


@pytest.mark.parametrize("instruction", ["ldr r2, [%0]", "ldrh r2, [%0]", "str r2, [%0]"])
def test_nothing_is_unaligned_on_a_cortex_m0(run, chip, instruction):
    """DDI 0419, A3.2.1."""
    with pytest.raises(ChipFault, match=r"^main \(.*\) accessed 0x2000...1, which is not aligned as a cortex-m0plus asks$"):
        run(chip.main_of(CROOKED.format(instruction)), STM32G071)


def test_alignment_is_looked_at_for_as_long_as_asked(run, chip):
    """Here not at all."""
    assert run(chip.main_of(CROOKED.format("ldr r2, [%0]")), STM32G071, strict_instructions=0).exit_status == 0


@every_microcontroller
def test_floats_are_computed_by_fpu_or_by_software(run, chip, target):
    """2 * 2 is 4 after start-up has done its work."""
    assert run(chip.main_of(FLOAT), target).exit_status == 0


@pytest.mark.parametrize("name", ["stm32f405", "stm32h743", "stm32u575"])
def test_the_fpu_is_off_until_cpacr_switches_it_on(run, chip, name):
    """Here start-up has forgotten to."""
    sources = chip.main_of(FLOAT)
    assert b"  enable_fpu();\n" in sources["startup.c"]
    sources["startup.c"] = sources["startup.c"].replace(b"  enable_fpu();\n", b"").replace(b"static void enable_fpu", b"void enable_fpu")

    with pytest.raises(ChipFault, match=r"^main \(at 0x080000..\) executed a floating-point instruction before CPACR lets it$"):
        run(sources, find_target(name))


def test_a_core_without_an_fpu_has_no_floating_point_instructions(toolchain, emulator, chip):
    """A program for a Cortex-M4F on a chip whose Cortex-M4 has none."""
    image = toolchain.build(chip.main_of(FLOAT), STM32F405, linker_script(STM32F405))

    with pytest.raises(ChipFault, match=r"executed a floating-point instruction that a cortex-m4 does not have$"):
        emulator.run(image, STM32F405.model_copy(update={"core": "cortex-m4"}))


@every_microcontroller
def test_an_endless_loop_ends_by_its_limit(run, chip, target):
    """And the function that it is in is told."""
    with pytest.raises(InstructionLimit, match=r"^did not end within 100,000 instructions: it is in main; mend its loop, or allow more$") as caught:
        run(chip.main_of('for (;;) __asm__ volatile("")'), target)
    assert caught.value.function == "main"


def test_a_program_for_another_chip_is_refused(toolchain, emulator, chip):
    """Nordic's flash begins at 0, ST's does not."""
    nordic = find_target("nrf52840")
    image = toolchain.build(chip.main_of(""), nordic, linker_script(nordic))

    with pytest.raises(ImageError, match=r"^received a program with .* B at 0x00000000, .*; expected one that was linked for stm32f405$"):
        emulator.run(image, STM32F405)


def test_a_program_without_vectors_is_refused(toolchain, emulator, chip):
    """Where the core looks for them is something else, such as code."""
    sources = chip.main_of("")
    sources["startup.c"] = sources["startup.c"].replace(b'section(".vectors")', b'section(".rodata.vectors")')
    image = toolchain.build(sources, STM32F405, linker_script(STM32F405))

    with pytest.raises(ImageError, match=r"^received a program whose reset vector is 0x.*; expected the address of Thumb code, which is odd$"):
        emulator.run(image, STM32F405)


def test_a_core_that_unicorn_does_not_have_is_refused(toolchain, emulator, chip):
    """The Cortex-M55 came after it."""
    target = STM32F405.model_copy(update={"core": "cortex-m55"})
    image = toolchain.build(chip.main_of(""), target, linker_script(target))

    with pytest.raises(EmulatorError, match=r"^Unicorn emulates no cortex-m55; expected one of cortex-m0plus, .*: stm32f405's figures need a board$"):
        emulator.run(image, target)


def test_a_missing_unicorn_is_told_with_the_way_to_get_it(toolchain, emulator, chip, monkeypatch):
    """It is in the extra called chip."""
    image = toolchain.build(chip.main_of(""), STM32F405, linker_script(STM32F405))
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(EmulatorError, match=r"^found no emulated core: the package unicorn is missing; get it with pip install 'emberflow\[chip\]'$"):
        emulator.run(image, STM32F405)


def test_a_program_too_large_to_count_is_refused(run, chip, monkeypatch):
    """The counter's table is made small here."""
    monkeypatch.setattr("emberflow.adapters.counter._BLOCKS", 4)

    with pytest.raises(EmulatorError, match="received a program of more blocks of code than the emulator counts; expected one of a few hundred KiB"):
        run(chip.main_of(""))


def test_a_cores_memory_is_given_back_before_python_collects(run, chip):
    """270 MB each; one that ran to its limit too."""

    def private_mib():
        return next(int(line.split()[1]) // 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData:"))

    ends, hangs = chip.main_of("return 0"), chip.main_of('for (;;) __asm__ volatile("")')
    run(ends)
    gc.collect()
    gc.disable()
    try:
        before = private_mib()
        for _ in range(3):
            run(ends)
            with pytest.raises(InstructionLimit):
                run(hangs)
        assert private_mib() - before < 200
    finally:
        gc.enable()
