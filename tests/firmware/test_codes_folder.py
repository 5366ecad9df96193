"""The firmware folder of two inputs and two outputs: it builds by itself, and what is built passes its own test on an emulated core."""

import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from emberflow.adapters.toolchain import Options
from emberflow.compiler import compile_model
from emberflow.errors import BundleError
from emberflow.evaluate import litert, reference
from emberflow.firmware.chip.image import read_image
from emberflow.firmware.chip.program import linker_script
from emberflow.firmware.codes_folder import CodesProduct, render_codes_firmware
from emberflow.firmware.folder import Build, flat_sources
from emberflow.target import find_target
from tests.adapters.a_network import PAIRS, two_by_two
from tests.firmware.conftest import zig
from tests.firmware.test_folder import GNU, ON_CHIP, OTHERS, STRICT, ZEPHYR, build, needs_cmake

TESTED = Options({"EMBERFLOW_SELF_TEST": "1"})


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

    folders = {"README.md", "CMakeLists.txt", "model", "application", "chip", "cmake", "arduino", "zephyr"}
    application = {"main.c", "board.c", "self_test.h", "self_test.c", "test_vectors.h", "test_vectors.c"}

    assert folders == {path.split("/")[1] for path in files}
    assert application == {path.split("/")[2] for path in files if "/application/" in path}
    assert files == render_codes_firmware(made)


def failures(product, toolchain, emulator):
    sources = flat_sources(render_codes_firmware(product))
    return emulator.run(toolchain.build(sources, product.target, linker_script(product.target), TESTED), product.target).exit_status


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


def test_the_sources_are_strict_c_on_other_cores(made, write):
    """On the portable path, without a warning; `main.c` and what starts a chip are Arm's."""
    firmware = write(render_codes_firmware(made)) / "firmware"
    sources = [firmware / "model" / "pair.c", *((firmware / "application" / name) for name in ("self_test.c", "test_vectors.c", "board.c"))]

    for flags in OTHERS.values():
        for source in sources:
            zig("cc", *STRICT, *flags, "-I", firmware / "model", "-I", firmware / "application", source, "-o", firmware / "checked.o")


def test_the_headers_are_c_plus_plus_too(made, write):
    """All of them at once, in C++11 as Arduino's oldest compilers take it."""
    firmware = write(render_codes_firmware(made)) / "firmware"
    includes = "".join(f'#include "{name}"\n' for name in ("pair.h", "self_test.h", "test_vectors.h"))
    (firmware / "all.cc").write_text(includes + "int main() { return pair_self_test(); }\n")

    zig("c++", "-std=c++11", *STRICT[1:], "-I", firmware / "model", "-I", firmware / "application", firmware / "all.cc", "-o", firmware / "checked.o")


def library_of(product):
    return zipfile.ZipFile(io.BytesIO(render_codes_firmware(product)["firmware/arduino/pair.zip"]))


def test_the_arduino_library_has_its_layout(made):
    """Arduino library specification 2.2: properties, `src`, examples in folders of their own names."""
    with library_of(made) as archive:
        names = archive.namelist()
        properties = dict(line.split("=", 1) for line in archive.read("pair_model/library.properties").decode().splitlines())

    assert ("pair_model", "pair.h") == (properties["name"], properties["includes"])
    assert "pair_model/examples/pair/pair.ino" in names
    assert {"pair.c", "pair.h", "pair_kernels.h", "self_test.h", "self_test.c", "test_vectors.h", "test_vectors.c"} == {
        name.split("/")[-1] for name in names if "/src/" in name
    }


def run_sketch(product, folder):
    """What the example prints: the library's C apart, the sketch as C++ with a stand-in for Arduino.h in front, as the builder does it."""
    with library_of(product) as archive:
        archive.extractall(folder)
    source, objects = folder / "pair_model" / "src", []
    for file in sorted(source.glob("*.c")):
        objects.append(file.with_suffix(".o"))
        zig("cc", "-O1", "-c", file, "-o", objects[-1])
    (folder / "sketch.cc").write_text((folder / "pair_model/examples/pair/pair.ino").read_text() + "\nint main() { setup(); loop(); }\n")
    stand_in = Path(__file__).with_name("arduino.h")
    zig("c++", "-Wall", "-Werror", "-include", stand_in, "-I", source, folder / "sketch.cc", *objects, "-o", folder / "sketch")
    return subprocess.run([folder / "sketch"], capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_arduino_example_runs(made, tmp_path):
    """All vectors agree; then the codes of both outputs for inputs of zeros, which are TFLM's."""
    zeros = tuple(np.zeros((1, *codes.shape[1:]), codes.dtype) for codes in PAIRS)
    first, second = (" ".join(map(str, codes[0].tolist())) for codes in reference.outputs(made.model, zeros))

    assert [
        "vectors that differ from what was measured: 0",
        f"output0: {first}, output1: {second}, microseconds: some",
    ] == run_sketch(made, tmp_path)


def test_the_arduino_example_tells_of_a_wrong_output(made, tmp_path):
    """In every vector."""
    first, second = made.vectors[1]

    assert "vectors that differ from what was measured: 16" == run_sketch(replace(made, vectors=(PAIRS, (first ^ 1, second))), tmp_path)[0]


def test_the_zephyr_module_names_files_that_are_there(made):
    """And an option that the sources depend on."""
    files = render_codes_firmware(made)
    cmake, kconfig = files["firmware/zephyr/CMakeLists.txt"], files["firmware/zephyr/Kconfig"]

    assert {"name": "pair", "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}} == yaml.safe_load(files["firmware/zephyr/module.yml"])
    named = re.findall(r"\.\./(\w+/\w+\.c)", cmake.decode())
    assert ["model/pair.c", "application/self_test.c", "application/test_vectors.c"] == named
    assert [] == [name for name in named if f"firmware/{name}" not in files]
    assert re.findall(rb"CONFIG_(\w+)", cmake) == re.findall(rb"^config (\w+)", kconfig, re.MULTILINE)


@needs_cmake
@pytest.mark.parametrize(("options", "sources"), [((), 0), (("PAIR_MODEL",), 1), (("PAIR_MODEL", "PAIR_SELF_TEST"), 3)])
def test_zephyrs_cmake_takes_the_module(made, write, options, sources):
    """With stand-ins for Zephyr's functions: nothing unless it is asked for."""
    firmware = write(render_codes_firmware(made)) / "firmware"
    (firmware / "zephyr.cmake").write_text(ZEPHYR + "".join(f"set(CONFIG_{option} y)\n" for option in options) + "include(zephyr/CMakeLists.txt)\n")
    done = subprocess.run([shutil.which("cmake"), "-P", "zephyr.cmake"], cwd=firmware, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert sources == done.stderr.count("source ")


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
