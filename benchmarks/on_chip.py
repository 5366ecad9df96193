"""What compiled models take on a chip, beside TensorFlow Lite for Microcontrollers: instructions, flash, RAM, stack. Builds, runs and compares real firmware.

python benchmarks/on_chip.py --toolchain zig --json figures.json

The chip is an emulated STM32F405 (Cortex-M4F) with its own memory map; every model runs on 100 signals, and its outputs are compared with TFLM's.
Flash and RAM are those of the product that `emberflow compile` writes, from raw values to a decision, without its self-test.
"""

import argparse
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np
import tiny_models

from emberflow.adapters.proof import Claim, prove
from emberflow.adapters.toolchain import Compiler, Toolchain, default_cache
from emberflow.compiler import Compiled, Storage, compile_model
from emberflow.evaluate import reference
from emberflow.evaluate.borders import quantize
from emberflow.evaluate.litert import read_borders
from emberflow.export import describe_product, program_of
from emberflow.firmware.folder import Build
from emberflow.graph import Graph
from emberflow.on_chip import OnChip
from emberflow.samples import Samples
from emberflow.target import find_target
from emberflow.values import FloatArray

TARGET = "stm32f405"
VECTORS = 100
TESTS = 16
KIB = 1024


@dataclass(frozen=True)
class Yardstick:
    """What TFLM with CMSIS-NN took on an STM32F405 for the same shape: millions of instructions, KiB of flash and of RAM (arena).

    Measured before this compiler was written, with Arm's CMSIS-NN kernels and -Os, on the same emulated core.
    """

    instructions: float
    flash: float
    ram: float


YARDSTICKS = {
    "DS-CNN": Yardstick(7.70, 130.9, 23.4),
    "ResNet-8": Yardstick(29.9, 174.1, 55.6),
    "MobileNetV1-0.25": Yardstick(24.1, 392, 101.3),
    "FC autoencoder": Yardstick(0.60, 350, 24.6),
    "Conv1D net": Yardstick(0.75, 86.8, 5.4),
}


@dataclass(frozen=True)
class Row:
    """Figures of one model.

    constant_bytes: weights, biases and their per-channel scales, as the .tflite holds them.
    peak_bytes: the largest set of activations alive at once, input and output among them.
    ram_bytes: arena, data and bss. flash_bytes: the whole program, which quantizes raw values and decides.
    """

    name: str
    instructions: int
    flash_bytes: int
    constant_bytes: int
    ram_bytes: int
    peak_bytes: int
    stack_bytes: int
    vectors: int
    distinct_outputs: int
    differing_bytes: int
    seconds: float

    @property
    def share(self) -> float:
        """Instructions as a part of the yardstick's."""
        return self.instructions / 1e6 / YARDSTICKS[self.name].instructions


@dataclass(frozen=True)
class PackedRow:
    """What packing did to the weights of one treated model."""

    name: str
    treatment: str
    plain_bytes: int
    stored_bytes: int
    plain_instructions: int
    instructions: int
    differing_bytes: int
    most: float

    @property
    def ratio(self) -> float:
        """Bytes of weights in flash, as a part of the plain ones."""
        return self.stored_bytes / self.plain_bytes


@dataclass(frozen=True)
class Promise:
    """A figure, and the most it may be."""

    words: str
    measured: float
    most: float

    @property
    def is_kept(self) -> bool:
        """Whether the figure is not above the limit."""
        return self.measured <= self.most

    def __str__(self) -> str:
        return f"{self.words:60}{self.measured:>14,.2f}  at most {self.most:>12,.2f}  {'kept' if self.is_kept else 'MISSED'}"


