"""What TFLM answers to every code, for whatever treats each element by itself. Knows how to ask for a graph's; knows nothing of C."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from emberflow.compiler.chain import Chain, find_chains
from emberflow.compiler.requantize import Parity
from emberflow.evaluate.codes import CODES, Answers, Reference, ask
from emberflow.graph import Graph, Tensor
from emberflow.graph.write import write_operators

REFERENCES = {Parity.TFLM: Reference.TFLM, Parity.LITERT_REFERENCE: Reference.LITERT}
"""Who is asked."""


@dataclass(frozen=True, eq=False)
class Table:
    """A chain, and the reference's answers."""

    chain: Chain
    answers: Answers


Tables = Mapping[int, Table]
"""By the index of the chain's last operator."""


def read_tables(graph: Graph, parity: Parity = Parity.TFLM) -> Tables:
    """The reference's answers for every chain of `graph`: one start of a process for all, none when there is no chain.

    A table is what a model of the chain alone answers to all 256 codes, so it is exact whatever the operators' formulas.
    Raises: WorkerLost: the reference's process was ended from outside. GraphError: an operator of one input has none.
    """
    chains = find_chains(graph)
    alone = {index: (_alone(graph, chain), chain.source.dtype) for index, chain in chains.items()}
    models = tuple(dict.fromkeys(alone.values()))  # chains that are alike are asked once
    answers = dict(zip(models, ask(models, REFERENCES[parity]) if models else (), strict=True))
    return {index: Table(chains[index], answers[model]) for index, model in alone.items()}


def _alone(graph: Graph, chain: Chain) -> bytes:
    indices = (chain.source.index, *(index for operator in chain.operators for index in operator.outputs))
    return write_operators(chain.operators, {index: _row(graph.tensors[index]) for index in indices})


def _row(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(1, CODES), signature=(1, CODES), data=None, is_variable=False)
