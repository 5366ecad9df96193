"""Targets: what a device offers. Reads the tables under `targets/`; refuses to know what a model needs.

A target is a TOML file whose name is the target's. Every value carries the document and page it comes from:

    title = "STM32F103RB: 128 KiB flash, 20 KiB SRAM"
    kind = "microcontroller"
    core = { value = "cortex-m3", source = "ST DS5319 Rev 19, p. 1" }
    fpu = { value = false, source = "ST DS5319 Rev 19, p. 1" }
    dsp = { value = false, source = "ST DS5319 Rev 19, p. 1" }
    clock_hz = { value = 72_000_000, source = "ST DS5319 Rev 19, p. 1" }
    flash = { value = "128 KiB", source = "ST DS5319 Rev 19, p. 1" }
    ram = { value = "20 KiB", source = "ST DS5319 Rev 19, p. 1" }

    [regions.flash]
    origin = 0x0800_0000
    size = "128 KiB"
    source = "CMSIS header stm32f103xb.h"

    [regions.sram]
    origin = 0x2000_0000
    size = "20 KiB"
    source = "CMSIS header stm32f103xb.h"

A microcontroller has at least the regions `flash` and `sram`: those that a program is linked into.
"""

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, StrictBool, StrictInt, StrictStr, ValidationError
from pydantic_core import ErrorDetails

from emberflow.errors import TargetError, did_you_mean
from emberflow.recipe import Format
from emberflow.values import Bytes, Value


class TargetKind(StrEnum):
    """Which runtime serves the device."""

    MICROCONTROLLER = "microcontroller"
    LINUX = "linux"


# TensorFlow Lite for Microcontrollers refuses hybrid kernels (dynamic), and float16 is stored there only to be expanded to float32.
FORMATS = {
    TargetKind.MICROCONTROLLER: (Format.FLOAT32, Format.INT8, Format.UINT8, Format.INT16X8),
    TargetKind.LINUX: tuple(Format),
}


class Region(Value):
    """A piece of the memory map."""

    name: str
    origin: int
    size_bytes: int


class Target(Value):
    """A device. Each value's datasheet and page stand in `sources`, by the field's name; a region's by `regions.<name>`."""

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

    def compiles(self, number_format: Format) -> bool:
        """Whether models of that format become C for it: those of 8-bit integers, on a microcontroller."""
        return self.kind is TargetKind.MICROCONTROLLER and number_format in (Format.INT8, Format.UINT8)


def find_target(name: str) -> Target:
    """The packaged target called `name`.

    Raises: TargetError: there is none; the message lists all names, with "did you mean".
    """
    targets = load_targets()
    if name not in targets:
        raise TargetError(
            f"received '{name}' as a target; expected one of {', '.join(targets)}, or the path of a target file of your own."
            f"{did_you_mean(name, targets)}"
        )
    return targets[name]


def load_targets() -> dict[str, Target]:
    """Every packaged target by its name, in alphabetical order."""
    return {target.name: target for target in _packaged()}