def promises(rows: Sequence[Row], packed: Sequence[PackedRow]) -> Iterator[Promise]:
    """What is promised of every model, and of all together."""
    for row in rows:
        yard = YARDSTICKS[row.name]
        yield Promise(f"{row.name}: millions of instructions", row.instructions / 1e6, yard.instructions)
        yield Promise(f"{row.name}: flash, constants and 10 KiB", row.flash_bytes, row.constant_bytes + 10 * KIB)
        yield Promise(f"{row.name}: flash, that of TFLM with CMSIS-NN", row.flash_bytes, yard.flash * KIB)
        yield Promise(f"{row.name}: RAM, 1.1 times the activations and 1 KiB", row.ram_bytes, 1.1 * row.peak_bytes + KIB)
        yield Promise(f"{row.name}: RAM, that of TFLM with CMSIS-NN", row.ram_bytes, yard.ram * KIB)
        yield Promise(f"{row.name}: stack", row.stack_bytes, 511)
        yield Promise(f"{row.name}: bytes that differ from TFLM", row.differing_bytes, 0)
        if row.name == "ResNet-8":
            yield Promise("ResNet-8: seconds to compile, build and run 100 vectors", row.seconds, 60)
    if rows:
        yield Promise("geometric mean of the instructions' ratios", prod(row.share for row in rows) ** (1 / len(rows)), 0.8)
    for each in packed:
        yield Promise(f"{each.name}, {each.treatment}: weights in flash", each.ratio, each.most)
        yield Promise(f"{each.name}, {each.treatment}: bytes that differ", each.differing_bytes, 0)


def prune(kernel: FloatArray) -> FloatArray:
    """The smallest 70 % of a layer's weights become zero."""
    return np.where(np.abs(kernel) > np.quantile(np.abs(kernel), 0.7), kernel, 0).astype(np.float32)


def cluster(kernel: FloatArray, count: int = 16) -> FloatArray:
    """A layer's weights share `count` values, zero among them when it occurs: k-means in one dimension, begun at quantiles."""
    held = kernel[kernel != 0]
    free = count - int((kernel == 0).any())
    centroids = np.quantile(held, (np.arange(free) + 0.5) / free)
    for _ in range(20):
        nearest = np.abs(held[:, None] - centroids).argmin(axis=1)
        centroids = np.array([held[nearest == at].mean() if (nearest == at).any() else centroids[at] for at in range(free)])
    found = kernel.copy()
    found[kernel != 0] = centroids[np.abs(held[:, None] - centroids).argmin(axis=1)]
    return found.astype(np.float32)


TREATMENTS = {
    "70 % pruned": (prune, 0.5),
    "16 clusters": (cluster, 0.6),
    "pruned and clustered": (lambda kernel: cluster(prune(kernel)), 0.4),
}
TREATED = ("ResNet-8", "MobileNetV1-0.25", "FC autoencoder")


def constant_bytes(graph: Graph) -> int:
    """Bytes of weights and biases, each buffer once, and of the scales of tensors that have one a channel."""
    held = {
        tensor.buffer: tensor
        for operator in graph.operators
        for tensor in map(graph.tensors.__getitem__, operator.inputs)
        if tensor.data is not None and tensor.quantization
    }
    scales = sum(4 * len(t.quantization.scales) for t in held.values() if t.dtype == "int8" and t.quantization and t.quantization.per_channel)
    return sum(tensor.size_bytes for tensor in held.values()) + scales


def examine(model: bytes, weights: Storage, toolchain: Toolchain) -> tuple[Compiled, OnChip]:
    """`model` compiled, built for the chip, run on it and compared."""
    compiled, target = compile_model(model, "model", weights=weights), find_target(TARGET)
    border = read_borders(model).input
    codes = quantize(signals := tiny_models.signals(border.shape[1:], VECTORS, seed=2), border)
    samples = Samples((codes[:TESTS],), (signals[:TESTS],), "signals", are_real=False)
    expected = reference.outputs(model, samples.codes)
    product = describe_product(compiled.name, model, samples, expected, target, Build(compiled.files))
    claim = Claim(model, compiled.name, compiled.files, program_of(product).sources)
    return compiled, prove(claim, (codes,), target, toolchain).figures


