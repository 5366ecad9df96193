"""The toolchain: C sources to a linked program for a target's core, or to a library for this machine. Starts compilers; knows no model.

    toolchain = Toolchain(cache=default_cache())
    image = toolchain.build(sources, target, linker_script(target))       # an Image: flash_bytes, ram_bytes, sections, symbols, elf
    library = toolchain.build_for_host(sources)                           # the path of a shared library, for ctypes

`sources` are the texts of `.c` and `.h` files by name, all in one folder. Two compilers: zig (Clang and lld, `pip install 'emberflow[chip]'`), which
is the default and whose loaded bytes are the same for the same sources everywhere, and arm-none-eabi-gcc as a second opinion.
"""

import fcntl
import hashlib
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from emberflow.adapters.disk import telling_of_disk
from emberflow.errors import DoesNotFit, ToolchainError, ToolMissing
from emberflow.firmware.chip.cores import find_core
from emberflow.firmware.chip.image import Image, read_image
from emberflow.firmware.chip.program import freestanding_functions
from emberflow.target import Target

# -ffp-contract=off: a fused multiply-add rounds once where the reference rounds twice.
_C_FLAGS = ("-std=gnu11", "-ffreestanding", "-ffp-contract=off", "-ffunction-sections", "-fdata-sections", "-g", "-Wall", "-Wextra")
_HOST_FLAGS = ("-std=gnu11", "-ffp-contract=off", "-Wall", "-Wextra")
_LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,-e,Reset_Handler", "-T", "link.ld")
_OVERFLOW = re.compile(r"region [`']?(\w+)'?:? overflowed by (\d+) bytes")
_TOLD_LINES = 12


class Compiler(StrEnum):
    """Who compiles."""

    ZIG = "zig"
    GNU = "gnu"


@dataclass(frozen=True)
class Options:
    """How to compile.

    Args:
        defines: names for the preprocessor with their values.
        optimize: zig's -Os makes what GCC's -O2 makes in size and speed; its own -O2 is larger and no faster. None: the best for the compiler.
        flags: more switches, as they are.
    """

    defines: Mapping[str, str] = field(default_factory=dict)
    optimize: str | None = None
    flags: tuple[str, ...] = ()

    def words(self, best: str) -> tuple[str, ...]:
        """For the command line."""
        return (self.optimize or best, *(f"-D{name}={value}" for name, value in sorted(self.defines.items())), *self.flags)


def default_cache() -> Path:
    """Where zig keeps what it compiled once, about 120 MB: beside the caches of other programs in the user's home."""
    return Path.home() / ".cache" / "emberflow" / "toolchain"


