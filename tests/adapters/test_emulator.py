"""A program on the emulated core computes, and is measured. What it must not do is in test_machine.py."""

import numpy as np
import pytest

from emberflow.adapters.emulator import Run
from emberflow.adapters.toolchain import Options
from emberflow.compiler import compile_model
from emberflow.errors import ChipFault, ImageError
from emberflow.evaluate import reference
from emberflow.evaluate.parity import as_bytes
from emberflow.firmware.chip.program import linker_script, measuring_program, product_program
from emberflow.target import TargetKind, find_target, load_targets
from tests.adapters.a_network import PAIRS, two_by_two

pytest.importorskip("unicorn")

MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]
STM32F405 = find_target("stm32f405")
INPUTS = np.random.default_rng(5).integers(-128, 128, (20, 48)).astype(np.int8)

PLAIN, TESTED = Options(), Options({"EMBERFLOW_SELF_TEST": "1"})

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


@pytest.fixture
def run(toolchain, emulator):
    """Build a program for an STM32F405 and run it."""

    def run(sources, options=PLAIN, **how):
        image = toolchain.build(sources, STM32F405, linker_script(STM32F405, stack_bytes=4096), options)
        return emulator.run(image, STM32F405, Run(**how))

    return run


def deep(frame_bytes):
    """A function that fills a frame of so many bytes, and a main that calls it."""
    before = f"__attribute__((noinline)) int deep(void) {{ volatile char frame[{frame_bytes}]; for (int i = 0; i < {frame_bytes}; ++i) frame[i] = 7;"
    return "return deep() != 7", before + " return frame[1]; }"


def test_a_larger_frame_is_a_deeper_stack(run, chip):
    """By as many bytes as the frame is larger."""
    shallow, deeper = run(chip.main_of(*deep(200))), run(chip.main_of(*deep(1000)))

    assert deeper.stack_bytes - shallow.stack_bytes == 800
    assert 200 < shallow.stack_bytes < 300


def test_a_frame_that_is_not_written_counts_too(run, chip):
    """The stack pointer went there, and an interrupt would write below it."""
    before = 'void low(char *p) { __asm__ volatile("" ::"r"(p) : "memory"); } __attribute__((noinline)) int deep(void) { char frame[1000]; low(frame); return 0; }'

    assert run(chip.main_of("return deep()", before.replace("void low", "__attribute__((noinline)) void low"))).stack_bytes >= 1000


def test_a_trace_shows_each_layer(run, chip):
    """Built with EF_TRACE, each layer's bytes are seen on their way: input plus one, and the same as output."""
    execution = run(chip.MODEL | measuring_program("tiny"), Options(defines={"EF_TRACE": "1"}), inputs={"inputs.bin": INPUTS[:2].tobytes()})
    expected = [(layer, (INPUTS[i] + np.int8(1)).tobytes()) for i in range(2) for layer in range(2)]

    assert expected == [(trace.layer, trace.data) for trace in execution.traces]
    assert sorted({trace.at_instruction for trace in execution.traces}) == [trace.at_instruction for trace in execution.traces]


def test_a_layer_may_have_a_negative_number(run, chip):
    """It is an int32_t."""
    sources = chip.main_of("ef_trace(-2, tiny_arena, 4)")
    execution = run(sources, Options(defines={"EF_TRACE": "1"}))

    assert [(-2, b"\0\0\0\0")] == [(trace.layer, trace.data) for trace in execution.traces]


def test_a_trace_of_what_is_no_memory_is_a_fault(run, chip):
    """It is as wrong as reading it."""
    with pytest.raises(ChipFault, match=r"^ef_trace \(at .*\) asked the debugger for 8 B at 0x50000000, which are not all in one memory$"):
        run(chip.main_of("ef_trace(0, (void *)0x50000000, 8)"), Options(defines={"EF_TRACE": "1"}))


NESTED = """
__attribute__((noinline)) int inner(int n) { __asm__ volatile("nop\\n\\tnop\\n\\tnop"); return n; }
__attribute__((noinline)) int outer(int n) { int sum = 0; for (int i = 0; i < n; ++i) sum += inner(i); return sum; }
__attribute__((noinline)) int again(int n) { return n ? again(n - 1) + inner(n) : 0; }
"""


