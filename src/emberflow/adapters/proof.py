"""The proof: what a compiled model takes on a target, and that it computes what TFLM does, byte for byte. Builds, runs, compares; judges nothing.

    claim = Claim(model, compiled.name, compiled.files, program.sources)
    proof = prove(claim, (codes,), target, Toolchain(default_cache()))
    proof.figures.linked.flash_bytes, proof.figures.is_proven, proof.figures.emulated.instructions

Two programs are built around the same sources: the product, whose sections are reported, and the measuring one, which runs samples on the emulated
core with the target's own memory map. The product's own test is run by `self_test`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median_low

import numpy as np

from emberflow.adapters.emulator import Emulator, Execution, Run
from emberflow.adapters.linking import Placed, place
from emberflow.adapters.native import run_on_host
from emberflow.adapters.toolchain import Options, Toolchain
from emberflow.errors import ChipError, EmulatorError, GraphError
from emberflow.evaluate import reference
from emberflow.evaluate.parity import as_bytes, compare_all
from emberflow.firmware.chip.image import Image
from emberflow.firmware.chip.program import INPUTS, OUTPUTS, measuring_program
from emberflow.graph import Graph, Tensor, read_graph
from emberflow.on_chip import Divergence, Emulated, LayerOnChip, Linked, OnChip
from emberflow.target import Target
from emberflow.values import AnyArray, Arrays
from emberflow.view import Inputs

VECTORS = 100
_TRACED = Options(defines={"EF_TRACE": "1"})
_PLAIN = Options()


@dataclass(frozen=True, eq=False)
class Claim:
    """What is to be proven: that the C11 texts `sources`, by file name, of a model called `name` compute what the .tflite `model` does.

    program: what stands around them in the product, by file name; its flash and RAM are what is reported.
    """

    model: bytes
    name: str
    sources: Mapping[str, bytes]
    program: Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class Expected:
    """What the reference gave for the samples of a proof, shape (n, *output_shape) for each output in its type.

    is_tflm: it was TFLM, which can be asked for the first layer that differs; another reference can't.
    """

    outputs: Arrays
    is_tflm: bool = True


@dataclass(frozen=True, eq=False)
class Proof:
    """What was found.

    outputs: of the C on this machine, for all samples, shape (n, *output_shape) in the type of each of the model's outputs; None when it crashed.
    """

    figures: OnChip
    outputs: Arrays | None


def prove(claim: Claim, codes: Inputs, target: Target, toolchain: Toolchain, vectors: int = VECTORS, expected: Expected | None = None) -> Proof:
    """Build the firmware of `claim` for `target`, run it, and compare it with TFLM.

    Args:
        codes: real samples, for each of the model's inputs shape (n, *input_shape without the batch) in its type. All of them run through the C on
            this machine; `vectors` of them, evenly spread, on the emulated core too.
        expected: what the reference that the C was compiled to equal gave for `codes`; without it TFLM runs here.
    Raises: ToolchainError: no compiler, or it refuses the sources. TargetError: a Linux device, or a core we don't know.
        GraphError: TFLM doesn't run the model, or it takes or gives several samples at once. DoesNotFit: not even into an imagined memory.
        WorkerLost: TFLM's process was ended from outside.
    """
    trial = Trial(claim, target, toolchain, _read(claim.model))
    linked, layers = trial.link()
    expected = expected or Expected(reference.outputs(claim.model, codes))
    chosen = _spread(len(codes[0]), vectors)
    figures = OnChip(target=target.name, linked=linked, layers=layers, emulated=None, on_host=None, host_differing_bytes=None)
    try:
        on_host = trial.run_on_host(codes)
        figures = figures.model_copy(update={"on_host": compare_all("C on this machine", on_host, expected.outputs)})
        seen = trial.emulate(_take(codes, chosen), Expected(_take(expected.outputs, chosen), expected.is_tflm))
    except ChipError as error:
        return Proof(figures.model_copy(update={"fault": str(error)}), None if figures.on_host is None else on_host)
    except EmulatorError as error:
        return Proof(figures.model_copy(update={"unproven": str(error)}), on_host)
    found = {
        "emulated": seen.emulated,
        "layers": seen.layers(layers),
        "host_differing_bytes": int((as_bytes(seen.outputs) != as_bytes(_take(on_host, chosen))).sum()),
        "unproven": _doubt(seen.emulated),
    }
    return Proof(figures.model_copy(update=found), on_host)


def _doubt(emulated: Emulated) -> str:
    distinct, samples = emulated.parity.distinct_outputs, emulated.parity.samples
    return "" if distinct > 1 else f"{samples:,} samples gave {distinct} distinct output: a model whose outputs don't vary proves nothing"


@dataclass(frozen=True, eq=False)
class Seen:
    """What a run on the emulated core showed; `spent` are the instructions of each layer."""

    emulated: Emulated
    outputs: Arrays
    spent: Mapping[str, int]

    def layers(self, linked: tuple[LayerOnChip, ...]) -> tuple[LayerOnChip, ...]:
        """The layers with their instructions."""
        return tuple(layer.model_copy(update={"instructions": self.spent.get(layer.name)}) for layer in linked)


@dataclass(frozen=True, eq=False)
class Trial:
    """A claim on its way to figures."""

    claim: Claim
    target: Target
    toolchain: Toolchain
    graph: Graph

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that the model gives."""
        return tuple(self.graph.tensors[index] for index in self.graph.outputs)

    @property
    def _counts(self) -> tuple[int, int]:
        return len(self.graph.inputs), len(self.graph.outputs)

    def link(self) -> tuple[Linked, tuple[LayerOnChip, ...]]:
        """What the product takes, in all and by layer."""
        placed = self._place(self.claim.program, _PLAIN)
        image = placed.image
        arena = image.symbols.get(f"{self.claim.name}_arena")
        linked = Linked(
            flash_bytes=image.flash_bytes,
            variable_bytes=image.ram_bytes,
            arena_bytes=arena.size_bytes if arena else 0,
            reserved_stack_bytes=image.stack_bytes,
            sections=dict(image.sections),
            missing_bytes=dict(placed.missing_bytes),
        )
        return linked, tuple(_layers(self.graph, image))

    def run_on_host(self, codes: Inputs) -> Arrays:
        """Outputs of the C on this machine."""
        sizes = tuple(output.size_bytes for output in self.outputs)
        return self._as_outputs(run_on_host(self.toolchain, self.claim.sources, f"{self.claim.name}_infer", codes, sizes))

    def emulate(self, codes: Arrays, expected: Expected) -> Seen:
        """Run `codes` on the emulated core, and compare with `expected`; where they differ and that is TFLM's, find the first layer that does."""
        infer = f"{self.claim.name}_infer"
        run = self._execute(codes, _PLAIN, watched=(infer,))
        outputs = self._written(run)
        parity = compare_all("firmware", outputs, expected.outputs)
        differing = np.flatnonzero((as_bytes(outputs) != as_bytes(expected.outputs)).any(axis=1))
        sample = int(differing[0]) if len(differing) else 0
        traced = self._execute(_take(codes, np.array([sample])), _TRACED, watched=(infer,))
        counts = sorted(call.instructions for call in run.calls)
        emulated = Emulated(
            core=self.target.core,
            parity=parity,
            first_difference=None if parity.equal or not expected.is_tflm else self._first_difference(codes, sample, traced),
            stack_bytes=run.stack_bytes,
            instructions=median_low(counts),
            least_instructions=counts[0],
            most_instructions=counts[-1],
        )
        return Seen(emulated, outputs, self._by_layer(traced))

    def _written(self, run: Execution) -> Arrays:
        ends = np.cumsum([output.size_bytes for output in self.outputs])
        written = np.frombuffer(run.files[OUTPUTS], np.uint8).reshape(-1, ends[-1])  # (n, bytes of all outputs)
        return self._as_outputs(tuple(np.split(written, ends[:-1], axis=1)))

    def _as_outputs(self, found: Arrays) -> Arrays:
        pairs = zip(found, self.outputs, strict=True)
        return tuple(np.ascontiguousarray(data).view(output.dtype).reshape(len(data), *output.shape[1:]) for data, output in pairs)

    def _execute(self, codes: Arrays, options: Options, watched: tuple[str, ...]) -> Execution:
        placed = self._place(measuring_program(self.claim.name, *self._counts), options)
        execution = Emulator(self.toolchain).run(placed.image, placed.target, Run({INPUTS: as_bytes(codes).tobytes()}, watched))
        if execution.exit_status:
            raise ChipError(f"the measuring program ended with status {execution.exit_status}; expected 0", "main")
        return execution

    def _place(self, program: Mapping[str, bytes], options: Options) -> Placed:
        return place(self.toolchain, {**self.claim.sources, **program}, self.target, options)

    def _by_layer(self, traced: Execution) -> dict[str, int]:
        """Instructions from one trace to the next, and before the first those that are left; the trace's own few are among them."""
        total = traced.calls[0].instructions
        marks = [trace.at_instruction for trace in traced.traces]
        if not marks:
            return {}
        begin = marks[-1] - total  # what follows the last trace is a return
        spent: dict[str, int] = {}
        for trace, before in zip(traced.traces, [begin, *marks], strict=False):
            layer = _name(self.graph, trace.layer)
            spent[layer] = spent.get(layer, 0) + trace.at_instruction - before
        return spent

    def _first_difference(self, codes: Arrays, sample: int, traced: Execution) -> Divergence | None:
        expected = reference.trace(self.claim.model, tuple(each[sample] for each in codes), {trace.layer for trace in traced.traces})
        for trace in traced.traces:
            theirs = np.frombuffer(expected[trace.layer], np.uint8)
            ours = np.frombuffer(trace.data, np.uint8)
            if (count := int((ours != theirs).sum())) > 0:
                layer = f"{self.graph.producers[trace.layer]} ({_name(self.graph, trace.layer)})"
                return Divergence(layer=layer, tensor=str(self.graph.tensors[trace.layer]), sample=sample, differing_bytes=count, bytes=len(ours))
        return None


