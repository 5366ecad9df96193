"""What a call says of itself."""

import numpy as np

from emberflow.compiler.program import Alias, Call, Constant, Program, Read, Scratch, Struct, Write
from emberflow.graph import Graph, Operator

WEIGHTS, WORDS, TABLE = (Constant(name, np.zeros(4, np.int8)) for name in ("w", "c", "t"))
CALL = Call(
    Operator(0, "CONV_2D", 1, (0, 1), (2,), {}),
    "conv",
    "ef_conv_2d",
    (Struct("p", "ef_conv", {"weights": WEIGHTS, "rescale": {"words": WORDS}, "stride": 1}), TABLE, Read(0), Write(2), Scratch(24)),
)


def test_what_it_reads_and_writes():
    """By the tensors' indices; scratch in bytes."""
    assert ((0,), (2,), 24) == (CALL.reads, CALL.writes, CALL.scratch_bytes)


def test_its_constants_are_those_of_its_parameters_too():
    """At any depth, in the order in which they are named."""
    assert [WEIGHTS, WORDS, TABLE] == list(CALL.constants)


def test_a_program_tells_calls_from_aliases():
    """Aliases are no code."""
    alias = Alias(3, 2)
    program = Program(Graph((), (), (), (), "", 3, 1), (CALL, alias))

    assert ((CALL,), (alias,)) == (program.calls, program.aliases)
