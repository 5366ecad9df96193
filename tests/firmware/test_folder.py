"""The firmware folder: it builds by itself in each of its ways, and what is built passes its own test on an emulated core.

The CMake projects need cmake (on Debian: apt-get install cmake, and gcc-arm-none-eabi for the GNU toolchain); without it those tests are
skipped, and the same sources are built by the toolchain adapter alone.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from emberflow.adapters.toolchain import Options
from emberflow.errors import BundleError
from emberflow.firmware.chip.image import read_image
from emberflow.firmware.chip.program import linker_script
from emberflow.firmware.folder import flat_sources, render_firmware
from emberflow.on_chip import Emulated, Linked, OnChip, Parity
from emberflow.target import find_target
from tests.firmware.conftest import zig

EQUAL = Parity(runtime="firmware", samples=100, bytes=300, differing_bytes=0, differing_samples=0, largest_difference=0, distinct_outputs=90)
EMULATED = Emulated(
    core="cortex-m4f", parity=EQUAL, first_difference=None, stack_bytes=264, instructions=1_234_567, least_instructions=1, most_instructions=2_000_000
)
LINKED = Linked(flash_bytes=12_345, variable_bytes=5_000, arena_bytes=4_992, reserved_stack_bytes=1024, sections={}, missing_bytes={})
ON_CHIP = OnChip(target="stm32f405", linked=LINKED, layers=(), emulated=EMULATED, on_host=EQUAL, host_differing_bytes=0)
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c")
# what zig's Clang has of other cores than Arm's; it has no Xtensa (ESP32)
OTHERS = {
    "x86-64": ("-Wconversion",),
    "riscv32": ("-target", "riscv32-freestanding", "-ffreestanding", "-Wconversion"),
    "avr": ("-target", "avr-freestanding", "-mmcu=atmega2560", "-ffreestanding", "-Os"),
}
ZEPHYR = (
    "macro(zephyr_library)\nendmacro()\nmacro(zephyr_include_directories)\nendmacro()\nmacro(zephyr_library_compile_options)\nendmacro()\n"
    'macro(zephyr_library_sources)\nforeach(file ${ARGV})\nmessage("source ${file}")\nendforeach()\nendmacro()\n'
    "macro(zephyr_library_sources_ifdef option)\nif(${option})\nzephyr_library_sources(${ARGN})\nendif()\nendmacro()\n"
)
"""Stand-ins for Zephyr's functions in CMake, which print each source."""

needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed; on Debian: apt-get install cmake")
GNU = pytest.param("gnu", marks=pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"))


def build(firmware: Path, toolchain: str, name: str = "small") -> bytes:
    """The program that CMake builds in the folder `firmware`; what a compiler warns of fails the test."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for words in (["-B", "build", f"-DCMAKE_TOOLCHAIN_FILE=cmake/{toolchain}.cmake"], ["--build", "build"]):
        done = subprocess.run([shutil.which("cmake"), *words], cwd=firmware, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warning" not in done.stderr
    return (firmware / "build" / f"{name}.elf").read_bytes()


def spoil(product):
    """One output of the second vector is off by one."""
    vectors = product.app.vectors
    outputs = vectors.outputs.copy()
    outputs[1, 0] ^= 1
    return replace(product, app=replace(product.app, vectors=replace(vectors, outputs=outputs)))


def test_the_files(product):
    """Those that the module's docstring names."""
    folders = {path.split("/")[1] for path in render_firmware(product())}

    assert {"README.md", "CMakeLists.txt", "model", "application", "chip", "cmake", "arduino", "zephyr"} == folders
    assert {"small.h", "small.c", "small_kernels.h"} == {path.split("/")[2] for path in render_firmware(product()) if "/model/" in path}


def test_the_same_product_gives_the_same_bytes(product):
    """The zip among them."""
    assert render_firmware(product()) == render_firmware(product())


@pytest.mark.parametrize("target", ["stm32f405", "stm32g071"])
def test_the_program_passes_its_test_on_the_core(product, toolchain, emulator, target):
    """Sixteen vectors, from raw values to outputs; with and without an FPU."""
    made = product(target)
    image = toolchain.build(flat_sources(render_firmware(made)), made.target, linker_script(made.target), Options({"EMBERFLOW_SELF_TEST": "1"}))

    assert 0 == emulator.run(image, made.target).exit_status


def test_the_program_tells_of_a_wrong_output(product, toolchain, emulator):
    """By the number of vectors that fail."""
    made = spoil(product())
    image = toolchain.build(flat_sources(render_firmware(made)), made.target, linker_script(made.target), Options({"EMBERFLOW_SELF_TEST": "1"}))

    assert 1 == emulator.run(image, made.target).exit_status


@needs_cmake
@pytest.mark.parametrize("compiler", ["zig", GNU])
def test_cmake_builds_it(product, write, emulator, compiler):
    """With nothing but a compiler; and the program passes its test on the core."""
    elf = build(write(render_firmware(product())) / "firmware", compiler)

    assert 0 == emulator.run(read_image(elf), find_target("stm32f405")).exit_status


def test_the_sources_are_strict_c_on_other_cores(product, write):
    """On the portable path, without a warning."""
    firmware = write(render_firmware(product())) / "firmware"
    sources = [*(firmware / "model").glob("*.c"), *(path for path in (firmware / "application").glob("*.c"))]

    for flags in OTHERS.values():
        for source in sources:
            zig("cc", *STRICT, *flags, "-I", firmware / "model", "-I", firmware / "application", source, "-o", firmware / "checked.o")


def test_the_headers_are_c_plus_plus_too(product, write):
    """All of them at once, in C++11 as Arduino's oldest compilers take it."""
    firmware = write(render_firmware(product())) / "firmware"
    headers = ["small.h", "board.h", "self_test.h", "test_vectors.h", "labels.h"]
    (firmware / "all.cc").write_text(
        "".join(f'#include "{name}"\n' for name in headers) + "int main() { small_infer(small_input(), small_output()); }\n"
    )

    zig("c++", "-std=c++11", *STRICT[1:], "-I", firmware / "model", "-I", firmware / "application", firmware / "all.cc", "-o", firmware / "checked.o")


def test_the_arduino_library_has_its_layout(product):
    """Arduino library specification 2.2: properties, `src`, examples in folders of their own names."""
    with zipfile.ZipFile(io.BytesIO(render_firmware(product())["firmware/arduino/small.zip"])) as archive:
        names = archive.namelist()
        properties = dict(line.split("=", 1) for line in archive.read("small_model/library.properties").decode().splitlines())

    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures", "includes"} == properties.keys()
    assert "small_model/examples/small/small.ino" in names
    assert {"small.c", "small.h", "small_kernels.h", "self_test.c", "preprocess.h"} <= {name.split("/")[-1] for name in names if "/src/" in name}
    assert not any(name.endswith("main.c") for name in names)


@pytest.mark.long
def test_the_arduino_example_runs(product, tmp_path):
    """As the builder does it: the library's C apart, the sketch as C++ with Arduino.h in front; all samples agree."""
    with zipfile.ZipFile(io.BytesIO(render_firmware(product())["firmware/arduino/small.zip"])) as archive:
        archive.extractall(tmp_path)
    source, objects = tmp_path / "small_model" / "src", []
    for file in sorted(source.glob("*.c")):
        objects.append(file.with_suffix(".o"))
        zig("cc", "-O1", "-c", file, "-o", objects[-1])
    main = "\nint main() { setup(); loop(); }\n"
    (tmp_path / "sketch.cc").write_text((tmp_path / "small_model/examples/small/small.ino").read_text() + main)
    stand_in = Path(__file__).with_name("arduino.h")
    zig("c++", "-Wall", "-Werror", "-include", stand_in, "-I", source, tmp_path / "sketch.cc", *objects, "-o", tmp_path / "sketch")

    first, second = subprocess.run([tmp_path / "sketch"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert "samples that differ from what was measured: 0" == first
    assert second in {f"{label}, microseconds: some" for label in product().app.labels}


def test_the_zephyr_module_names_files_that_are_there(product):
    """And an option that the sources depend on."""
    files = render_firmware(product())
    module = yaml.safe_load(files["firmware/zephyr/module.yml"])
    named = re.findall(r"\.\./(\w+/\w+\.c)", files["firmware/zephyr/CMakeLists.txt"].decode())

    assert {"name": "small", "build": {"cmake": "zephyr", "kconfig": "zephyr/Kconfig"}} == module
    assert {"model/small.c", "application/preprocess.c", "application/test_vectors.c"} < set(named)
    assert [] == [name for name in named if f"firmware/{name}" not in files]
    assert re.findall(rb"CONFIG_(\w+)", files["firmware/zephyr/CMakeLists.txt"]) == re.findall(
        rb"^config (\w+)", files["firmware/zephyr/Kconfig"], re.M
    )


@needs_cmake
@pytest.mark.parametrize(("options", "sources"), [((), []), (("SMALL_MODEL",), 3), (("SMALL_MODEL", "SMALL_SELF_TEST"), 5)])
def test_zephyrs_cmake_takes_the_module(product, write, options, sources):
    """With stand-ins for Zephyr's functions: nothing unless it is asked for."""
    firmware = write(render_firmware(product())) / "firmware"
    (firmware / "zephyr.cmake").write_text(ZEPHYR + "".join(f"set(CONFIG_{option} y)\n" for option in options) + "include(zephyr/CMakeLists.txt)\n")
    done = subprocess.run([shutil.which("cmake"), "-P", "zephyr.cmake"], cwd=firmware, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (sources or 0) == done.stderr.count("source ")


def page_of(product):
    return render_firmware(product)["firmware/README.md"].decode()


def test_the_page_says_what_was_measured(product):
    """Of the program, and on the emulated core."""
    page = page_of(product(on_chip=ON_CHIP, compiler="zig"))

    assert "| flash of the whole program, without the self-test | 12,345 |" in page
    assert "of which 1,024 are set aside for the stack | 6,024 |" in page
    assert "| *instructions* of one inference | 1,234,567 |" in page
    assert "Of 100 inputs,\nevery byte of every output equals that of TensorFlow Lite for Microcontrollers." in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"emulated": EMULATED.model_copy(update={"parity": EQUAL.model_copy(update={"differing_bytes": 7})})},
            "**7 bytes of outputs differ from those",
        ),
        ({"unproven": "outputs don't vary"}, "which proves nothing: outputs don't vary."),
        ({"emulated": None, "unproven": "found no emulated core"}, "It was not run: found no emulated core."),
        ({"emulated": None, "fault": "wrote to flash"}, "It was not run: wrote to flash."),
    ],
)
def test_the_page_says_what_was_not_proven(product, changes, told):
    """In the place of the proof."""
    page = page_of(product(on_chip=ON_CHIP.model_copy(update=changes)))

    assert told in page
    assert "every byte of every output equals that of TensorFlow Lite for Microcontrollers." not in page