def _read(model: bytes) -> Graph:
    graph = read_graph(model)
    for tensor in map(graph.tensors.__getitem__, (*graph.inputs, *graph.outputs)):
        if tensor.shape[:1] != (1,):
            raise GraphError(f"{tensor} has shape {tensor.shape}; expected one sample at a time: 1 in front; convert the model with batch 1")
    return graph


def _layers(graph: Graph, image: Image) -> Iterator[LayerOnChip]:
    """Each operator with the sizes of the constants that are named after it."""
    for operator in graph.operators:
        name = f"{operator.name.lower()}_{operator.index}"
        constants = sum(s.size_bytes for symbol, s in image.symbols.items() if symbol.startswith(f"{name}_") and not s.is_function)
        yield LayerOnChip(name=name, constant_bytes=constants)


def _name(graph: Graph, tensor: int) -> str:
    operator = graph.producers[tensor]
    return f"{operator.name.lower()}_{operator.index}"


def _spread(count: int, chosen: int) -> AnyArray:
    """Positions of `chosen` of `count` samples, evenly spread; all of them when there are no more."""
    return np.linspace(0, count - 1, min(chosen, count)).round().astype(np.int64)


def _take(arrays: Inputs, places: AnyArray) -> Arrays:
    return tuple(array[places] for array in arrays)
