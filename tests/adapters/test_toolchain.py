"""Sources become a program for a core, or the reason why not."""

import ctypes
import fcntl
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emberflow.adapters import toolchain as module
from emberflow.adapters.toolchain import Compiler, Options, Toolchain, default_cache
from emberflow.errors import DoesNotFit, StoreError, TargetError, ToolchainError
from emberflow.firmware.chip.program import host_program, linker_script, measuring_program, product_program
from emberflow.target import TargetKind, find_target, load_targets

GNU = pytest.param(Compiler.GNU, marks=pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"))
MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]
STM32F103 = find_target("stm32f103")

every_microcontroller = pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)


@every_microcontroller
def test_a_program_is_built_for_every_target(toolchain, chip, target):
    """The arena of 4,096 B is RAM, the variable of 4 B too, and takes flash as well; the stack is set aside."""
    image = toolchain.build(chip.MODEL | measuring_program("tiny"), target, linker_script(target, stack_bytes=512))

    assert (4096 + 4, 512) == (image.ram_bytes, image.stack_bytes)
    assert image.flash_bytes == image.sections.get(".boot", 0) + (image.sections[".text"] + 3) // 4 * 4 + image.sections[".rodata"] + 4
    assert "tiny_infer" in image.symbols


def test_what_reaches_the_chip_is_the_same_every_time(toolchain, chip):
    """Two builds, in folders of different names."""
    sources, script = chip.MODEL | product_program("tiny"), linker_script(STM32F103)

    assert toolchain.build(sources, STM32F103, script).loaded_sha256 == toolchain.build(sources, STM32F103, script).loaded_sha256


def test_names_can_be_defined(toolchain, chip):
    """Traced programs call ef_trace."""
    image = toolchain.build(chip.MODEL | measuring_program("tiny"), STM32F103, linker_script(STM32F103), Options(defines={"EF_TRACE": "1"}))

    assert image.symbols["ef_trace"].is_function


@pytest.mark.parametrize("compiler", [Compiler.ZIG, GNU])
def test_too_much_ram_is_told_to_the_byte(toolchain, chip, compiler):
    """The STM32F103 has 20,480 B: an arena of 21,504, a variable of 4 and the stack of 1,024 are 2,052 too many."""
    sources = chip.MODEL | measuring_program("tiny") | {"tiny.h": chip.HEADER.replace(b"4096", b"21504")}

    with pytest.raises(DoesNotFit, match=r"^needs 2,052 B more RAM than stm32f103 has; try an int8 recipe, ") as caught:
        Toolchain(toolchain.cache, compiler).build(sources, STM32F103, linker_script(STM32F103))
    assert caught.value.missing_bytes == {"sram": 2052}


def test_too_large_a_stack_does_not_fit_either(toolchain, chip):
    """It is part of the memory map: 20,480 - 4,096 - 4 are left for it, which is 4 less than asked."""
    with pytest.raises(DoesNotFit, match=r"^needs 4 B more RAM than stm32f103 has"):
        toolchain.build(chip.MODEL | product_program("tiny"), STM32F103, linker_script(STM32F103, stack_bytes=16384))


def test_too_much_flash_is_told_to_the_byte(toolchain, chip):
    """Of a program that fits, another constant of the bytes that are left plus 100."""
    sources = chip.MODEL | product_program("tiny")
    sources["main.c"] += b"\nextern const char big[]; int ef_read_input(void *input) { return big[*(int8_t *)input]; }\n"

    def build(count):
        text = f"const char big[{count}] = {{1}};".encode()
        return toolchain.build(sources | {"big.c": text}, STM32F103, linker_script(STM32F103))

    sources["main.c"] = sources["main.c"].replace(b"__attribute__((weak, noinline)) int ef_read_input", b"__attribute__((weak, noinline)) int unused")
    left = STM32F103.flash_bytes - build(4).flash_bytes
    with pytest.raises(DoesNotFit, match=r"^needs 100 B more flash than stm32f103 has; try an int8 recipe, or a smaller model$") as caught:
        build(left + 4 + 100)
    assert caught.value.missing_bytes == {"flash": 100}