def test_the_page_says_that_nothing_was_measured(product):
    """Where there was no compiler."""
    assert "| not measured: no C compiler was there |" in page_of(product())


def test_the_page_tells_of_boot_code_where_there_is_some(product):
    """On the RP2040."""
    assert b"The first 256 bytes of flash are left" in render_firmware(product("rp2040"))["firmware/README.md"]
    assert b"second-stage" not in render_firmware(product())["firmware/README.md"]


def test_the_self_test_takes_an_eighth_of_flash_at_most(product):
    """A vector takes 72 raw values of 4 bytes, 72 codes and 3 outputs, 363 B: of 16 KiB, 5 fit into 2 KiB; of 2 KiB none does."""

    def on(flash_bytes):
        made = product()
        return replace(made, target=made.target.model_copy(update={"flash_bytes": flash_bytes}))

    assert (16, True) == (len(on(1 << 20).tested.vectors), on(1 << 20).has_self_test)
    assert (5, True) == (len(on(16384).tested.vectors), on(16384).has_self_test)
    assert (1, False) == (len(on(2048).tested.vectors), on(2048).has_self_test)
    assert b'"run the test vectors before the main loop" OFF' in render_firmware(on(2048))["firmware/CMakeLists.txt"]


def test_sources_of_another_name_are_refused(product):
    """The application's name begins every name in them."""
    with pytest.raises(BundleError, match=r"^received compiled sources other\.h; expected small\.c, small\.h, small_kernels\.h too$"):
        product(sources={"other.h": b""})


def test_a_header_without_an_arena_is_refused(product):
    """Somebody else's."""
    made = product(sources={"small.h": b"", "small.c": b"", "small_kernels.h": b""})

    with pytest.raises(BundleError, match=r"^received small\.h without the size of the arena; expected the header that the compiler wrote$"):
        render_firmware(made)


def test_a_linux_device_is_refused(product):
    """It runs the .tflite."""
    with pytest.raises(BundleError, match=r"^received linux-arm64 as the target of compiled sources; expected a microcontroller$"):
        product("linux-arm64")
