"""What to do about what was found, each piece with the number that it follows from. Arithmetic on findings; measures nothing.

The limits come from models without a disease: the five of the benchmarks had 26 dB or more in every operator alone, 36 % or more of each range
in the bulk of the codes, and no number outside a range.
"""

from collections.abc import Iterator

from emberflow.graph import Graph
from emberflow.graph.layers import name_layers
from emberflow.inspection.anatomy import name_tenant
from emberflow.inspection.findings import Advice, AdviceKind, Inspection, OperatorFacts, TensorNoise
from emberflow.inspection.memory import Memory, Tenant, live_tensors
from emberflow.inspection.support import COMPILER
from emberflow.target import Target, TargetKind
from emberflow.units import show_bytes

LEAST_DECIBELS = 20.0
"""Of an operator alone: a noise of a tenth of the signal."""

LEAST_AT_THE_END = 10.0
"""Of any tensor, when no operator alone is to blame: a noise of a third of the signal."""

MOST_SATURATION = 0.001
LEAST_USED = 0.25
"""Of a range: a model that leaves three quarters unused computes with 6 bits."""

LEAST_BULK = 0.15
"""Of a range that some codes do reach: the rest of it, 2.7 of 8 bits, serves one number in a thousand."""

LARGE_SHARE = 0.5
"""Of the flash that weights take, and at least twice as much as an equal share."""

LARGE_PEAK = 0.25
"""Of the RAM peak, what is needed only while one tensor is alive."""

WORTH_BYTES = 2048
"""Of flash or RAM: nobody changes a model for less."""

_GIVEN_RANGE = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D", "SOFTMAX", "LOGISTIC", "TANH", "MEAN", "RELU6", "CONCATENATION", "PAD"})
"""Operators whose range is that of their input, or of their formula: nobody can narrow it there."""

_CODES = ("int8", "uint8", "int16")


def advise(found: Inspection, graph: Graph, memory: Memory, target: Target | None) -> tuple[Advice, ...]:
    """Everything that follows from `found`, most urgent first; nothing where all is well."""
    return (
        *_about_target(found, target),
        *_about_noise(found, graph),
        *_about_ranges(found, graph),
        *_about_flash(found),
        *_about_ram(graph, memory),
    )


def _about_target(found: Inspection, target: Target | None) -> Iterator[Advice]:
    if target is None:
        return
    is_chip = target.kind is TargetKind.MICROCONTROLLER
    flash_bytes = found.constant_bytes if is_chip and found.memory.arena_bytes is not None else found.file_bytes
    ram_bytes = found.memory.arena_bytes or found.memory.peak_bytes
    for what, needed, offered in (("flash", flash_bytes, target.flash_bytes), ("RAM", ram_bytes, target.ram_bytes)):
        if needed > offered:
            text = f"needs {needed:,} B of {what} before any code, and {target.name} has {offered:,} B: {needed - offered:,} B too few"
            yield Advice(kind=AdviceKind.FIT, layer="", text=text)
    if is_chip:
        yield from _about_compiler(found, target)


def _about_compiler(found: Inspection, target: Target) -> Iterator[Advice]:
    refused = [operator for operator in found.operators if COMPILER in operator.refusals]
    if refused and not any(operator.dtype in _CODES for operator in found.operators):
        text = f"computes with floats, and C for {target.name} is made of int8 models: convert it with full-integer quantization"
        yield Advice(kind=AdviceKind.RUNTIME, layer="", text=text)
        return
    for operator in refused[:3]:
        text = f"becomes {operator.name}, which isn't compiled for {target.name}: {operator.refusals[COMPILER]}"
        yield Advice(kind=AdviceKind.RUNTIME, layer=operator.layer, text=text)
    if len(refused) > 3:
        text = f"{len(refused) - 3} more operators aren't compiled for {target.name}; the table names them"
        yield Advice(kind=AdviceKind.RUNTIME, layer="", text=text)
    whole = next((runtime.refusal for runtime in found.runtimes if runtime.name == COMPILER), "")
    if whole and not refused:
        yield Advice(kind=AdviceKind.RUNTIME, layer="", text=f"isn't compiled for {target.name}: {whole}")


def _about_noise(found: Inspection, graph: Graph) -> Iterator[Advice]:
    """16 bits where 8 are too few; not where numbers are cut off, which more bits in the same range don't mend."""
    cut = _cut_off(found)
    loud = [noise for noise in found.noise if noise.own_sqnr_db is not None and noise.own_sqnr_db < LEAST_DECIBELS]
    to_blame = [noise for noise in loud if noise.operator is not None and not cut & {noise.operator, *_before(graph, noise.operator)}]
    for noise in sorted(to_blame, key=lambda noise: noise.own_sqnr_db or 0.0):
        yield _about_loud(noise)
    worst = next((noise for noise in found.noise if noise.sqnr_db is not None), None)
    if not loud and worst and worst.sqnr_db is not None and worst.sqnr_db < LEAST_AT_THE_END:
        text = (
            f"noise adds up from layer to layer to {worst.sqnr_db:.1f} dB at {worst.layer}, less than {LEAST_AT_THE_END:.0f} dB, though no layer"
            f" alone is below {LEAST_DECIBELS:.0f} dB: try qat, or int16x8 for the whole model"
        )
        yield Advice(kind=AdviceKind.SIXTEEN_BITS, layer="", text=text)


