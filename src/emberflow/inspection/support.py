"""Which runtimes run which operator: our compiler, TensorFlow Lite for Microcontrollers, LiteRT. Asks two of them and looks up; decides nothing."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import tflite

from emberflow.compiler import Compiled, Parity, compile_model
from emberflow.compiler.chain import find_chains, find_links
from emberflow.compiler.fold import fold
from emberflow.compiler.lower import lower
from emberflow.compiler.tables import Tables, read_tables
from emberflow.errors import CompileError, GraphError, WorkerLost
from emberflow.evaluate import micro, reference
from emberflow.evaluate.litert import read_all_borders
from emberflow.firmware.operators import RESOLVER_METHODS
from emberflow.graph import Graph, Operator, read_graph
from emberflow.graph.options import OPTIONS
from emberflow.graph.values import ABSENT
from emberflow.graph.write import write_operators
from emberflow.variant import MicroVerdict

COMPILER, TFLM, LITERT = "compiled C", "TFLM", "LiteRT"

_PLAIN = ("ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "LOG", "MAXIMUM", "MINIMUM", "NEG", "PRELU", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE")
ALONE = frozenset(OPTIONS) | frozenset(
    (*_PLAIN, "DEQUANTIZE", "HARD_SWISH", "LOGISTIC", "PAD", "PADV2", "QUANTIZE", "RELU", "RELU6", "TANH", "TRANSPOSE")
)
"""Operators whose options are read, or that have none: they can be written as a model of their own."""

_NOT_TRIED = (GraphError, WorkerLost, ValueError)
"""ValueError: LiteRT's Python, on borders that no converter made."""


@dataclass(frozen=True)
class Runtime:
    """One runtime and the whole model: whether it runs it, and the reason why not, "" when it does.

    operators: why it refuses an operator alone, by the operator's index; those that it runs are left out.
    arena_bytes: of TFLM, that it ran the model in.
    """

    name: str
    refusal: str
    operators: Mapping[int, str]
    arena_bytes: int | None = None


@dataclass(frozen=True, eq=False)
class Support:
    """All runtimes, and the model as C where the compiler takes it."""

    runtimes: tuple[Runtime, ...]
    compiled: Compiled | None


def examine(model: bytes, graph: Graph, litert_refusal: str = "") -> Support:
    """Ask every runtime for `model`, of which `graph` is the graph; `litert_refusal` is what LiteRT has said of it."""
    compiled, refusal = _compile(model)
    alone = {} if compiled else _refused(graph)
    unsure = alone if alone or compiled else [operator.index for operator in graph.operators]
    return Support((Runtime(COMPILER, refusal, alone), _tflm(model, graph, unsure), _litert(graph, litert_refusal)), compiled)


def _compile(model: bytes) -> tuple[Compiled | None, str]:
    try:
        return compile_model(model, "model"), ""
    except (CompileError, GraphError, WorkerLost) as error:
        return None, str(error)


def _refused(graph: Graph) -> dict[int, str]:
    """What the compiler says of each operator by itself; what is folded away or links a chain needs no kernel."""
    folded = fold(graph)
    links = find_links(folded, find_chains(folded))
    try:
        tables = read_tables(folded)
    except WorkerLost:
        tables = {}
    found = {operator.index: _refusal(folded, operator.index, tables) for operator in folded.operators if operator.index not in links}
    return {index: refusal for index, refusal in found.items() if refusal}


def _refusal(graph: Graph, index: int, tables: Tables) -> str:
    chosen = tuple(operator for operator in graph.operators if operator.index == index)
    try:
        lower(replace(graph, operators=chosen), Parity.TFLM, tables)
    except (CompileError, GraphError) as error:
        return str(error)
    return ""


def _tflm(model: bytes, graph: Graph, unsure: Collection[int]) -> Runtime:
    """TFLM and the model; where it refuses the whole, each kind of operator that is `unsure` is shown to it alone."""
    unknown = {o.index: f"TFLM has no kernel for {o.name}" for o in graph.operators if o.name not in RESOLVER_METHODS}
    try:
        verdict = _show(model, graph)
    except _NOT_TRIED as error:
        return Runtime(TFLM, f"not tried: {' '.join(str(error).split())}", unknown)
    if verdict.runs:
        return Runtime(TFLM, "", unknown, verdict.arena_bytes)
    return Runtime(TFLM, verdict.reason, unknown | dict(_refused_alone(graph, [index for index in unsure if index not in unknown])))


def _show(model: bytes, graph: Graph) -> MicroVerdict:
    """TFLM's verdict, in its arena; of several inputs or outputs, without one."""
    if (len(graph.inputs), len(graph.outputs)) == (1, 1):
        return micro.examine(model)
    inputs, _ = read_all_borders(model)
    try:
        reference.outputs(model, tuple(np.zeros((1, *border.shape[1:]), border.dtype) for border in inputs))
    except GraphError as error:
        return MicroVerdict(runs=False, reason=str(error))
    return MicroVerdict(runs=True, reason="")


def _refused_alone(graph: Graph, unsure: Collection[int]) -> Iterator[tuple[int, str]]:
    said: dict[tuple[object, ...], str] = {}
    for operator in graph.operators:
        if operator.index not in unsure or operator.name not in ALONE:
            continue
        kind = (operator.name, *(graph.tensors[index].dtype for index in (*operator.inputs, *operator.outputs) if index != ABSENT))
        if kind not in said:
            said[kind] = _refusal_alone(graph, operator)
        if said[kind]:
            yield operator.index, said[kind]


def _refusal_alone(graph: Graph, operator: Operator) -> str:
    touched = {index: graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index != ABSENT}
    try:
        model = write_operators((operator,), touched)
        return _show(model, read_graph(model)).reason
    except _NOT_TRIED:
        return ""


def _litert(graph: Graph, refusal: str) -> Runtime:
    known = vars(tflite.BuiltinOperator)
    foreign = {o.index: "a custom operator, which LiteRT runs only with a library of its own" for o in graph.operators if o.name not in known}
    return Runtime(LITERT, refusal, foreign)