def test_calls_within_calls(run, chip):
    """Three calls of inner within one of outer, whose instructions are among outer's."""
    calls = run(chip.main_of("return outer(3) != 3", NESTED), watched=("inner", "outer")).calls

    assert ["inner", "inner", "inner", "outer"] == [call.function for call in calls]
    assert [0, 1, 2, 3] == [call.arguments[0] for call in calls]
    assert [4, 4, 4] == [call.instructions for call in calls[:3]]  # three nops and the return; the argument is the result
    assert calls[3].instructions > 12
    assert all(calls[3].at_instruction < c.at_instruction < calls[3].at_instruction + calls[3].instructions for c in calls[:3])


def test_calls_of_itself(run, chip):
    """Each within the one before."""
    calls = run(chip.main_of("return again(3) != 6", NESTED), Options(flags=("-fno-optimize-sibling-calls",)), watched=("again",)).calls

    assert [0, 1, 2, 3] == [call.arguments[0] for call in calls]
    counts = [call.instructions for call in calls]
    assert counts == sorted(set(counts))


def test_instructions_by_function_add_up(run, chip):
    """Most of them first."""
    execution = run(chip.main_of("return outer(50) != 1225", NESTED))
    counts = list(execution.by_function.values())

    assert execution.by_function["inner"] == 50 * 4
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == execution.instructions


def test_a_function_that_is_not_there_can_not_be_watched(run, chip):
    """It may have been inlined."""
    with pytest.raises(ImageError, match=r"^received 'nothing' as a function to watch, which the program does not have; is it static, or inlined\?$"):
        run(chip.main_of(""), watched=("nothing",))


def test_what_is_printed_and_returned(run, chip):
    """By a program that ends by returning from main."""
    execution = run(chip.main_of('ef_print("warm "); ef_print("ember\\n"); return 7'))

    assert (7, "warm ember\n") == (execution.exit_status, execution.text)


def test_a_program_that_finds_no_inputs_says_so(run, chip):
    """71 is the measuring program's word for it."""
    assert run(chip.MODEL | measuring_program("tiny")).exit_status == 71


def test_variables_have_their_first_values(run, chip):
    """.data is copied, .bss is zeroed, constants stay in flash."""
    before = "int three = 3; int nothing; const int five = 5; const int *const place = &five;"

    assert run(chip.main_of("return three == 3 && nothing == 0 && *place == 5 && (unsigned)place < 0x08100000 ? 0 : 1", before)).exit_status == 0


def test_a_product_ends_where_main_returns(run, chip):
    """No semihosting is in it; the status is the number of vectors that failed."""
    wrong = INPUTS + np.int8(1)
    wrong[3, 0] += 1
    wrong[4, 47] += 1

    assert [0, 0, 2] == [
        run(chip.MODEL | product_program("tiny", vectors), options=TESTED).exit_status
        for vectors in (None, (INPUTS, INPUTS + np.int8(1)), (INPUTS, wrong))
    ]


def test_a_product_of_several_inputs_and_outputs_tests_itself(toolchain, emulator):
    """All of its vectors are TFLM's; then one byte of the second output of two of them is not."""
    compiled, outputs = compile_model(two_by_two(), "tiny"), as_bytes(reference.outputs(two_by_two(), PAIRS)).view(np.int8)
    wrong = outputs.copy()
    wrong[[3, 5], 6] += 1

    def failures(expected):
        program = product_program("tiny", (as_bytes(PAIRS).view(np.int8), expected), 2, 2)
        image = toolchain.build(compiled.files | program, STM32F405, linker_script(STM32F405), TESTED)
        return emulator.run(image, STM32F405).exit_status

    assert [0, 2] == [failures(outputs), failures(wrong)]


def test_a_product_takes_inputs_from_its_board(run, chip):
    """Three of them, until there are no more; ef_on_output sees each result."""
    board = b"""
#include "tiny.h"
static int given, sum;
int ef_read_input(void *input) { *(int8_t *)input = (int8_t)given; return given++ < 3; }
void ef_on_output(const void *output) { sum += *(const int8_t *)output; }
void ef_halt(int status) { for (;;) { __asm__ volatile("" ::"r"(status)); } }
int board_sum(void) { return sum; }
"""
    product = product_program("tiny")
    product["main.c"] = product["main.c"].replace(b"return 0;\n}", b"extern int board_sum(void);\n  return board_sum();\n}")

    assert run(chip.MODEL | product | {"board.c": board}).exit_status == 1 + 2 + 3


def test_a_run_does_not_change_with_the_counting_of_alignment(run, chip):
    """The strict part is a run of its own."""
    many, none = (run(chip.MODEL | measuring_program("tiny"), inputs={"inputs.bin": INPUTS.tobytes()}, strict_instructions=n) for n in (10**6, 0))

    assert many == none
