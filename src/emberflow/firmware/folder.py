"""The firmware folder: a compiled model and all that makes it a program, for every way a firmware is built. Knows paths; compiles nothing.

README.md            which three files, which call, what was measured
model/               <name>.h, <name>.c, <name>_kernels.h: plain C11
application/         main, what turns raw values into codes and codes into a decision, self-test
chip/                start-up and linker script for the target
CMakeLists.txt       with cmake/gnu.cmake or cmake/zig.cmake
arduino/<name>.zip   a library for the Arduino IDE
zephyr/              makes the folder a module of Zephyr
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from emberflow.errors import BundleError
from emberflow.firmware.application import Application
from emberflow.firmware.archive import pack
from emberflow.firmware.chip.cores import find_core
from emberflow.firmware.chip.program import STACK_BYTES, boot_bytes, freestanding_functions, linker_script, product_program
from emberflow.firmware.sources import render
from emberflow.firmware.vectors import TestVectors
from emberflow.on_chip import OnChip
from emberflow.target import Target, TargetKind

FOLDER = "firmware"
_APPLICATION = ("main.c", "board.h", "board.c", "self_test.h", "self_test.c")
_SHARED = ("labels.h", "standardization.h", "preprocess.h", "preprocess.c", "postprocess.h", "postprocess.c", "test_vectors.h", "test_vectors.c")
_BUILD = {"CMakeLists.txt": "product/CMakeLists.txt", "cmake/gnu.cmake": "product/gnu.cmake", "cmake/zig.cmake": "product/zig.cmake"}
_ZEPHYR = ("zephyr/module.yml", "zephyr/CMakeLists.txt", "zephyr/Kconfig")
_NOT_ARDUINO = ("main.c", "board.h", "board.c")  # the sketch takes their place
_TEST_SHARE = 8  # at most an eighth of flash goes to the vectors of the self-test
_TEST_CODE_BYTES = 512  # what the self-test takes besides its vectors, and gaps for alignment: 236 to 312 B were measured on five cores
_DECISION_BYTES = 4  # the most that one takes: an int or a float


@dataclass(frozen=True, eq=False)
class Build:
    """A model compiled to C, and what is known of it.

    Args:
        sources: `<name>.h`, `<name>.c` and `<name>_kernels.h`, as `emberflow.compiler` writes them.
        on_chip: what was measured of the program and on the target's emulated core; None when no compiler was there.
        compiler: who built what was measured.
        reference: whose bytes the outputs are.
    """

    sources: Mapping[str, bytes] = field(repr=False)
    on_chip: OnChip | None = None
    compiler: str = ""
    reference: str = "TensorFlow Lite for Microcontrollers"


@dataclass(frozen=True, eq=False)
class Product:
    """A compiled model for a device.

    Args:
        app: what stands around the model; its name is that of the compiled sources.
        target: a microcontroller.
        build: the compiled model.
    Raises: BundleError: sources of another name, or a target without a memory map.
    """

    app: Application
    target: Target
    build: Build

    def __post_init__(self) -> None:
        check_build(self.name, self.target, self.build)

    @property
    def name(self) -> str:
        """Begins every name in the sources."""
        return self.app.name

    @property
    def model(self) -> bytes:
        """The .tflite."""
        return self.app.model

    @property
    def tested(self) -> Application:
        """The application with as many vectors as a small part of flash takes; one at least."""
        vectors = self.app.test_vectors
        most = self._test_bytes * len(vectors) // self._bytes(vectors)
        return replace(self.app, vectors=vectors.within(vectors.characters, max(1, most)))

    @property
    def has_self_test(self) -> bool:
        """Whether the self-test is built in unasked: not where a single vector takes more of flash than it should."""
        return self._bytes(self.tested.vectors) <= self._test_bytes

    @property
    def _test_bytes(self) -> int:
        return test_bytes(self.target, self.build)

    def _bytes(self, vectors: TestVectors) -> int:
        decisions = self.app.decisions(vectors)
        return vectors.raw.nbytes + vectors.inputs.nbytes + vectors.outputs.nbytes + _DECISION_BYTES * decisions.size


def check_build(name: str, target: Target, build: Build) -> None:
    """Raises: BundleError: sources of another name than `name`, or a target without a memory map."""
    if expected := {f"{name}.h", f"{name}.c", f"{name}_kernels.h"} - build.sources.keys():
        raise BundleError(f"received compiled sources {', '.join(build.sources) or 'without a file'}; expected {', '.join(sorted(expected))} too")
    if target.kind is not TargetKind.MICROCONTROLLER:
        raise BundleError(f"received {target.name} as the target of compiled sources; expected a microcontroller")


def test_bytes(target: Target, build: Build) -> int:
    """Flash that the vectors of a self-test may take: a small part of it, and no more than the product itself leaves, where that is known."""
    share = target.flash_bytes // _TEST_SHARE
    if build.on_chip is None:
        return share
    return max(0, min(share, target.flash_bytes - build.on_chip.linked.flash_bytes - _TEST_CODE_BYTES))


def arena_bytes(name: str, sources: Mapping[str, bytes]) -> int:
    """Memory that the model called `name` computes in, as its header says. Raises: BundleError: it does not say."""
    found = re.search(rb"_ARENA_BYTES (\d+)", sources[f"{name}.h"])
    if found is None:
        raise BundleError(f"received {name}.h without the size of the arena; expected the header that the compiler wrote")
    return int(found[1])


def library(name: str) -> str:
    """What the Arduino library of the model called `name` is called."""
    return f"{name}_model"


def render_firmware(product: Product) -> dict[str, bytes]:
    """Every file of the folder, by its path under the folder that holds `firmware/`; the same bytes for the same product.

    Raises: BundleError: a number among them is not finite. TargetError: a core that has no compiler switches.
    """
    model = {f"model/{name}": text for name, text in product.build.sources.items()}
    written = {f"application/{name}": f"product/{name}" for name in _APPLICATION} | {f"application/{name}": name for name in _SHARED}
    pages = {"README.md": "product/README.md"} | _BUILD | {path: path for path in _ZEPHYR}
    files = model | _chip(product) | render(product.tested, written | pages, **_words(product))
    files[f"arduino/{product.app.name}.zip"] = _arduino(product, files)
    return {f"{FOLDER}/{path}": data for path, data in sorted(files.items())}


def flat_sources(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The `.c` and `.h` files of `render_firmware` by their names alone, as a toolchain takes them; `memory.c` is left to it."""
    found = {path.rsplit("/", 1)[-1]: data for path, data in files.items() if path.startswith(f"{FOLDER}/") and path.endswith((".c", ".h"))}
    return {name: data for name, data in found.items() if name not in freestanding_functions()}


