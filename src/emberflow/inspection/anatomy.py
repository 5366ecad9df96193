"""A model taken apart: each operator with shape, parameters, MACs, flash, RAM and runtimes. Counts and looks up; judges nothing."""

from collections.abc import Iterator, Mapping

from emberflow.compiler import Compiled
from emberflow.evaluate.macs import MACS
from emberflow.evaluate.size import ROLES, Roles, parameters_of
from emberflow.graph import Graph, Operator
from emberflow.graph.layers import name_layers
from emberflow.graph.values import ABSENT
from emberflow.inspection.findings import MemoryFacts, Occupant, OperatorFacts
from emberflow.inspection.memory import Memory, Tenant
from emberflow.inspection.support import Support


def take_apart(graph: Graph, support: Support, memory: Memory) -> tuple[OperatorFacts, ...]:
    """Every operator of `graph`, in its order.

    Raises: GraphError: the weights of an operator have another number of dimensions than its kind needs.
    """
    layers, parameters = name_layers(graph), _parameters(graph)
    constants = constants_in_c(support.compiled) if support.compiled else constants_in_file(graph)
    return tuple(
        OperatorFacts(
            index=operator.index,
            name=operator.name,
            layers=layers[operator.index],
            shape=graph.result(operator).shape,
            dtype=graph.result(operator).dtype,
            parameters=parameters.get(operator.index, 0),
            macs=MACS[operator.name](graph, operator) if operator.name in MACS else 0,
            constant_bytes=constants.get(operator.index, 0),
            alive_bytes=memory.bytes_at(operator.index),
            refusals={runtime.name: why for runtime in support.runtimes if (why := runtime.operators.get(operator.index))},
        )
        for operator in graph.operators
    )


def describe_memory(graph: Graph, memory: Memory) -> MemoryFacts:
    """The peak, and who is in RAM then."""
    layers = name_layers(graph)
    tenants = memory.alive[memory.peak] if memory.peak is not None else ()
    occupants = [Occupant(what=name_tenant(graph, layers, tenant), size_bytes=tenant.size_bytes) for tenant in tenants]
    return MemoryFacts(
        arena_bytes=memory.arena_bytes,
        peak_bytes=memory.bytes_at(memory.peak) if memory.peak is not None else 0,
        peak_index=memory.peak,
        occupants=tuple(sorted(occupants, key=lambda occupant: -occupant.size_bytes)),
    )


def name_tenant(graph: Graph, layers: Mapping[int, tuple[str, ...]], tenant: Tenant) -> str:
    """Whose memory it is, in words: `output of conv2d`, `outputs of conv2d, re_lu` where one lies over the other, `input`, `scratch`."""
    if not tenant.tensors:
        return "scratch"
    if any(index in graph.inputs for index in tenant.tensors):
        return "input"
    writers = sorted(graph.producers[index].index for index in tenant.tensors if index in graph.producers)
    names = tuple(dict.fromkeys(layers[index][0] for index in writers))
    return f"output{'s' if len(names) > 1 else ''} of {', '.join(names)}" if names else "state"


def constants_in_c(compiled: Compiled) -> dict[int, int]:
    """Bytes of the arrays that the compiled program reads from flash, by the operator's index; what two share counts with the first."""
    seen: set[str] = set()
    found: dict[int, int] = {}
    for call in compiled.program.calls:
        for constant in call.constants:
            if constant.name not in seen:
                seen.add(constant.name)
                found[call.operator.index] = found.get(call.operator.index, 0) + constant.values.nbytes
    return found


def constants_in_file(graph: Graph) -> dict[int, int]:
    """Bytes of the constants that each operator reads, by its index; a buffer that two share counts with the first."""
    seen: set[int] = set()
    found: dict[int, int] = {}
    for operator in graph.operators:
        tensors = [graph.tensors[index] for index in operator.inputs if index != ABSENT]
        for tensor in tensors:
            if tensor.data is not None and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                found[operator.index] = found.get(operator.index, 0) + tensor.size_bytes
    return found


def _parameters(graph: Graph) -> dict[int, int]:
    seen: set[int] = set()
    return {operator.index: sum(_new_parameters(graph, operator, seen)) for operator in graph.operators}


def _new_parameters(graph: Graph, operator: Operator, seen: set[int]) -> Iterator[int]:
    roles = ROLES.get(operator.name, Roles(()))
    for tensor in parameters_of(graph, operator, roles.weights + roles.biases):
        if tensor.buffer not in seen:
            seen.add(tensor.buffer)
            yield tensor.elements
