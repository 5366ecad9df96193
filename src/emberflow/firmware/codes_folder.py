"""The firmware folder of a model with several inputs or outputs: codes in, codes out. Knows paths; refuses to know what codes mean.

README.md            which three files, which call, what was measured
model/               <name>.h, <name>.c, <name>_kernels.h: plain C11
application/         main, self-test with its vectors, and board.c, which is the user's
chip/                start-up and linker script for the target
CMakeLists.txt       with cmake/gnu.cmake or cmake/zig.cmake
arduino/<name>.zip   a library for the Arduino IDE
zephyr/              makes the folder a module of Zephyr

Standardization and a decision belong to one input and one output: that folder is `folder.render_firmware`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from emberflow.artifact import digest
from emberflow.evaluate.borders import Border
from emberflow.evaluate.parity import as_bytes
from emberflow.firmware.application import C_TYPES
from emberflow.firmware.archive import pack
from emberflow.firmware.chip.cores import find_core
from emberflow.firmware.chip.program import boot_bytes, freestanding_functions, linker_script, product_program
from emberflow.firmware.folder import FOLDER, Build, arena_bytes, check_build, library, test_bytes
from emberflow.firmware.literals import border_words
from emberflow.firmware.sources import render_words
from emberflow.target import Target
from emberflow.values import Arrays, Int8Array

_MOST_VECTORS = 16
_PAGES = {
    "README.md": "several/README.md",
    "CMakeLists.txt": "several/CMakeLists.txt",
    "application/board.c": "several/board.c",
    "cmake/gnu.cmake": "product/gnu.cmake",
    "cmake/zig.cmake": "product/zig.cmake",
    "zephyr/module.yml": "zephyr/module.yml",
    "zephyr/CMakeLists.txt": "several/zephyr/CMakeLists.txt",
    "zephyr/Kconfig": "several/zephyr/Kconfig",
}
_NOT_ARDUINO = ("main.c", "board.c")  # the sketch takes their place


@dataclass(frozen=True, eq=False)
class CodesProduct:
    """A compiled model of several inputs or outputs for a device.

    Args:
        name: that of the compiled sources. model: bytes of the .tflite.
        inputs, outputs: the model's borders.
        vectors: codes, and what the reference gave for them: (n, *shape) for each input, and for each output.
        target: a microcontroller. build: the compiled model.
        operators: how often each operator occurs in the model. arena_bytes: RAM that TFLM needs; None when it doesn't run the model.
    Raises: BundleError: sources of another name, or a target without a memory map.
    """

    name: str
    model: bytes = field(repr=False)
    inputs: tuple[Border, ...]
    outputs: tuple[Border, ...]
    vectors: tuple[Arrays, Arrays] = field(repr=False)
    target: Target
    build: Build
    operators: Mapping[str, int] = field(default_factory=dict)
    arena_bytes: int | None = None

    def __post_init__(self) -> None:
        check_build(self.name, self.target, self.build)

    @property
    def tested(self) -> tuple[Int8Array, Int8Array]:
        """Bytes of the vectors that a small part of flash takes: (n, bytes of all inputs), (n, bytes of all outputs); one vector at least."""
        inputs, outputs = (as_bytes(arrays).view(np.int8) for arrays in self.vectors)
        most = max(1, min(_MOST_VECTORS, self._test_bytes // (inputs.shape[1] + outputs.shape[1])))
        places = np.linspace(0, len(inputs) - 1, min(most, len(inputs))).round().astype(np.int64)
        return inputs[places], outputs[places]

    @property
    def has_self_test(self) -> bool:
        """Whether the self-test is built in unasked: not where a single vector takes more of flash than it should."""
        return sum(each.nbytes for each in self.tested) <= self._test_bytes

    @property
    def _test_bytes(self) -> int:
        return test_bytes(self.target, self.build)


def render_codes_firmware(product: CodesProduct) -> dict[str, bytes]:
    """Every file of the folder, by its path under the folder that holds `firmware/`; the same bytes for the same product.

    Raises: TargetError: a core that has no compiler switches.
    """
    program = product_program(product.name, product.tested, len(product.inputs), len(product.outputs))
    chip = {"startup.c": program.pop("startup.c"), "link.ld": linker_script(product.target), **freestanding_functions()}
    files = {f"model/{name}": text for name, text in product.build.sources.items()}
    files |= {f"application/{name}": text for name, text in program.items()} | {f"chip/{name}": text for name, text in chip.items()}
    files |= render_words(_PAGES, words_of(product))
    files[f"arduino/{product.name}.zip"] = _arduino(product, files)
    return {f"{FOLDER}/{path}": data for path, data in sorted(files.items())}


def _arduino(product: CodesProduct, files: Mapping[str, bytes]) -> bytes:
    """The library: one folder, whose `src` the Arduino builder compiles (Arduino library specification 2.2)."""
    root, name = library(product.name), product.name
    sources = {path.split("/", 1)[1]: data for path, data in files.items() if path.startswith(("model/", "application/"))}
    extra = {f"{root}/library.properties": "arduino/library.properties", f"{root}/examples/{name}/{name}.ino": "several/example.ino"}
    return pack({f"{root}/src/{file}": data for file, data in sources.items() if file not in _NOT_ARDUINO} | render_words(extra, words_of(product)))


def words_of(product: CodesProduct) -> dict[str, object]:
    """What the templates say of it."""
    return {
        "name": product.name,
        "NAME": product.name.upper(),
        "model": product.model,
        "model_sha256": digest(product.model),
        "inputs": _described("input", product.inputs),
        "outputs": _described("output", product.outputs),
        "test_count": len(product.tested[0]),
        "has_self_test": product.has_self_test,
        "target": product.target,
        "core": find_core(product.target.core),
        "compiled_arena_bytes": arena_bytes(product.name, product.build.sources),
        "boot_bytes": boot_bytes(product.target),
        "on_chip": product.build.on_chip,
        "compiler": product.build.compiler,
        "library": library(product.name),
        "reference": product.build.reference,
    }


def _described(role: str, borders: tuple[Border, ...]) -> list[tuple[str, str, Border]]:
    """What each is called in C, its type there, and the border."""
    return [(word, C_TYPES[border.dtype].c_type, border) for word, border in zip(border_words(role, len(borders)), borders, strict=True)]
