"""Cores: what two compilers call each Cortex-M, and what it can't do. A table and a look-up; knows no device."""

from dataclasses import dataclass

from emberflow.errors import TargetError, did_you_mean


@dataclass(frozen=True)
class Core:
    """A processor, as Clang (through zig) and GCC are told of it.

    Args:
        zig: `-target` and `-mcpu` of `zig cc`.
        gcc: switches of `arm-none-eabi-gcc`.
        has_fpu: floating-point instructions run once CPACR lets them.
        is_aligned: an access that is not aligned to its size faults (Armv6-M Architecture Reference Manual, DDI 0419, A3.2.1).
    """

    zig: tuple[str, str]
    gcc: tuple[str, ...]
    has_fpu: bool = False
    is_aligned: bool = False

    @property
    def zig_flags(self) -> tuple[str, ...]:
        """For the command line of `zig cc`."""
        return ("-target", self.zig[0], f"-mcpu={self.zig[1]}")


_SOFT, _HARD = "thumb-freestanding-eabi", "thumb-freestanding-eabihf"

# Clang's plain cortex_m4 has no FPU and its plain cortex_m33 no DSP extension, so they are added by name.
CORES = {
    "cortex-m0plus": Core((_SOFT, "cortex_m0plus"), ("-mcpu=cortex-m0plus",), is_aligned=True),
    "cortex-m3": Core((_SOFT, "cortex_m3"), ("-mcpu=cortex-m3",)),
    "cortex-m4": Core((_SOFT, "cortex_m4"), ("-mcpu=cortex-m4",)),
    "cortex-m4f": Core((_HARD, "cortex_m4+vfp4d16sp"), ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"), has_fpu=True),
    "cortex-m7f": Core((_HARD, "cortex_m7+fp_armv8d16"), ("-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"), has_fpu=True),
    "cortex-m33f": Core((_HARD, "cortex_m33+dsp+fp_armv8d16sp"), ("-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"), has_fpu=True),
    "cortex-m55": Core((_HARD, "cortex_m55"), ("-mcpu=cortex-m55", "-mfloat-abi=hard"), has_fpu=True),
}


def find_core(name: str) -> Core:
    """The core that a target file calls `name`.

    Raises: TargetError: none of ours; the message lists them.
    """
    if name not in CORES:
        raise TargetError(f"received '{name}' as a core to build for; expected one of {', '.join(CORES)}.{did_you_mean(name, CORES)}")
    return CORES[name]