def test_a_wrong_source_is_told_with_its_line_and_the_log(toolchain, chip):
    """The log has all that the compiler said."""
    sources = chip.MODEL | product_program("tiny") | {"wrong.c": b"int f(void) {\n  return nothing;\n}\n"}

    with pytest.raises(ToolchainError, match=r"refused the sources:\n  wrong\.c:2:10: error: .*nothing") as caught:
        toolchain.build(sources, STM32F103, linker_script(STM32F103))
    log = str(caught.value).rsplit("'", 2)[1]
    assert "-mcpu=cortex_m3" in Path(log).read_text(encoding="utf-8").splitlines()[0]


def test_a_core_that_nobody_knows_is_refused(toolchain, chip):
    """With a hint."""
    target = STM32F103.model_copy(update={"core": "cortex-m4ff"})

    with pytest.raises(TargetError, match=r"received 'cortex-m4ff' as a core to build for; .* Did you mean 'cortex-m4f'\?"):
        toolchain.build(chip.MODEL, target, linker_script(target))


def test_a_missing_zig_is_told_with_the_way_to_get_it(toolchain, chip, monkeypatch):
    """It is in the extra called chip."""
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    with pytest.raises(ToolchainError, match=r"the package ziglang is missing; get it with pip install 'emberflow\[chip\]'"):
        toolchain.build(chip.MODEL, STM32F103, linker_script(STM32F103))


@pytest.mark.parametrize(("build", "program"), [("build", "arm-none-eabi-gcc"), ("build_for_host", "cc")])
def test_a_missing_gcc_is_told_with_the_way_to_get_it(toolchain, chip, monkeypatch, build, program):
    """From the distribution; or zig does it."""
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    rest = (STM32F103, linker_script(STM32F103)) if build == "build" else ()

    with pytest.raises(ToolchainError, match=rf"found no {program}; on Debian: apt-get install g.*, or leave the compiler at zig"):
        getattr(Toolchain(toolchain.cache, Compiler.GNU), build)(chip.MODEL, *rest)


