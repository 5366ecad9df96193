"""Which runtimes run which operator: our compiler, TensorFlow Lite for Microcontrollers, LiteRT. Asks two of them and looks up; decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import tflite

from emberflow.compiler import Compiled, Parity, compile_model
from emberflow.compiler.chain import find_chains, find_links
from emberflow.compiler.fold import fold
from emberflow.compiler.lower import lower
from emberflow.compiler.tables import Tables, read_tables
from emberflow.errors import CompileError, GraphError, WorkerLost
from emberflow.evaluate import micro
from emberflow.firmware.operators import RESOLVER_METHODS
from emberflow.graph import Graph

COMPILER, TFLM, LITERT = "compiled C", "TFLM", "LiteRT"


@dataclass(frozen=True)
class Runtime:
    """One runtime and the whole model: whether it runs it, and the reason why not, "" when it does.

    operators: why it refuses an operator alone, by the operator's index; those that it runs are left out.
    """

    name: str
    refusal: str
    operators: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Support:
    """All runtimes, and the model as C where the compiler takes it."""

    runtimes: tuple[Runtime, ...]
    compiled: Compiled | None


def examine(model: bytes, graph: Graph, litert_refusal: str = "") -> Support:
    """Ask every runtime for `model`, of which `graph` is the graph; `litert_refusal` is what LiteRT has said of it."""
    compiled, refusal = _compile(model)
    alone = {} if compiled else _refused(graph)
    return Support((Runtime(COMPILER, refusal, alone), _tflm(model, graph), _litert(graph, litert_refusal)), compiled)


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


def _tflm(model: bytes, graph: Graph) -> Runtime:
    unknown = {o.index: f"TFLM has no kernel for {o.name}" for o in graph.operators if o.name not in RESOLVER_METHODS}
    try:
        verdict = micro.examine(model)
    except (GraphError, WorkerLost, ValueError) as error:  # ValueError: LiteRT's Python, on borders that no converter made
        return Runtime(TFLM, f"not tried: {' '.join(str(error).split())}", unknown)
    return Runtime(TFLM, "" if verdict.runs else verdict.reason, unknown)


def _litert(graph: Graph, refusal: str) -> Runtime:
    known = vars(tflite.BuiltinOperator)
    foreign = {o.index: "a custom operator, which LiteRT runs only with a library of its own" for o in graph.operators if o.name not in known}
    return Runtime(LITERT, refusal, foreign)