def measure(name: str, toolchain: Toolchain) -> Row:
    """The figures of one shape."""
    model = tiny_models.build(name)
    start = time.perf_counter()
    compiled, figures = examine(model, Storage.SMALLEST, toolchain)
    seconds = time.perf_counter() - start
    seen = _emulated(figures)
    return Row(
        name=name,
        instructions=seen.instructions,
        flash_bytes=figures.linked.flash_bytes,
        constant_bytes=constant_bytes(compiled.program.graph),
        ram_bytes=figures.linked.variable_bytes,
        peak_bytes=compiled.plan.peak_bytes,
        stack_bytes=seen.stack_bytes,
        vectors=seen.parity.samples,
        distinct_outputs=seen.parity.distinct_outputs,
        differing_bytes=seen.parity.differing_bytes,
        seconds=seconds,
    )


def measure_packed(name: str, treatment: str, toolchain: Toolchain) -> PackedRow:
    """What packing the weights of a treated shape saves and costs."""
    treat, most = TREATMENTS[treatment]
    model = tiny_models.build(name, treat)
    compiled, figures = examine(model, Storage.SMALLEST, toolchain)
    plain = _emulated(examine(model, Storage.PLAIN, toolchain)[1])
    packings = compiled.program.packings
    return PackedRow(
        name=name,
        treatment=treatment,
        plain_bytes=sum(packing.plain_bytes for packing in packings),
        stored_bytes=sum(packing.stored_bytes for packing in packings),
        plain_instructions=plain.instructions,
        instructions=_emulated(figures).instructions,
        differing_bytes=_emulated(figures).parity.differing_bytes,
        most=most,
    )


def _emulated(figures: OnChip):
    if figures.emulated is None:
        raise SystemExit(figures.fault or figures.unproven)
    return figures.emulated


def _line(cells: Iterable[object], widths: Sequence[int] = (20, 12, 7, 10, 12, 10, 10, 8, 12)) -> str:
    return "".join(f"{cell!s:{'>' if place else '<'}{width}}" for place, (cell, width) in enumerate(zip(cells, widths, strict=False)))


def show(row: Row) -> str:
    """A line of the first table."""
    vectors = f"{row.differing_bytes} of {row.vectors}"
    figures = (
        f"{row.instructions:,}",
        f"{row.share:.2f}",
        f"{row.flash_bytes:,}",
        f"{row.constant_bytes:,}",
        f"{row.ram_bytes:,}",
        f"{row.peak_bytes:,}",
    )
    return _line((row.name, *figures, row.stack_bytes, vectors))


def show_packed(row: PackedRow) -> str:
    """A line of the second table."""
    cost = f"+{row.instructions / row.plain_instructions - 1:.0%}"
    cells = (
        row.name,
        row.treatment,
        f"{row.plain_bytes:,}",
        f"{row.stored_bytes:,}",
        f"{row.ratio:.3f}",
        f"{row.instructions:,}",
        cost,
        row.differing_bytes,
    )
    return _line(cells, (20, 22, 10, 10, 8, 13, 8, 8))


def run(arguments: argparse.Namespace) -> Mapping[str, Sequence[object]]:
    """Measure and print, a line as soon as it is known."""
    toolchain = Toolchain(default_cache(), Compiler(arguments.toolchain))
    print(_line(("", "instructions", "ratio", "flash B", "constants", "RAM B", "peak", "stack", "differing")))
    rows = []
    for name in arguments.models:
        rows.append(measure(name, toolchain))
        print(show(rows[-1]), flush=True)
    print("\n" + _line(("weights in flash", "", "plain B", "packed B", "ratio", "instructions", "cost", "differ"), (20, 22, 10, 10, 8, 13, 8, 8)))
    packed = []
    for name in (name for name in TREATED if name in arguments.models):
        for treatment in TREATMENTS:
            packed.append(measure_packed(name, treatment, toolchain))
            print(show_packed(packed[-1]), flush=True)
    print("", *promises(rows, packed), sep="\n")
    return {"models": rows, "packed": packed}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(YARDSTICKS), choices=list(YARDSTICKS), help="default: all five")
    parser.add_argument("--toolchain", default="zig", choices=[str(each) for each in Compiler])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write the figures where asked."""
    arguments = parse_arguments()
    found = run(arguments)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({kind: [asdict(row) for row in rows] for kind, rows in found.items()}, indent=2) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
