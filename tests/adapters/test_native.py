"""Generated C runs on this machine, and a crash is told."""

import numpy as np
import pytest

from emberflow.adapters.native import run_on_host
from emberflow.errors import ChipError

INPUTS = np.random.default_rng(5).integers(-128, 128, (20, 48)).astype(np.int8)


def test_outputs_of_every_sample(toolchain, chip):
    """Each byte plus one."""
    (outputs,) = run_on_host(toolchain, chip.MODEL, "tiny_infer", (INPUTS,), (48,))

    assert np.array_equal(INPUTS + np.int8(1), outputs.view(np.int8))


def test_several_inputs_and_outputs(toolchain):
    """Two of one byte each, given back the other way round."""
    text = b"void swap_infer(const signed char *a, const signed char *b, signed char *c, signed char *d) { *c = *b; *d = *a; }"
    first, second = INPUTS[:, :1], INPUTS[:, 1:2]

    assert [second.tobytes(), first.tobytes()] == [
        each.tobytes() for each in run_on_host(toolchain, {"swap.c": text}, "swap_infer", (first, second), (1, 1))
    ]


def test_a_crash_is_told_with_its_signal(toolchain, chip):
    """It calls abort."""
    sources = chip.MODEL | {"tiny.c": b"void tiny_infer(const signed char *a, signed char *b) { (void)a; (void)b; *(volatile int *)8 = 1; }"}

    with pytest.raises(ChipError, match=r"^tiny_infer, built for this machine, ended with SIGSEGV; expected outputs: the generated C is wrong$"):
        run_on_host(toolchain, sources, "tiny_infer", (INPUTS,), (48,))


def test_a_function_that_is_not_there_is_told(toolchain, chip):
    """With the last words of the process."""
    with pytest.raises(ChipError, match=r"(?s)^other, built for this machine, ended with code 1 \(.*undefined symbol: other\)"):
        run_on_host(toolchain, chip.MODEL, "other", (INPUTS,), (48,))
