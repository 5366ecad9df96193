"""The figures of a compiled model on the terminal: each layer's flash, weights and instructions, then the whole program. Prints; measures nothing."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emberflow.compiler import Packing
from emberflow.compiler.program import Program
from emberflow.on_chip import LayerOnChip, OnChip
from emberflow.target import Target
from emberflow.units import show_bytes


def show_figures(on_chip: OnChip, program: Program, target: Target, console: Console) -> None:
    """Print the layers, then flash, RAM, stack and instructions of the whole, and what was compared."""
    console.print(_layers(on_chip, _packings(program)))
    console.print()
    for what, figure in summary(on_chip, target):
        console.print(Text.assemble((f"{what:<14}", "bold"), figure), soft_wrap=True, highlight=False)


def _packings(program: Program) -> dict[str, Packing]:
    """What was chosen for weights, by the layer's name in the program."""
    names = {str(operator): f"{operator.name.lower()}_{operator.index}" for operator in program.graph.operators}
    return {names[packing.layer]: packing for packing in program.packings}


def _layers(on_chip: OnChip, packings: dict[str, Packing]) -> Table:
    table = Table("layer", "constants [B]", "weights", "instructions", "share", box=None, pad_edge=False, header_style="bold")
    for column in (table.columns[1], *table.columns[3:]):
        column.justify = "right"
    total = sum(layer.instructions or 0 for layer in on_chip.layers)
    for layer in on_chip.layers:
        table.add_row(layer.name, f"{layer.constant_bytes:,}", _weights(packings.get(layer.name)), *_spent(layer, total))
    return table


def _weights(packing: Packing | None) -> str:
    if packing is None:
        return ""
    if packing.stored_bytes == packing.plain_bytes:
        return f"{packing.encoding}"
    return f"{packing.encoding}, {packing.stored_bytes / packing.plain_bytes:.0%} of {packing.plain_bytes:,} B"


def _spent(layer: LayerOnChip, total: int) -> tuple[str, str]:
    if not layer.instructions:
        return "", ""
    return f"{layer.instructions:,}", f"{layer.instructions / total:.1%}"


def summary(on_chip: OnChip, target: Target) -> Iterator[tuple[str, str]]:
    """What and how much, for the whole program; instructions are not cycles."""
    linked, emulated = on_chip.linked, on_chip.emulated
    flash = {region.name: region.size_bytes for region in target.regions}["flash"]
    sections = ", ".join(f"{name} {linked.sections[name]:,}" for name in (".text", ".rodata", ".data") if name in linked.sections)
    yield "flash", f"{linked.flash_bytes:,} B of {show_bytes(flash)} ({sections})"
    yield "RAM", f"{linked.ram_bytes:,} B of {show_bytes(target.ram_bytes)} (arena {linked.arena_bytes:,}, stack {linked.reserved_stack_bytes:,})"
    if emulated is None:
        return
    yield "stack", f"{on_chip.stack_bytes:,} B used"
    spread = (
        f", {emulated.least_instructions:,} to {emulated.most_instructions:,}" if emulated.least_instructions != emulated.most_instructions else ""
    )
    yield "instructions", f"{emulated.instructions:,} an inference on {emulated.core}{spread}"
    parity = emulated.parity
    yield "compared", f"{parity.samples:,} inputs on the emulated core: {parity.differing_bytes:,} of {parity.bytes:,} B differ"
    if on_chip.on_host:
        yield "", f"{on_chip.on_host.samples:,} on this machine: {on_chip.on_host.differing_bytes:,} of {on_chip.on_host.bytes:,} B differ"
    if test := on_chip.self_test:
        yield "product", f"{test}; with test and vectors flash is {test.flash_bytes:,} B"
