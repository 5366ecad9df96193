"""Hazards: operators of a TensorFlow graph that touch files, run Python or reach other machines. Reads a graph's bytes; runs none of it.

TensorFlow's own words: "TensorFlow models are programs". What a model for a small device needs is arithmetic; these operators it doesn't need.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from emberflow.errors import ModelError
from emberflow.wire import fields, mapped, message_of, messages, text_of

# By the names of the 1,910 operators that TensorFlow 2.21 registers.
_HAZARDS = {
    "run Python": r"(Eager)?PyFunc(Stateless)?",
    "read or write files": (
        r"ReadFile|WriteFile|(Experimental)?MatchingFiles(Dataset)?|\w*Reader(V2)?|Reader(Read|Restore|Serialize)\w*|\w*Dataset(V\d)?"
        r"|(Experimental)?Dataset(To|From)\w+|(Distributed|DTensor)?(Save|Restore)(V2|Slices?)?|MergeV2Checkpoints|LoadAndRemapMatrix"
        r"|GenerateVocabRemapping|InitializeTableFromTextFile(V2)?|FixedUnigramCandidateSampler|Skipgram|PrintV2|\w*SummaryWriter\w*|CreateSummary\w+"
        r"|Write\w*Summary|ImportEvent|RecordInput|Debug\w+|DumpTensor|CalibrationStatisticsSaver|FileSystemSetConfiguration|\w*TRT\w*|\w*Snapshot\w*"
    ),
    "reach other machines or devices": (
        r"Rpc\w+|DeleteRpcFutureResource|RemoteCall|\w*(Send|Recv)\w*|\w*TPU\w*|_?(Nccl|Collective|Xla(?!CallModule))\w*|(In|Out)feed\w+"
        r"|DataService\w+|WorkerHeartbeat|StoreMinibatchStatisticsInFdo"
    ),
}
_SAVER = re.compile(r"SaveV2|RestoreV2|MergeV2Checkpoints|ShardedFilename")


@dataclass(frozen=True)
class Node:
    """An operator of a graph, and the functions that it may call."""

    name: str
    operator: str
    calls: frozenset[str]


@dataclass(frozen=True)
class Program:
    """A graph: its own nodes, and its functions by name."""

    nodes: tuple[Node, ...]
    functions: Mapping[str, tuple[Node, ...]]

    def reached_from(self, nodes: Iterable[Node]) -> Iterator[Node]:
        """`nodes` and all that they may call, directly or not."""
        waiting, seen = list(nodes), set[str]()
        while waiting:
            node = waiting.pop()
            yield node
            for name in node.calls - seen:
                seen.add(name)
                waiting += self.functions.get(name, ())


def hazard_of(operator: str) -> str:
    """What `operator` can do that a model needs not; empty for arithmetic."""
    return next((harm for harm, pattern in _HAZARDS.items() if re.fullmatch(pattern, operator)), "")


def refuse_hazards(meta_graph: bytes, name: str) -> None:
    """Look at every operator in every function, used or not: loading a SavedModel already runs some of them.

    Every SavedModel holds the two functions that save and restore its variables, which TensorFlow 2 doesn't run: they pass as long as
    nothing else refers to them.

    Raises: ModelError: names the operator, its signature, and the way out.
    """
    program = read_program(message_of(meta_graph, 2))
    savers = _savers(meta_graph, program)
    everywhere = [(node, "") for node in program.nodes]
    everywhere += [(node, function) for function, nodes in program.functions.items() for node in nodes]
    for node, function in everywhere:
        harm = hazard_of(node.operator)
        if harm and not (function in savers and _SAVER.fullmatch(node.operator)):
            raise ModelError(
                f"'{name}' holds the operator {node.operator} {_whereabouts(meta_graph, program, node)}, which can {harm}; expected arithmetic"
                " alone. Take it out of the model; or, if you trust whoever made it, let it run with your rights: `trust_model_code: true`, or"
                " --trust-model-code"
            )


def read_program(graph: bytes) -> Program:
    """The nodes of a GraphDef and of the functions in its library."""
    functions: dict[str, tuple[Node, ...]] = {}
    for function in messages(message_of(graph, 2), 1):
        name = text_of(message_of(function, 1), 1)
        functions[name] = (*functions.get(name, ()), *_nodes(function, 3))  # of two with one name, none may hide behind the other
    return Program(_nodes(graph, 1), functions)


def _nodes(message: bytes, number: int) -> tuple[Node, ...]:
    return tuple(_node(node) for node in messages(message, number))


def _node(message: bytes) -> Node:
    operator = text_of(message, 2)
    called = {name for entry in messages(message, 5) for name in _called(message_of(entry, 2))}
    return Node(text_of(message, 1), operator, frozenset(called | {operator}))  # a function may stand where an operator does


def _called(attribute: bytes) -> Iterator[str]:
    """The functions that an attribute names: by itself, or in a list."""
    for number, value in fields(attribute):
        if isinstance(value, bytes) and number == 10:
            yield text_of(value, 1)
        elif isinstance(value, bytes) and number == 1:
            yield from (text_of(each, 1) for each in messages(value, 9))


def _savers(meta_graph: bytes, program: Program) -> set[str]:
    """The functions that the SavedModel's saver calls and that nothing else knows of."""
    saver, objects = message_of(meta_graph, 3), message_of(meta_graph, 7)
    ends = {text_of(saver, number).split(":")[0] for number in (2, 3)}
    named = {call for node in program.nodes if node.name in ends for call in node.calls}
    others = [node for node in program.nodes if node.name not in ends]
    others += [node for function, nodes in program.functions.items() for node in nodes]
    called = {call for node in others for call in node.calls}
    return {name for name in named if name in program.functions and name not in called and name.encode() not in objects}


def _whereabouts(meta_graph: bytes, program: Program, found: Node) -> str:
    by_name = {node.name: node for node in program.nodes}
    for name, signature in sorted(mapped(meta_graph, 5).items()):
        ends = {text_of(output, 1).split(":")[0] for output in mapped(signature, 2).values()}
        if any(node is found for node in program.reached_from(by_name[end] for end in ends if end in by_name)):
            return f"in signature '{name}'"
    return f"in no signature, at '{found.name}'"
