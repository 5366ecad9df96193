"""`emberflow doctor`: what is installed, what is missing, how to get it. Looks; changes nothing."""

import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from emberflow.cli.stack import read_stack
from emberflow.units import show_bytes

_NEEDED_DISK_BYTES = 1024**3
_NEEDED_MEMORY_BYTES = 3 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    remedy: str = ""
    is_needed: bool = True

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.remedy


def examine(home: Path) -> int:
    """Print all findings; 1 when something that is needed is missing, else 0."""
    packages = look_at_packages(requires("emberflow") or [])
    return tell([*_machine(), look_at_disk(home), *packages, *look_at_chip_packages(), *look_at_tools(), look_at_stack(home)], Console())


def tell(findings: list[Finding], console: Console) -> int:
    """Print `findings`; 1 when something that is needed is missing, else 0."""
    table = Table("", "what", "found", "what to do", box=None, pad_edge=False, header_style="bold")
    for finding in findings:
        table.add_row("ok" if finding.is_well else "!!" if finding.is_needed else "--", finding.what, finding.found, finding.remedy)
    console.print(table)
    missing = [finding for finding in findings if finding.is_needed and not finding.is_well]
    console.print(
        "\nEverything that is needed is here." if not missing else f"\n{len(missing)} of these must be mended before `emberflow run` can work."
    )
    return 1 if missing else 0


def _machine() -> Iterator[Finding]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Finding("Python", platform.python_version(), "" if good else "use Python 3.11 or 3.12: TensorFlow 2.21 and tflite-micro are made for them")
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", str(cores), "" if cores > 1 else "variants are made one after the other; two cores halve the time", is_needed=False)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding(
        "memory",
        show_bytes(memory),
        "" if memory >= _NEEDED_MEMORY_BYTES else f"a run with two workers takes up to {show_bytes(_NEEDED_MEMORY_BYTES)}",
    )


def look_at_disk(home: Path) -> Finding:
    """Whether `home`, or the nearest folder above it that exists, may be written to and has room."""
    place = next(path for path in (home.resolve(), *home.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding("home folder", str(home), f"'{place}' can't be written to; give --home another folder")
    return Finding("disk", f"{show_bytes(free)} free at {place}", "" if free >= _NEEDED_DISK_BYTES else f"free {show_bytes(_NEEDED_DISK_BYTES)}")


def look_at_stack(home: Path) -> Finding:
    """Whether the servers of `home` run."""
    stack = read_stack(home)
    if stack is None:
        return Finding("servers", "not running", "`emberflow up` starts Prefect, MLflow and a worker; a run needs none of them", is_needed=False)
    if dead := ", ".join(member.name for member in stack.dead):
        return Finding("servers", f"{dead} died", f"see {home / 'logs'}, then `emberflow down` and `emberflow up`", is_needed=False)
    return Finding("servers", f"Prefect {stack.prefect}, MLflow {stack.mlflow}")


def look_at_packages(requirements: Iterable[str]) -> Iterator[Finding]:
    """A finding for each requirement (PEP 508, such as `numpy>=2.1,<2.5`) that holds on this machine without extras."""
    for line in requirements:
        needed = Requirement(line)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            yield Finding(needed.name, "missing", "run `make setup`: it installs what requirements.lock says")
            continue
        fits = needed.specifier.contains(found, prereleases=True)
        yield Finding(needed.name, found, "" if fits else f"expected {needed.specifier}; run `make setup`")


_CHIP_PACKAGES = {
    "ziglang": "builds firmware for every target",
    "unicorn": "runs firmware on an emulated core",
}
_TOOLS = {
    "arm-none-eabi-gcc": ("builds firmware when you ask for GCC, and the bundle's sources", "gcc-arm-none-eabi"),
    "qemu-system-arm": ("a second emulator, which confirms the first one's figures", "qemu-system-arm"),
    "cc": ("a C compiler for trying the bundle's C on this machine", "gcc"),
}


def look_at_chip_packages() -> Iterator[Finding]:
    """A finding for each package of the extra called chip. Without them a run goes on, and its verdicts say what they lack."""
    for name, use in _CHIP_PACKAGES.items():
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", f"{use}: pip install 'emberflow[chip]'", is_needed=False)


def look_at_tools() -> Iterator[Finding]:
    """A finding for each program that makes life easier; nothing in the chain needs them."""
    for program, (use, package) in _TOOLS.items():
        found = shutil.which(program)
        yield Finding(program, found or "missing", "" if found else f"{use}; on Debian: apt-get install {package}", is_needed=False)
