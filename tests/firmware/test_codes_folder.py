"""The firmware folder of two inputs and two outputs: it builds by itself, and what is built passes its own test on an emulated core."""

import re
from dataclasses import replace

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.errors import BundleError
from emberflow.evaluate import litert, reference
from emberflow.firmware.chip.image import read_image
from emberflow.firmware.chip.program import linker_script
from emberflow.firmware.codes_folder import CodesProduct, render_codes_firmware
from emberflow.firmware.folder import Build, flat_sources
from emberflow.target import find_target
from tests.adapters.a_network import PAIRS, two_by_two
from tests.firmware.test_folder import GNU, ON_CHIP, build, needs_cmake


@pytest.fixture(scope="module")
def made():
    """The network of two by two for an STM32F405, with 120 vectors that TFLM answered."""
    model = two_by_two()
    vectors = PAIRS, reference.outputs(model, PAIRS)
    compiled = Build(compile_model(model, "pair").files)
    return CodesProduct("pair", model, *litert.read_all_borders(model), vectors, find_target("stm32f405"), compiled)


def test_the_files(made):
    """Those that the module's docstring names; the same every time."""
    files = render_codes_firmware(made)

    assert {"README.md", "CMakeLists.txt", "model", "application", "chip", "cmake"} == {path.split("/")[1] for path in files}
    assert {"main.c", "board.c", "test_vectors.h", "test_vectors.c"} == {path.split("/")[2] for path in files if "/application/" in path}
    assert files == render_codes_firmware(made)


def failures(product, toolchain, emulator):
    sources = flat_sources(render_codes_firmware(product))
    return emulator.run(toolchain.build(sources, product.target, linker_script(product.target)), product.target).exit_status


@pytest.mark.parametrize("target", ["stm32f405", "stm32g071"])
def test_the_program_passes_its_test_on_the_core(made, toolchain, emulator, target):
    """Sixteen vectors of all inputs and outputs."""
    assert 0 == failures(replace(made, target=find_target(target)), toolchain, emulator)


def test_the_program_tells_of_a_wrong_output(made, toolchain, emulator):
    """The last byte of the second output, in every vector."""
    first, second = made.vectors[1]
    wrong = second.copy()
    wrong[:, -1] ^= 1

    assert 16 == failures(replace(made, vectors=(PAIRS, (first, wrong))), toolchain, emulator)


@needs_cmake
@pytest.mark.parametrize("compiler", ["zig", GNU])
def test_cmake_builds_it(made, write, emulator, compiler):
    """With nothing but a compiler; and the program passes its test on the core."""
    elf = build(write(render_codes_firmware(made)) / "firmware", compiler, "pair")

    assert 0 == emulator.run(read_image(elf), made.target).exit_status


def test_the_page_names_every_border(made):
    """Type, shape and what a code means, and the call."""
    page = render_codes_firmware(replace(made, build=replace(made.build, on_chip=ON_CHIP, compiler="zig")))["firmware/README.md"].decode()

    assert "It has 2 inputs and 2 outputs" in page
    assert re.search(r"^\| `pair_input1\(\)` \| `int8_t` \| \(4\) \| 0\.08\d* \* \(code - 3\) \|$", page, re.MULTILINE)
    assert re.search(r"^\| `pair_output1\(\)` \| `uint8_t` \| \(3\) \| 0\.1\d* \* \(code - 128\) \|$", page, re.MULTILINE)
    assert "pair_infer(pair_input0(), pair_input1(), pair_output0(), pair_output1());" in page
    assert "| *instructions* of one inference | 1,234,567 |" in page


def test_the_self_test_takes_an_eighth_of_flash_at_most(made):
    """A vector takes 12 + 7 bytes: of 800 B of flash, 5 fit into 100; of 80 none does, so that it is built in when asked for."""

    def on(flash_bytes):
        return replace(made, target=made.target.model_copy(update={"flash_bytes": flash_bytes}))

    assert [(16, True), (5, True), (1, False)] == [(len(on(size).tested[0]), on(size).has_self_test) for size in (1 << 20, 800, 80)]
    assert b'"run the test vectors before the main loop" OFF' in render_codes_firmware(on(80))["firmware/CMakeLists.txt"]


def test_sources_of_another_name_are_refused(made):
    """As for one input."""
    with pytest.raises(BundleError, match=r"^received compiled sources pair\.h, .*; expected other\.c, other\.h, other_kernels\.h too$"):
        replace(made, name="other")


def test_vectors_are_spread_evenly(made):
    """The first and the last are among them."""
    inputs, _ = made.tested

    assert np.array_equal(np.concatenate([PAIRS[0][0], PAIRS[1][0]]), inputs[0])
    assert np.array_equal(np.concatenate([PAIRS[0][-1], PAIRS[1][-1]]), inputs[-1])
