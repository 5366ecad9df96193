"""Which devices run a model, operator by operator and whole: runtime, number format, flash and RAM. Arithmetic on what was asked; runs nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from emberflow.budget import WHY_REFUSED
from emberflow.draft import CODE_BYTES, STACK_BYTES
from emberflow.evaluate.footprint import estimate
from emberflow.graph import Graph
from emberflow.inputs import format_of
from emberflow.inspection.anatomy import constants_in_c
from emberflow.inspection.findings import DeviceFacts
from emberflow.inspection.memory import Memory
from emberflow.inspection.support import COMPILER, LITERT, TFLM, Runtime, Support
from emberflow.recipe import Format
from emberflow.target import Target, TargetKind
from emberflow.variant import MicroVerdict, Size


@dataclass(frozen=True, eq=False)
class Held:
    """What is held against devices: a graph, what the runtimes said of it, its RAM over time, and what its file weighs."""

    graph: Graph
    support: Support
    memory: Memory
    size: Size

    @property
    def runtimes(self) -> Mapping[str, Runtime]:
        """By their names."""
        return {runtime.name: runtime for runtime in self.support.runtimes}


def hold_against(held: Held, targets: Iterable[Target]) -> tuple[DeviceFacts, ...]:
    """For each target, what of the model runs there, and whether all of it does, in its flash and RAM."""
    number_format = format_of(held.graph)
    return tuple(_hold(held, target, number_format) for target in targets)


def _hold(held: Held, target: Target, number_format: Format) -> DeviceFacts:
    serving, refusal = _choose(held, target, number_format)
    flash_bytes, ram_bytes = _needs(held, target, serving)
    said = {operator.index: _runs(held, target, operator.index) for operator in held.graph.operators}
    why_not = (*([refusal] if refusal else []), *_too_few("flash", flash_bytes, target.flash_bytes), *_too_few("RAM", ram_bytes, target.ram_bytes))
    return DeviceFacts(
        name=target.name,
        is_chip=target.kind is TargetKind.MICROCONTROLLER,
        runtime=serving,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        flash_offered=target.flash_bytes,
        ram_offered=target.ram_bytes,
        runs={index: name for index, (name, _) in said.items() if name},
        refusals={index: why for index, (name, why) in said.items() if not name},
        why_not=why_not,
    )


def _too_few(what: str, needed: int, offered: int) -> list[str]:
    return [f"{needed - offered:,} B of {what} too few"] if needed > offered else []


def _choose(held: Held, target: Target, number_format: Format) -> tuple[str, str]:
    """Which runtime takes the whole model there; "" and the reason where none does."""
    runtimes = held.runtimes
    if target.kind is TargetKind.LINUX:
        return (LITERT, "") if not runtimes[LITERT].refusal else ("", f"LiteRT: {runtimes[LITERT].refusal}")
    if held.support.compiled:
        return COMPILER, ""
    if number_format not in target.formats:
        return "", f"{number_format}: {WHY_REFUSED[number_format]}"
    return (TFLM, "") if not runtimes[TFLM].refusal else ("", f"TFLM: {runtimes[TFLM].refusal}")


def _needs(held: Held, target: Target, serving: str) -> tuple[int, int]:
    """Bytes of flash and RAM: of compiled C its constants, arena, and what code and stack usually take; else as variants are estimated."""
    compiled = held.support.compiled
    if serving == COMPILER and compiled:
        return sum(constants_in_c(compiled).values()) + CODE_BYTES, compiled.plan.arena_bytes + STACK_BYTES
    micro = MicroVerdict(runs=serving == TFLM, reason="", arena_bytes=held.runtimes[TFLM].arena_bytes)
    taken = estimate(held.size, micro, target)
    return taken.flash_bytes, taken.ram_bytes


def _runs(held: Held, target: Target, index: int) -> tuple[str, str]:
    """The runtime that runs an operator there, and why none does, "" where one does."""
    alive_bytes = held.memory.bytes_at(index)
    if alive_bytes > target.ram_bytes:
        return "", f"{alive_bytes:,} B of RAM alive, and it has {target.ram_bytes:,} B"
    said = [(name, held.runtimes[name].operators.get(index, "")) for name in _served_by(held, target)]
    return next(((name, "") for name, why in said if not why), ("", "; ".join(f"{name}: {why}" for name, why in said)))


def _served_by(held: Held, target: Target) -> Iterator[str]:
    if target.kind is TargetKind.LINUX:
        yield LITERT
        return
    yield from (COMPILER,) if held.support.compiled else (TFLM, COMPILER)