def _chip(product: Product) -> dict[str, bytes]:
    startup = product_program(product.app.name)["startup.c"]
    parts = {"startup.c": startup, "link.ld": linker_script(product.target), **freestanding_functions()}
    return {f"chip/{name}": text for name, text in parts.items()}


def _words(product: Product) -> dict[str, object]:
    return {
        "target": product.target,
        "core": find_core(product.target.core),
        "compiled_arena_bytes": arena_bytes(product.name, product.build.sources),
        "reserved_stack_bytes": STACK_BYTES,
        "boot_bytes": boot_bytes(product.target),
        "on_chip": product.build.on_chip,
        "compiler": product.build.compiler,
        "has_self_test": product.has_self_test,
        "reference": product.build.reference,
        "library": library(product.name),
    }


def _arduino(product: Product, files: Mapping[str, bytes]) -> bytes:
    """The library: one folder, whose `src` the Arduino builder compiles (Arduino library specification 2.2)."""
    root, name = library(product.name), product.name
    sources = {path.split("/", 1)[1]: data for path, data in files.items() if path.startswith(("model/", "application/"))}
    extra = {f"{root}/library.properties": "arduino/library.properties", f"{root}/examples/{name}/{name}.ino": "arduino/example.ino"}
    return pack(
        {f"{root}/src/{file}": data for file, data in sources.items() if file not in _NOT_ARDUINO} | render(product.tested, extra, **_words(product))
    )
