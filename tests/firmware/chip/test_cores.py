"""Every target's core is one that can be built for."""

import pytest

from emberflow.errors import TargetError
from emberflow.firmware.chip.cores import CORES, find_core
from emberflow.target import TargetKind, load_targets

MICROCONTROLLERS = [target for target in load_targets().values() if target.kind is TargetKind.MICROCONTROLLER]


@pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)
def test_a_core_has_an_fpu_where_its_target_says_so(target):
    """Then both compilers are told to pass floats in its registers."""
    core = find_core(target.core)

    assert target.fpu == core.has_fpu
    assert target.fpu == core.zig[0].endswith("hf")
    assert target.fpu == ("-mfloat-abi=hard" in core.gcc)


def test_only_armv6_m_wants_everything_aligned():
    """DDI 0419, A3.2.1."""
    assert [name for name, core in CORES.items() if core.is_aligned] == ["cortex-m0plus"]


def test_switches_of_zig():
    """As zig cc takes them."""
    assert find_core("cortex-m3").zig_flags == ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3")


def test_a_core_for_linux_is_refused():
    """With the list."""
    with pytest.raises(TargetError, match=r"received 'cortex-a72' as a core to build for; expected one of cortex-m0plus, cortex-m3, .*cortex-m55\."):
        find_core("cortex-a72")
