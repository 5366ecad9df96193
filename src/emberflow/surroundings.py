"""What decides results beside code and data: versions of packages, and the kind of processor. Asks the machine; knows no project."""

import platform
from functools import cache
from pathlib import Path

from emberflow import fingerprint

_CPU = Path("/proc/cpuinfo")
_WIDTHS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "asimddp", "sve")
"""Extensions by which TensorFlow and its libraries choose how they add up, and so the last digits of a sum."""


@cache
def versions() -> dict[str, str]:
    """Of Python and of the packages that decide results or what is linked and run."""
    return {"python": platform.python_version(), **fingerprint.versions(), **fingerprint.versions(fingerprint.TOOLS)}


@cache
def processor() -> str:
    """The kind of this one: `x86_64 sse4_2 avx avx2 fma`."""
    told = _CPU.read_text(encoding="utf-8", errors="replace") if _CPU.is_file() else ""
    return kind_of(platform.machine(), told)


def kind_of(machine: str, cpuinfo: str) -> str:
    """The machine's name, and what of Linux's /proc/cpuinfo decides sums."""
    flags = next((line.split(":", 1)[1].split() for line in cpuinfo.splitlines() if line.lower().startswith(("flags", "features"))), [])
    return " ".join([machine, *(name for name in _WIDTHS if name in flags)])
