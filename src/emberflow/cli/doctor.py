"""`emberflow doctor`: what is wrong, and what mends it. Looks; changes nothing."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from rich.console import Console

from emberflow.cli.environment import signing_key
from emberflow.cli.finding import Finding, tell
from emberflow.cli.leftovers import look_at_leftovers
from emberflow.cli.migrations import look_at_data_bases
from emberflow.cli.ports import MLFLOW_PORT, PREFECT_PORT, look_at_ports
from emberflow.cli.rights import look_at_rights, look_at_secrets
from emberflow.cli.stack import Stack, read_stack, stack_file
from emberflow.errors import StoreError
from emberflow.project import read_project
from emberflow.units import show_bytes

_NEEDED_DISK_BYTES = 1024**3
_NEEDED_TEMPORARY_BYTES = 256 * 1024**2  # four times what the store asks for before it takes a blob
_NEEDED_MEMORY_BYTES = 3 * 1024**3


def examine(home: Path, project: Path | None = None) -> int:
    """Print all findings; 1 when something that is needed is missing, else 0.

    Args: project: its signing key is looked at too; without it, the one that EMBERFLOW_SIGNING_KEY names.
    """
    machine = [*_machine(), look_at_disk(home), look_at_temporary_folder()]
    packages = [*look_at_packages(requires("emberflow") or []), *look_at_chip_packages(), *look_at_tools()]
    kept = [*look_at_rights(home), *look_at_secrets(home, key_of(project)), *look_at_data_bases(home), *look_at_leftovers(home)]
    return tell([*machine, *packages, *kept, *look_at_servers(home)], Console())


def key_of(project: Path | None) -> Path | None:
    """The file of the key that signs what is published, the one of the environment before the project's. Raises: ProjectError."""
    if named := signing_key():
        return Path(named)
    own = read_project(project).signing_key if project else None
    return project.resolve().parent / own if project and own else None


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


def look_at_temporary_folder() -> Finding:
    """Whether there is room for what a run keeps outside its home folder: models and builds, while they are made."""
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    need = show_bytes(_NEEDED_TEMPORARY_BYTES)
    remedy = "" if free >= _NEEDED_TEMPORARY_BYTES else f"expected {need}; free some, or set TMPDIR to a folder that has as much"
    return Finding("temporary files", f"{show_bytes(free)} free at {place}", remedy)


def look_at_servers(home: Path) -> Iterator[Finding]:
    """The stack of `home`; where none runs, the ports that one would take."""
    yield look_at_stack(home)
    try:
        stack = read_stack(home)
    except StoreError:
        return
    if stack is None or not stack.processes():
        yield from look_at_ports({"Prefect": ("--prefect-port", PREFECT_PORT), "MLflow": ("--mlflow-port", MLFLOW_PORT)})


def look_at_stack(home: Path) -> Finding:
    """Whether the servers of `home` run, and as the installed versions."""
    try:
        stack = read_stack(home)
    except StoreError as error:
        return Finding("servers", f"'{stack_file(home)}' is damaged", f"expected a note of what runs: {str(error).partition('; ')[2]}")
    if stack is None:
        return Finding("servers", "not running", "`emberflow up` starts Prefect, MLflow and a worker; a run needs none of them", is_needed=False)
    if len(stack.dead) == len(stack.members):
        return Finding("servers", "all ended without `emberflow down`", "expected no note of them; clear it: emberflow down", is_needed=False)
    if dead := ", ".join(member.name for member in stack.dead):
        return Finding("servers", f"{dead} died", f"see {home / 'logs'}, then `emberflow down` and `emberflow up`", is_needed=False)
    if others := _other_versions(stack):
        return Finding(
            "servers", f"started as {others[0]}", f"expected {others[1]}, as installed: emberflow down, then emberflow up", is_needed=False
        )
    return Finding("servers", f"Prefect {stack.prefect}, MLflow {stack.mlflow}")


def _other_versions(stack: Stack) -> tuple[str, str] | None:
    """What runs and what is installed, where they differ."""
    other = {name: found for name, found in stack.versions.items() if found != version(name)}
    return (_listed(other), _listed({name: version(name) for name in other})) if other else None


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {found}" for name, found in versions.items())


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
