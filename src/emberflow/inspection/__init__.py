"""Inspection: a .tflite taken apart, layer by layer. Knows graphs, runtimes and noise; refuses to train, convert or choose.

What it says of flash is of weights and tables alone, and of RAM of tensors alone: code, stack and the device's own variables come on top.
"""

from dataclasses import dataclass

from emberflow.errors import GraphError
from emberflow.evaluate.size import measure_size
from emberflow.graph import Graph, read_graph
from emberflow.inspection import apart, support
from emberflow.inspection.advice import advise
from emberflow.inspection.anatomy import describe_memory, take_apart
from emberflow.inspection.devices import Held, hold_against
from emberflow.inspection.findings import Advice, AdviceKind, DeviceFacts, Inspection, OperatorFacts, RuntimeFacts, TensorNoise
from emberflow.inspection.memory import planned, unplanned
from emberflow.inspection.trial import Trial, read_trial
from emberflow.target import Target, load_targets


@dataclass(frozen=True, eq=False)
class Subject:
    """What is inspected.

    model: a .tflite. twin: the same model in float, as a .tflite, if there is one. form: what it is, in words.
    """

    name: str
    model: bytes
    form: str
    twin: bytes | None = None


def inspect_model(subject: Subject, trial: Trial | None = None, target: Target | None = None) -> Inspection:
    """Everything that can be told of `subject`: without a trial no noise, without a target nothing about a device.

    Raises: GraphError: not a .tflite, one that can't be, or one that LiteRT doesn't run on the samples. DataError: samples of another shape, or of other inputs.
    """
    graph = read_graph(subject.model)
    answer = apart.ask(subject.model, subject.twin, trial.arrays if trial else None)
    if trial and answer.refusal:
        raise GraphError(answer.refusal)
    asked = support.examine(subject.model, graph, answer.refusal)
    memory = planned(asked.compiled, graph) if asked.compiled else unplanned(graph)
    held = Held(graph, asked, memory, measure_size(subject.model))
    found = Inspection(
        model=subject.name,
        form=subject.form,
        file_bytes=len(subject.model),
        constants_of="compiled C" if asked.compiled else "the file",
        operators=take_apart(graph, asked, memory),
        memory=describe_memory(graph, memory),
        runtimes=tuple(RuntimeFacts(name=runtime.name, refusal=runtime.refusal) for runtime in asked.runtimes),
        devices=hold_against(held, _targets(target)),
        target=target.name if target else "",
        samples=answer.samples,
        data=trial.origin if trial else "",
        noise=answer.noise,
        unmatched=answer.unmatched,
    )
    return found.model_copy(update={"advice": advise(found, graph, memory, target)})


def _targets(own: Target | None) -> list[Target]:
    """Those of the package, in which a user's own of the same name takes the place of one."""
    return list((load_targets() | ({own.name: own} if own else {})).values())


def describe_form(model: bytes) -> str:
    """What numbers a .tflite computes with, in words: `int8`, `float32`, `int8 and float32`. Raises: GraphError: not a .tflite."""
    graph: Graph = read_graph(model)
    types = {graph.result(operator).dtype for operator in graph.operators if operator.outputs}
    return " and ".join(sorted(types & {"int8", "uint8", "int16", "float32", "float16"})) or "other numbers"


__all__ = [
    "Advice",
    "AdviceKind",
    "DeviceFacts",
    "Inspection",
    "OperatorFacts",
    "Subject",
    "TensorNoise",
    "Trial",
    "describe_form",
    "inspect_model",
    "read_trial",
]