def test_a_cache_that_can_not_be_written_to_is_told(chip, tmp_path, monkeypatch):
    """With what to do."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"^can't write to '.*objects-0': Permission denied; give --home a folder that you may write to$"):
        Toolchain(tmp_path / "cache").build(chip.MODEL, STM32F103, linker_script(STM32F103))


def test_two_builds_at_once_share_no_objects(toolchain, chip, tmp_path):
    """Two of zig that do may wait for each other for ever; what was locked here is as if another build had it. The compiler's runtime is shared."""
    toolchain.build_for_host(chip.MODEL)
    (tmp_path / "zig").symlink_to(toolchain.cache / "zig")
    taken = tmp_path / "objects-0"
    taken.mkdir()
    with (taken / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert Toolchain(tmp_path).build(chip.MODEL | product_program("tiny"), STM32F103, linker_script(STM32F103)).flash_bytes

    assert ["lock"] == [path.name for path in taken.iterdir()]
    assert (tmp_path / "objects-1" / "h").is_dir()


def test_a_compiler_that_does_not_end_is_ended(toolchain, chip):
    """Here after no time at all."""
    with pytest.raises(ToolchainError, match=r"did not end within 0 s; try again, or give it more time"):
        Toolchain(toolchain.cache, limit_s=0.001).build(chip.MODEL, STM32F103, linker_script(STM32F103))


@pytest.mark.parametrize("compiler", Compiler)
def test_a_model_runs_on_this_machine(toolchain, chip, compiler):
    """Input plus one."""
    library = ctypes.CDLL(str(Toolchain(toolchain.cache, compiler).build_for_host(chip.MODEL)))
    values = (ctypes.c_int8 * 48)(*range(48))
    answer = (ctypes.c_int8 * 48)()
    library.tiny_infer(values, answer)

    assert list(answer) == list(range(1, 49))


def test_a_library_is_not_built_twice(toolchain, chip):
    """Its name is the digest of sources and switches."""
    place = toolchain.build_for_host(chip.MODEL)
    first = place.stat().st_mtime_ns

    assert toolchain.build_for_host(chip.MODEL) == place
    assert place.stat().st_mtime_ns == first
    assert toolchain.build_for_host(chip.MODEL, is_checked=True) != place


@pytest.mark.parametrize("compiler", [Compiler.ZIG, GNU])
@pytest.mark.parametrize("name", ["stm32g071", "stm32f405"])
def test_what_is_generated_compiles_without_a_warning(toolchain, chip, compiler, name):
    """Start-up, semihosting, both mains and the self-test, traced and not."""
    target, vectors = find_target(name), (np.zeros((1, 48), np.int8), np.ones((1, 48), np.int8))
    strict = ("-Werror", "-pedantic", "-Wshadow", "-Wconversion")
    for program in (measuring_program("tiny"), product_program("tiny"), product_program("tiny", vectors)):
        for defines in ({}, {"EF_TRACE": "1"} if "measure.c" in program else {"EMBERFLOW_SELF_TEST": "1"}):
            options = Options(defines=defines, flags=strict)

            assert Toolchain(toolchain.cache, compiler).build(chip.MODEL | program, target, linker_script(target), options).flash_bytes


@pytest.mark.parametrize("sum_of", ["2147483647 + 0", "2147483647 + values[0]"])
def test_a_checked_library_dies_of_undefined_behaviour(toolchain, sum_of):
    """An int that overflows, in a process of its own; the same without overflow ends well."""
    source = f"int sum(const signed char *values) {{ (void)values; return {sum_of}; }}".encode()
    library = toolchain.build_for_host({"sum.c": source}, is_checked=True)
    call = f"import ctypes; ctypes.CDLL({str(library)!r}).sum((ctypes.c_int8 * 1)(1))"

    answer = subprocess.run([sys.executable, "-c", call], check=False)
    assert answer.returncode == (0 if sum_of.endswith("0") else -signal.SIGILL)


needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for this machine is installed; on Debian: apt-get install gcc")


@needs_cc
def test_a_checked_program_runs_vectors(toolchain, chip):
    """From standard input to standard output; the traces go to standard error, each with number and length."""
    program = toolchain.build_checked_program(chip.MODEL | host_program("tiny"), Options(defines={"EF_TRACE": "1"}))
    answer = subprocess.run([program], input=bytes(range(96)) + b"rest", capture_output=True, check=True)

    assert bytes(range(1, 97)) == answer.stdout
    assert b"\0\0\0\0" + (48).to_bytes(4, "little") + bytes(range(1, 49)) == answer.stderr[:56]


@needs_cc
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"output[i] =", b"output[i + 1] =", "global-buffer-overflow"),
        (b"(input[i] + tiny_step)", b"((input[i] + tiny_step + 2147483647) / 2)", "signed integer overflow"),
    ],
)
def test_a_checked_program_tells_a_wrong_access(toolchain, chip, old, new, complaint):
    """And ends: a byte beyond the output, a sum beyond an int."""
    assert old in chip.SOURCE
    program = toolchain.build_checked_program(chip.MODEL | host_program("tiny") | {"tiny.c": chip.SOURCE.replace(old, new)})
    answer = subprocess.run([program], input=bytes(range(48)), capture_output=True, check=False)

    assert answer.returncode == 1
    assert complaint in answer.stderr.decode()


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("ld.lld: error: section '.bss' will not fit in region 'sram': overflowed by 12 bytes", {"sram": 12}),
        ("ld: region `flash' overflowed by 7 bytes\nld: region `sram' overflowed by 9 bytes", {"flash": 7, "sram": 9}),
        ("section '.data' will not fit in region 'sram': overflowed by 4 bytes\nregion 'sram': overflowed by 40 bytes", {"sram": 40}),
    ],
)
def test_both_linkers_are_understood(text, missing):
    """The last section of a region has all that is too much."""
    with pytest.raises(DoesNotFit) as caught:
        module._refuse_overflow(text, STM32F103)
    assert caught.value.missing_bytes == missing


def test_both_memories_may_be_too_small():
    """Flash first, and what helps it helps RAM too."""
    with pytest.raises(DoesNotFit, match=r"^needs 7 B more flash and 1,024 B more RAM than stm32f103 has; try an int8 recipe, or a smaller model$"):
        module._refuse_overflow("region 'sram' overflowed by 1024 bytes\nregion 'flash' overflowed by 7 bytes", STM32F103)


def test_the_cache_lies_among_those_of_the_user(monkeypatch, tmp_path):
    """Where other programs keep theirs."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    assert default_cache() == tmp_path / ".cache" / "emberflow" / "toolchain"