def read_target(path: Path) -> Target:
    """The target that a file of the user's describes, named after the file.

    Raises: TargetError: the file can't be read, or isn't a target.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"received '{path}' as a target file, which can't be read ({error}); expected a TOML file in UTF-8") from error
    return parse_target(path.stem, text)


def parse_target(name: str, text: str) -> Target:
    """The target that `text`, the contents of `<name>.toml`, describes.

    Raises: TargetError: not TOML, a key is missing, unknown or without a source, or the memory map can't be; names file and key.
    """
    if not re.fullmatch(_NAME, name):
        raise TargetError(f"received the target file '{name}.toml'; expected a name of letters, digits, . - and _: it stands in sources and scripts")
    try:
        page = _Page.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TargetError(f'{name}.toml: not TOML: {error}; expected keys and values such as title = "STM32F405RG"') from error
    except ValidationError as error:
        raise TargetError(f"{name}.toml: " + "; ".join(_complain(detail) for detail in error.errors())) from None
    target = page.target(name)
    _check_regions(target)
    return target


@cache
def _packaged() -> tuple[Target, ...]:
    pages = (page for page in files("emberflow").joinpath("targets").iterdir() if page.name.endswith(".toml"))
    return tuple(parse_target(page.name.removesuffix(".toml"), page.read_text(encoding="utf-8")) for page in sorted(pages, key=lambda p: p.name))


_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

T = TypeVar("T")
_Size = Annotated[Bytes, Field(gt=0)]
_Source = Annotated[StrictStr, Field(pattern=r"\S")]


class _Sourced(Value, Generic[T]):
    value: T
    source: _Source


class _SourcedRegion(Value):
    origin: Annotated[StrictInt, Field(ge=0)]
    size: _Size
    source: _Source


class _Page(Value):
    """A target file as written; its keys are what users write, so they carry no units where the value does."""

    title: StrictStr
    kind: TargetKind
    core: _Sourced[StrictStr]
    fpu: _Sourced[StrictBool]
    dsp: _Sourced[StrictBool]
    clock_hz: _Sourced[Annotated[StrictInt, Field(gt=0)]]
    flash: _Sourced[_Size]
    ram: _Sourced[_Size]
    regions: dict[str, _SourcedRegion] = Field(default_factory=dict)

    def target(self, name: str) -> Target:
        """The target that the page describes."""
        sourced: dict[str, _Sourced[Any]] = {
            "core": self.core,
            "fpu": self.fpu,
            "dsp": self.dsp,
            "clock_hz": self.clock_hz,
            "flash_bytes": self.flash,
            "ram_bytes": self.ram,
        }
        values = {key: fact.value for key, fact in sourced.items()}
        sources = {key: fact.source for key, fact in sourced.items()} | {f"regions.{key}": r.source for key, r in self.regions.items()}
        regions = tuple(Region(name=key, origin=r.origin, size_bytes=r.size) for key, r in self.regions.items())
        return Target(name=name, title=self.title, kind=self.kind, regions=regions, formats=FORMATS[self.kind], sources=sources, **values)


def _complain(detail: ErrorDetails) -> str:
    key = ".".join(map(str, detail["loc"]))
    match detail["type"]:
        case "missing" | "string_pattern_mismatch" if key.endswith("source"):
            return f"'{key}' is missing or empty; expected the document and page that the value comes from"
        case "missing":
            return f"'{key}' is missing and has no default"
        case "extra_forbidden":
            return f"'{key}' is not a key of a target.{did_you_mean(key, _Page.model_fields)}"
        case "model_type":
            return f"received {detail['input']!r} for '{key}'; expected value and source, such as {{ value = ..., source = \"DS8626 Rev 9, p. 1\" }}"
        case "value_error":
            return f"'{key}': {detail['ctx']['error']}"
    return f"received {detail['input']!r} for '{key}': {detail['msg']}"


def _check_regions(target: Target) -> None:
    ordered = sorted(target.regions, key=lambda region: region.origin)
    for region in ordered:
        if region.origin + region.size_bytes > 1 << 32:
            raise TargetError(f"{target.name}.toml: region '{region.name}' ends behind the last 32-bit address; check its origin and size")
    for low, high in pairwise(ordered):
        if low.origin + low.size_bytes > high.origin:
            raise TargetError(
                f"{target.name}.toml: regions '{low.name}' and '{high.name}' overlap at {high.origin:#010x}; list each piece of memory once"
            )
    if target.kind is TargetKind.MICROCONTROLLER:
        _check_linked(target, "flash", target.flash_bytes)
        _check_linked(target, "sram", target.ram_bytes)


def _check_linked(target: Target, name: str, needed_bytes: int) -> None:
    held_bytes = next((region.size_bytes for region in target.regions if region.name == name), 0)
    if held_bytes < needed_bytes:
        raise TargetError(
            f"{target.name}.toml: promises {needed_bytes:,} B, but region '{name}' holds {held_bytes:,} B;"
            f" expected [regions.{name}] to hold it all: join neighbouring banks in one region, or promise less"
        )
