"""What no compiled model may be, whatever its operators: open shapes, several samples at once, states, borders without memory. Knows no kernel.

The batch stands in front of each input and output. Between them the first size of a shape may be anything, and means nothing here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import tflite

from emberflow.errors import CompileError, UnsupportedOperator
from emberflow.graph import Graph, Operator, Tensor
from emberflow.graph.values import ABSENT

_MOST_BYTES = (1 << 31) - 1
"""What int32 offsets reach."""

_MOST_TENSOR_BYTES = 1 << 28
"""Of one tensor, because kernels work out addresses a few rows beyond a tensor's ends, too, in 32 bits."""

_MOST_TENSORS = 8192
"""That are computed: a plan takes the square of it, some tens of seconds. The largest models for microcontrollers have some hundreds."""

_MOST_BORDERS = 64
"""Inputs, or outputs: each is a parameter of one C function, and C11 (5.2.4.1) grants 127."""

_BUILTIN = frozenset(name for name in vars(tflite.BuiltinOperator) if name.isupper())

INSTEAD = {
    "BATCH_TO_SPACE_ND": "converters write it around a dilated convolution whose batch is open; convert the model with batch 1",
    "CALL_ONCE": "it starts a resource; convert a model without variables",
    "IF": "control flow has no kernel; decide outside the model",
    "READ_VARIABLE": "it keeps a state; give states out and in again as outputs and inputs",
    "SPACE_TO_BATCH_ND": "converters write it around a dilated convolution whose batch is open; convert the model with batch 1",
    "TILE": "it has no kernel; take a CONCATENATION of the tensor with itself",
    "VAR_HANDLE": "it keeps a state; give states out and in again as outputs and inputs",
    "WHILE": "control flow has no kernel; unroll the recurrent layer (unroll=True) and convert again",
}
"""What to do about operators that can't come here, by name."""


def check(graph: Graph) -> None:
    """Refuse what no kernel could mend.

    Raises: CompileError: shapes or borders; it names the tensor. UnsupportedOperator: custom operators, states, control flow, tensors of
        no size or of one unknown at conversion; it names the operator and its place.
    """
    _check_counts(graph)
    for operator in graph.operators:
        _check_operator(graph, operator)
    if graph.subgraphs != 1:
        raise CompileError(
            f"the file holds {graph.subgraphs} subgraphs; expected 1: control flow and variables aren't compiled; convert a model without"
        )
    _check_borders(graph)
    total = sum(graph.tensors[index].size_bytes for operator in graph.operators for index in operator.outputs)
    if total > _MOST_BYTES:
        raise CompileError(f"what the operators write takes {total:,} B; expected at most {_MOST_BYTES:,} B; use a smaller input")


def _check_counts(graph: Graph) -> None:
    computed = sum(len(operator.outputs) for operator in graph.operators)
    if computed > _MOST_TENSORS:
        raise CompileError(f"the operators write {computed:,} tensors; expected at most {_MOST_TENSORS:,}; don't unroll loops")
    for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if not 1 <= len(indices) <= _MOST_BORDERS:
            raise CompileError(f"the model has {len(indices):,} {role}s; expected 1 to {_MOST_BORDERS}; convert the model again")


def _check_operator(graph: Graph, operator: Operator) -> None:
    def refuse(why: str) -> None:
        raise UnsupportedOperator(f"{operator} at position {operator.index} of {graph.operators[-1].index + 1}: {why}")

    if operator.name in INSTEAD:
        refuse(INSTEAD[operator.name])
    if operator.name not in _BUILTIN:
        refuse("it is a custom operator; expected one of the schema's; replace the layer that becomes it")
    for tensor in _touched(graph, operator):
        if tensor.is_variable:
            refuse(f"{tensor} is kept from one inference to the next; give states out and in again as outputs and inputs")
        if -1 in tensor.signature[1:]:
            refuse(f"{tensor} has shape {tensor.signature}; expected sizes known at conversion, but for the batch; convert the model with batch 1")
        if tensor.size_bytes > _MOST_TENSOR_BYTES:
            refuse(f"{tensor} has shape {tensor.shape}, {tensor.size_bytes:,} B; expected at most {_MOST_TENSOR_BYTES:,} B; use a smaller input")
        if not tensor.elements:
            refuse(f"{tensor} has shape {tensor.shape}; expected one element or more; fix the model's input shape")


def _touched(graph: Graph, operator: Operator) -> Iterator[Tensor]:
    """What it reads and writes; the shape that a RESHAPE reads may be of size 0, for a single number."""
    inputs = operator.inputs[:1] if operator.name == "RESHAPE" else operator.inputs
    yield from (graph.tensors[index] for index in (*inputs, *operator.outputs) if index != ABSENT)


@dataclass(frozen=True)
class _Border:
    role: str
    indices: tuple[int, ...]


def _check_borders(graph: Graph) -> None:
    for border in (_Border("input", graph.inputs), _Border("output", graph.outputs)):
        for index in border.indices:
            tensor = graph.tensors[index]
            if border.indices.count(index) > 1:
                raise CompileError(f"{tensor} is {border.role} {border.indices.count(index)} times; expected once; name each {border.role} once")
            if not tensor.elements or -1 in tensor.signature[1:]:
                raise CompileError(
                    f"{border.role} {tensor} has shape {tensor.signature}; expected sizes above 0, known at conversion, but for the batch"
                )
            if tensor.shape[:1] not in ((), (1,)):
                raise CompileError(
                    f"{border.role} {tensor} has shape {tensor.shape}; expected one sample at a time: 1 in front; convert the model with batch 1"
                )
    for index in graph.inputs:
        if graph.tensors[index].data is not None:
            raise CompileError(f"input {graph.tensors[index]} is constant; expected what a caller gives; leave it out of the inputs")
    for index in graph.outputs:
        _check_output(graph, graph.tensors[index])


def _check_output(graph: Graph, tensor: Tensor) -> None:
    if tensor.index in graph.inputs:
        raise CompileError(f"output {tensor} is an input as well; expected an operator that writes it; leave it out of the outputs")
    if tensor.data is not None:
        raise CompileError(f"output {tensor} is the same for every input; expected an operator that writes it; leave it out of the outputs")
    if tensor.index not in graph.producers:
        raise CompileError(f"output {tensor} is kept from one inference to the next; expected an operator that writes it; give the state in as well")
