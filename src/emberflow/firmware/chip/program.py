"""What surrounds a compiled model on a bare chip: start-up, linker script, main, as text by file name. Knows C; compiles nothing.

There are two programs around a model called `watch`, whose compiled sources are `watch.h`, `watch.c` and so on:

- `product_program`: the loop of a product that goes from codes to codes, and a self-test when it is given vectors; `firmware.folder` has the one that
  goes from raw values to decisions. Flash and RAM of either are what is reported. They use no semihosting, so they run without a debugger, and end
  in `ef_halt(failures)`, where the emulator stops.
- `measuring_program`: reads vectors from `inputs.bin` and writes `outputs.bin` through semihosting, so that any number of vectors runs on the chip's
  own memory map without taking flash. Outputs and instructions of the model are taken from it: `watch_infer` is the same code in both.
"""

from functools import cache
from pathlib import Path

import jinja2

from emberflow.errors import TargetError
from emberflow.firmware import literals
from emberflow.target import Region, Target
from emberflow.values import Int8Array

STACK_BYTES = 1024
INPUTS, OUTPUTS = "inputs.bin", "outputs.bin"

# RP2040 Datasheet, 2.8.1.3.1: the boot ROM runs the first 256 bytes of flash, the second stage, which then starts the vector table behind it.
_BOOT_BYTES = {"rp2040": 256}
_TEMPLATES = Path(__file__).parents[1] / "templates" / "chip"


def linker_script(target: Target, stack_bytes: int = STACK_BYTES) -> bytes:
    """The memory map of `target` for lld and GNU ld, with `stack_bytes` set aside, so that a program that links has its stack too.

    Raises: TargetError: a Linux device, which has no memory map.
    """
    regions = {region.name: region for region in target.regions}
    if not {"flash", "sram"} <= set(regions):
        raise TargetError(f"received {target.name}, which has no regions flash and sram to link into; expected a microcontroller")
    flash, sram = _within(regions["flash"], target.flash_bytes), _within(regions["sram"], target.ram_bytes)
    return _render("link.ld", target=target.name, flash=flash, sram=sram, boot_bytes=boot_bytes(target), stack_bytes=_aligned(stack_bytes))


def _within(region: Region, promised_bytes: int) -> Region:
    """The part of `region` that the target promises to a program."""
    return region.model_copy(update={"size_bytes": min(region.size_bytes, promised_bytes)})


def boot_bytes(target: Target) -> int:
    """Bytes at the start of flash that belong to the chip's boot code; the vector table follows."""
    return _BOOT_BYTES.get(target.name, 0)


def flash_region(target: Target) -> Region:
    """Where the program lies."""
    return next(region for region in target.regions if region.name == "flash")


def measuring_program(name: str, inputs: int = 1, outputs: int = 1) -> dict[str, bytes]:
    """Sources that run the model called `name` over `inputs.bin`; build them with the model's own, and with `EF_TRACE` for a trace.

    Args: inputs, outputs: how many the model has. A vector in the file is one sample of each, in their order.
    """
    fixed = ("startup.c", "semihosting.h", "semihosting.c")
    return {file: _read(file) for file in fixed} | {"measure.c": _render("measure.c", **_words(name, inputs, outputs))}


def product_program(name: str, vectors: tuple[Int8Array, Int8Array] | None = None, inputs: int = 1, outputs: int = 1) -> dict[str, bytes]:
    """Sources of the product around the model called `name`.

    Args:
        vectors: those of `self_test`, which is run first when the program is built with EMBERFLOW_SELF_TEST defined; None for no self-test.
        inputs, outputs: how many the model has.
    """
    words = {**_words(name, inputs, outputs), "vectors": vectors is not None}
    sources = {"startup.c": _read("startup.c"), "main.c": _render("main.c", **words)}
    return sources if vectors is None else sources | self_test(name, vectors, inputs, outputs)


def self_test(name: str, vectors: tuple[Int8Array, Int8Array], inputs: int = 1, outputs: int = 1) -> dict[str, bytes]:
    """`<name>_self_test()`, and the vectors that it runs: inputs and expected outputs, shapes (n, bytes of all inputs) and (n, bytes of all outputs)."""
    words = {**_words(name, inputs, outputs), "test_count": len(vectors[0])}
    return {file: _render(file, **words) for file in ("self_test.h", "self_test.c")} | vector_sources(name, vectors, inputs, outputs)


def vector_sources(name: str, vectors: tuple[Int8Array, Int8Array], inputs: int = 1, outputs: int = 1, sizes: str | None = None) -> dict[str, bytes]:
    """`test_vectors.h` and `.c` as in `self_test`. `sizes` is the header, without its ending, that says how long each input and output is."""
    words = {**_words(name, inputs, outputs), "sizes": sizes or name, "test_count": len(vectors[0])}
    return {
        "test_vectors.h": _render("test_vectors.h", **words),
        "test_vectors.c": _render("test_vectors.c", **words, test_inputs=vectors[0], test_outputs=vectors[1]),
    }


def host_program(name: str, inputs: int = 1, outputs: int = 1) -> dict[str, bytes]:
    """Sources that run the model called `name` on this machine: input vectors from standard input, output vectors to standard output."""
    return {"host.c": _render("host.c", **_words(name, inputs, outputs))}


def freestanding_functions() -> dict[str, bytes]:
    """memcpy and its kin, which compilers call by themselves; what a program does not use is not linked."""
    return {"memory.c": _read("memory.c")}


def _aligned(count: int) -> int:
    return (count + 7) // 8 * 8  # the stack pointer stays a multiple of 8 (Procedure Call Standard for the Arm Architecture, IHI 0042, 5.2.1.2)


def _words(name: str, inputs: int, outputs: int) -> dict[str, object]:
    borders = {"inputs": literals.border_words("input", inputs), "outputs": literals.border_words("output", outputs)}
    return {"name": name, "NAME": name.upper(), **borders}


def _read(file: str) -> bytes:
    return (_TEMPLATES / file).read_bytes()


def _render(file: str, **words: object) -> bytes:
    return _templates().get_template(f"{file}.j2").render(words).encode()


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(  # noqa: S701 - C and linker scripts, not HTML
        loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    templates.filters["sample_rows"] = literals.sample_rows
    return templates