@dataclass(frozen=True)
class Toolchain:
    """A compiler, and a folder in which it may keep things.

    The first build for a core takes zig some seconds for its runtime library, later ones less than one.
    """

    cache: Path
    compiler: Compiler = Compiler.ZIG
    limit_s: float = 600

    def build(self, sources: Mapping[str, bytes], target: Target, linker_script: bytes, options: Options = Options()) -> Image:
        """The program that `sources` make for the core and the memory of `target`.

        Raises:
            DoesNotFit: flash or RAM (the stack counted) is too small; says by how many bytes, for each region.
            ToolchainError: the compiler is missing or refuses a source. TargetError: a core that we don't know.
            StoreError: nothing can be written to the cache.
        """
        core = find_core(target.core)
        if self.compiler is Compiler.ZIG:
            command, libraries = [*zig("cc"), *core.zig_flags, *options.words("-Os"), *_C_FLAGS, *_LINK_FLAGS], []
        else:
            command, libraries = [_gnu(), *core.gcc, *options.words("-O2"), *_C_FLAGS, "-nostdlib", *_LINK_FLAGS], ["-lgcc"]
        with tempfile.TemporaryDirectory(prefix="emberflow-") as folder:
            files = {**freestanding_functions(), **sources, "link.ld": linker_script}
            self._compile(command, files, Path(folder), [*libraries, "-o", "program.elf"], target)
            return read_image((Path(folder) / "program.elf").read_bytes())

    def build_for_host(self, sources: Mapping[str, bytes], options: Options = Options(), *, is_checked: bool = False) -> Path:
        """A shared library for this machine, kept in the cache under the digest of all that it depends on.

        Args:
            is_checked: trap on undefined behaviour (UBSan): the process that calls the library dies of SIGILL, so call it in one of its own.
        Raises: ToolchainError: the compiler is missing or refuses a source.
        """
        checks = ("-fsanitize=undefined", "-fsanitize-trap=undefined") if is_checked else ("-fno-sanitize=undefined",)
        start = zig("cc") if self.compiler is Compiler.ZIG else [_host_compiler()]
        return self._keep([*start, *options.words("-O2"), *_HOST_FLAGS, "-fPIC", "-shared", *checks], sources, ".so")

    def build_checked_program(self, sources: Mapping[str, bytes], options: Options = Options()) -> Path:
        """A program for this machine that says where it reads or writes outside an array, or does what C leaves undefined, and ends with status 1.

        `sources` have a main, such as `program.host_program`'s. Always by the machine's own compiler: zig comes without AddressSanitizer.

        Raises: ToolchainError: the compiler is missing or refuses a source.
        """
        checks = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
        return self._keep([_host_compiler(), *options.words("-O1"), *_HOST_FLAGS, *checks], sources, ".exe")

    def _keep(self, command: Sequence[str], sources: Mapping[str, bytes], suffix: str) -> Path:
        place = self.cache / "host" / f"{_key(command, sources)}{suffix}"
        if not place.is_file():
            with tempfile.TemporaryDirectory(prefix="emberflow-", dir=_make(place.parent)) as folder:
                self._compile(command, sources, Path(folder), ["-o", "result"])
                (Path(folder) / "result").replace(place)
        return place

    def _compile(self, command: Sequence[str], files: Mapping[str, bytes], folder: Path, last: Sequence[str], target: Target | None = None) -> None:
        for name, text in files.items():
            (folder / name).write_bytes(text)
        units = sorted(name for name in files if name.endswith(".c"))
        try:
            with self._objects() as objects:
                answer = subprocess.run(  # noqa: S603 - a compiler that was looked up, and files that we wrote
                    [*command, *units, *last],
                    cwd=folder,
                    env=self._environment(objects),
                    capture_output=True,
                    text=True,
                    timeout=self.limit_s,
                    check=False,
                )
        except subprocess.TimeoutExpired as error:
            raise ToolchainError(f"{command[0]} did not end within {self.limit_s:.0f} s; try again, or give it more time") from error
        if answer.returncode != 0:
            if target:
                _refuse_overflow(answer.stderr, target)
            raise ToolchainError(_tell(answer.stderr, self._keep_log(command, units, answer.stderr)))

    @contextmanager
    def _objects(self) -> Iterator[Path]:
        """The first folder for compiled objects that no other build has now.

        Two of zig 0.15.1 that compile `main.c` and `memory.c` of their own into one folder at once may each wait for the lock that the other
        holds, for ever: it locks an entry, which is named by the file and not by its content, until the program is linked.
        """
        for number in itertools.count():
            place = _make(self.cache / f"objects-{number}")
            with (place / "lock").open("w") as lock:
                if _take(lock):
                    yield place
                    return

    def _environment(self, objects: Path) -> dict[str, str]:
        """Only what compilers need: what the user has set otherwise must not change the program."""
        cache = _make(self.cache / "zig")
        return {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(objects), "HOME": str(cache), "PATH": _path(), "LC_ALL": "C"}

    def _keep_log(self, command: Sequence[str], units: Sequence[str], text: str) -> Path:
        log = _make(self.cache / "logs") / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
        log.write_text(f"{' '.join([*command, *units])}\n\n{text}", encoding="utf-8")
        return log


def zig(command: str) -> list[str]:
    """The start of a command line for a command of zig, such as `cc`.

    Raises: ToolMissing: it is not installed.
    """
    if find_spec("ziglang") is None:
        raise ToolMissing("found no C compiler for chips: the package ziglang is missing; get it with pip install 'emberflow[chip]'")
    return [sys.executable, "-m", "ziglang", command]


def _make(folder: Path) -> Path:
    with telling_of_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it when the file is closed, or the process ends
    except BlockingIOError:
        return False
    return True


def _gnu() -> str:
    return _find("arm-none-eabi-gcc", "gcc-arm-none-eabi")


def _host_compiler() -> str:
    return _find("cc", "gcc")


def _find(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(f"found no {program}; on Debian: apt-get install {package}, or leave the compiler at zig")
    return found


def _path() -> str:
    return str(Path(sys.executable).parent) + ":/usr/local/bin:/usr/bin:/bin"


def _key(command: Sequence[str], sources: Mapping[str, bytes]) -> str:
    state = hashlib.sha256("\0".join(command).encode())
    for name, text in sorted(sources.items()):
        state.update(f"\0{name}\0{len(text)}\0".encode() + text)
    return state.hexdigest()[:24]


def _refuse_overflow(text: str, target: Target) -> None:
    """lld and GNU ld say the same of a section that does not fit; the last one of a region has all of its excess."""
    missing: dict[str, int] = {}
    for region, count in _OVERFLOW.findall(text):
        missing[region] = max(int(count), missing.get(region, 0))
    if missing:
        words = " and ".join(f"{count:,} B more {_WORDS.get(region, region)}" for region, count in sorted(missing.items()))
        advice = "try an int8 recipe, or a smaller model" if "flash" in missing else "try an int8 recipe, a shorter input or narrower layers"
        raise DoesNotFit(f"needs {words} than {target.name} has; {advice}", missing)


_WORDS = {"flash": "flash", "sram": "RAM"}


def _tell(text: str, log: Path) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    first = [line for line in lines if "error" in line][:_TOLD_LINES] or lines[:_TOLD_LINES]
    return "the C compiler refused the sources:\n  " + "\n  ".join(first) + f"\n  all that it said is in '{log}'"