def _about_loud(noise: TensorNoise) -> Advice:
    """An operator that drowns its signal: in the rounding of its weights, or of what it reads and gives."""
    begin = f"its signal is {noise.own_sqnr_db:.1f} dB above the noise that it adds itself, less than {LEAST_DECIBELS:.0f} dB"
    in_float = f"in float on a Linux-class target (`{noise.layer}: {{quantize: false}}` under `layers`)"
    if noise.weights_sqnr_db is not None and noise.weights_sqnr_db < LEAST_DECIBELS:
        text = f"{begin}, and 8-bit weights alone bring it to {noise.weights_sqnr_db:.1f} dB, so int16x8 won't help: try qat, or keep it {in_float}"
        return Advice(kind=AdviceKind.WEIGHTS, layer=noise.layer, text=text)
    return Advice(kind=AdviceKind.SIXTEEN_BITS, layer=noise.layer, text=f"{begin}: keep it in 16 bits (recipe int16x8), or {in_float}")


_INPUT = -1
"""Stands for the model's input where operators are counted."""


def _cut_off(found: Inspection) -> frozenset[int]:
    """The operators whose numbers lie outside their range too often."""
    return frozenset(_place(noise) for noise in found.noise if noise.saturation > MOST_SATURATION)


def _place(noise: TensorNoise) -> int:
    return _INPUT if noise.operator is None else noise.operator


def _before(graph: Graph, index: int) -> frozenset[int]:
    """Every operator that what the one with that index reads comes from, and the input."""
    found, waiting = {_INPUT}, [operator for operator in graph.operators if operator.index == index]
    while waiting:
        writers = [graph.producers[i] for i in waiting.pop().inputs if i in graph.producers]
        waiting += [writer for writer in writers if writer.index not in found]
        found.update(writer.index for writer in writers)
    return frozenset(found)


def _about_ranges(found: Inspection, graph: Graph) -> Iterator[Advice]:
    operators = {operator.index: operator.name for operator in found.operators}
    cut = _cut_off(found)
    for noise in sorted(found.noise, key=_place):
        before = frozenset() if noise.operator is None else _before(graph, noise.operator)
        if _place(noise) in cut and not cut & before:
            behind = sum(_place(noise) in _before(graph, index) for index in cut - {_INPUT, _place(noise)})
            yield Advice(kind=AdviceKind.SATURATION, layer=noise.layer, text=_widen(noise, behind))
        elif _place(noise) not in cut and operators.get(_place(noise), "") not in _GIVEN_RANGE and (text := _narrow(noise)):
            yield Advice(kind=AdviceKind.RANGE, layer=noise.layer, text=text)


def _widen(noise: TensorNoise, behind: int) -> str:
    followers = "" if not behind else f"; {behind} layers behind it are cut off too" if behind > 1 else "; so are those of 1 layer behind it"
    return (
        f"widen its range: {noise.saturation:.1%} of its numbers are cut off at {noise.range_low:.4g} or {noise.range_high:.4g}, and they reach"
        f" {noise.low:.4g} to {noise.high:.4g}; calibrate with data like these{followers}"
    )


def _narrow(noise: TensorNoise) -> str:
    reach = f"{noise.range_low:.4g} to {noise.range_high:.4g}"
    if noise.used < LEAST_USED:
        return f"narrow its range: its codes use {noise.used:.0%} of {reach}; calibrate with data like these"
    if noise.bulk < LEAST_BULK:
        return (
            f"outliers waste its range: 99.9 % of its codes lie in {noise.bulk:.0%} of {reach}; clip it (a ReLU6, say), or keep it in 16 bits"
            " (recipe int16x8)"
        )
    return ""


def _about_flash(found: Inspection) -> Iterator[Advice]:
    holding = [operator for operator in found.operators if operator.constant_bytes]
    for operator in holding:
        if operator.constant_bytes >= WORTH_BYTES and found.share(operator) >= max(LARGE_SHARE, 2 / len(holding)):
            text = (
                f"holds {found.share(operator):.0%} of the flash that weights take: {show_bytes(operator.constant_bytes)} of"
                f" {show_bytes(found.constant_bytes)}; {_smaller(operator)}"
            )
            yield Advice(kind=AdviceKind.FLASH, layer=operator.layer, text=text)


def _smaller(operator: OperatorFacts) -> str:
    if operator.name == "FULLY_CONNECTED":
        return "pool before it, or give it fewer units"
    return "give it fewer filters, make it a separable convolution, or prune it"


def _about_ram(graph: Graph, memory: Memory) -> Iterator[Advice]:
    """Of the tensors that are alive at the peak, the one without which the peak would be lowest."""
    if memory.peak is None or memory.bytes_at(memory.peak) < WORTH_BYTES:
        return
    peak_bytes, layers = memory.bytes_at(memory.peak), name_layers(graph)
    alive = {index: life for index, life in live_tensors(graph).items() if life[0] <= memory.peak <= life[1]}
    blamed = min(alive, key=lambda index: (memory.peak_without(*alive[index]), -graph.tensors[index].size_bytes), default=None)
    if blamed is None or peak_bytes - memory.peak_without(*alive[blamed]) < LARGE_PEAK * peak_bytes:
        return
    who = name_tenant(graph, layers, Tenant((blamed,), 0))
    text = (
        f"sets the RAM peak: {peak_bytes:,} B are alive while it runs, the {who} ({graph.tensors[blamed].size_bytes:,} B) among them; when that"
        f" isn't kept, {memory.peak_without(*alive[blamed]):,} B are enough. A stride, fewer filters or a shorter input make it smaller"
    )
    yield Advice(kind=AdviceKind.RAM, layer=layers[memory.peak][0], text=text)
