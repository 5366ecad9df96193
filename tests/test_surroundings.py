"""What decides results beside code and data: named, and told apart."""

import platform

import numpy as np
import pytest

from emberflow.surroundings import kind_of, processor, versions


def test_versions_are_those_installed():
    """Python's, and at least that of NumPy."""
    assert (platform.python_version(), np.__version__) == (versions()["python"], versions()["numpy"])


@pytest.mark.parametrize(
    ("machine", "told", "kind"),
    [
        ("x86_64", "model name : X\nflags\t\t: fpu sse4_2 avx avx2 fma xyz\nflags\t\t: fpu\n", "x86_64 sse4_2 avx avx2 fma"),
        ("aarch64", "Features\t: fp asimd asimddp sve\n", "aarch64 asimd asimddp sve"),
        ("riscv64", "", "riscv64"),
    ],
)
def test_a_processor_is_told_by_what_decides_sums(machine, told, kind):
    """Its name and clock don't; two of one kind in one machine are one."""
    assert kind == kind_of(machine, told)


def test_this_processor_has_a_kind():
    """The same at every call."""
    assert processor().startswith(platform.machine())
    assert processor() == processor()
