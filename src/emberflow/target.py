"""Targets: what a device offers. Reads the tables under `targets/`; refuses to know what a model needs."""

from enum import StrEnum

from pydantic import Field

from emberflow.recipe import Format
from emberflow.values import Value


class TargetKind(StrEnum):
    """Which runtime serves the device."""

    MICROCONTROLLER = "microcontroller"
    LINUX = "linux"


class Region(Value):
    """A piece of the memory map."""

    name: str
    origin: int
    size_bytes: int


class Target(Value):
    """A device. Each value's datasheet and page stand in `sources`, by the field's name."""

    name: str
    title: str
    kind: TargetKind
    core: str = Field(description="such as cortex-m4f")
    fpu: bool
    dsp: bool
    clock_hz: int
    flash_bytes: int
    ram_bytes: int = Field(description="RAM that one linker region can hold: the largest contiguous piece")
    regions: tuple[Region, ...]
    formats: tuple[Format, ...]
    sources: dict[str, str]
