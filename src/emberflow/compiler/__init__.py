"""The compiler: an int8 .tflite to dependency-free C11. Knows graphs, arithmetic and C, and asks TFLM for tables; refuses to know chips."""

from dataclasses import dataclass

from emberflow.artifact import digest
from emberflow.compiler.absorb import absorb_pads
from emberflow.compiler.check import check
from emberflow.compiler.emit import Writer
from emberflow.compiler.fold import fold
from emberflow.compiler.lower import lower
from emberflow.compiler.plan import Plan
from emberflow.compiler.program import Program
from emberflow.compiler.requantize import Parity
from emberflow.compiler.sharing import share
from emberflow.compiler.tables import read_tables
from emberflow.compiler.weights import Packing, Storage
from emberflow.firmware.literals import identifier
from emberflow.graph import read_graph


@dataclass(frozen=True, eq=False)
class Compiled:
    """A model as C.

    name: begins every public name in the files.
    files: `<name>.h`, `<name>.c` and `<name>_kernels.h`.
    """

    name: str
    files: dict[str, bytes]
    program: Program
    plan: Plan


def compile_model(model: bytes, name: str, parity: Parity = Parity.TFLM, weights: Storage = Storage.SMALLEST) -> Compiled:
    """C11 sources that compute what `model` computes, byte for byte.

    Args:
        model: a .tflite of int8 operators; its borders may be int8, uint8 or float32, one or several, each with a batch of 1 in front.
        name: what the sources are called; made an identifier by `literals.identifier`.
        parity: whose bytes: those of TensorFlow Lite for Microcontrollers, or of LiteRT's reference kernels.
        weights: whether rows of weights are packed in flash where that saves at least 5 % and 64 B of a layer: it costs instructions. What
            was chosen is told by `program.packings`.
    Raises: GraphError: not a .tflite, or one that can't be. UnsupportedOperator: an operator, or a form of one, without a kernel.
        CompileError: open shapes, several samples at once, states, control flow, or a border of a type that C doesn't have.
        WorkerLost: the process of the reference, asked for tables, was ended from outside.
    """
    graph = fold(read_graph(model))
    check(graph)
    graph = absorb_pads(graph)
    program, planned = share(lower(graph, parity, read_tables(graph, parity), weights))
    word = identifier(name)
    origin = f"compiled by Emberflow from a .tflite of {len(model):,} B, SHA-256 {digest(model)}"
    return Compiled(word, Writer(word, program, planned, origin).files(), program, planned)


__all__ = ["Compiled", "Packing", "Parity", "Storage", "compile_model"]
