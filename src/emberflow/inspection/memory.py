"""Bytes of RAM that are alive while each operator runs, and whose they are. Knows plans and lifetimes; refuses to know layers and chips."""

from collections.abc import Mapping
from dataclasses import dataclass

from emberflow.compiler import Compiled
from emberflow.compiler.plan import find_blocks, find_roots
from emberflow.evaluate.size import lifetimes
from emberflow.graph import Graph

VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators whose numbers are those that they read, in another shape."""


@dataclass(frozen=True)
class Tenant:
    """Something in RAM: tensors that share memory, or the scratch of a call, which has none."""

    tensors: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True)
class Memory:
    """RAM over time.

    alive: who is in RAM while an operator runs, by the operator's index; every operator of the graph is there.
    arena_bytes: what the compiler's plan needs in all, alignment and gaps included; None where no C is compiled, and `alive` is of the graph
        alone: each tensor from the operator that writes it to its last reader, nothing shared but views, no scratch.
    """

    alive: Mapping[int, tuple[Tenant, ...]]
    arena_bytes: int | None

    def bytes_at(self, operator: int) -> int:
        """Bytes alive while the operator with that index runs."""
        return sum(tenant.size_bytes for tenant in self.alive[operator])

    @property
    def peak(self) -> int | None:
        """The index of the first operator that runs when most bytes are alive; None of a graph without operators."""
        return max(self.alive, key=lambda index: (self.bytes_at(index), -index), default=None)

    def peak_without(self, first: int, last: int) -> int:
        """The most bytes alive at once before the operator with index `first` runs, and after `last` has."""
        return max((self.bytes_at(index) for index in self.alive if not first <= index <= last), default=0)


def planned(compiled: Compiled, graph: Graph) -> Memory:
    """RAM as the compiled program has it. Operators that became no code of their own run with the one before."""
    program = compiled.program
    blocks = find_blocks(program)
    shared: dict[int, list[int]] = {}
    for index, (root, _) in find_roots(program).items():
        shared.setdefault(root, []).append(index)
    tenants = {block: Tenant(tuple(sorted(i for root in block.tensors for i in shared.get(root, [root]))), block.size_bytes) for block in blocks}
    at = [tuple(tenants[block] for block in blocks if block.begins <= position <= block.ends) for position in range(-1, len(program.calls))]
    calls: dict[int, list[int]] = {}
    for position, call in enumerate(program.calls):
        calls.setdefault(call.operator.index, []).append(position)
    alive, last = {}, -1
    for operator in graph.operators:
        positions = calls.get(operator.index, [last])
        last = positions[-1]
        alive[operator.index] = max((at[position + 1] for position in positions), key=lambda tenants: sum(t.size_bytes for t in tenants))
    return Memory(alive, compiled.plan.arena_bytes)


def unplanned(graph: Graph) -> Memory:
    """RAM as the graph alone tells it."""
    lives = live_tensors(graph)
    sizes = {index: graph.tensors[index].size_bytes for index in lives}
    alive = {
        o.index: tuple(Tenant((index,), sizes[index]) for index, (born, died) in lives.items() if born <= o.index <= died) for o in graph.operators
    }
    return Memory(alive, None)


def live_tensors(graph: Graph) -> dict[int, tuple[int, int]]:
    """The first and last operator during which each computed tensor is alive, by its index. A view has no life of its own: it prolongs its source's."""
    lives = lifetimes(graph)
    for operator in reversed(graph.operators):
        if operator.name in VIEWS and operator.outputs[0] in lives and operator.inputs[0] in lives:
            (born, died), (_, later) = lives[operator.inputs[0]], lives.pop(operator.outputs[0])
            lives[operator.inputs[0]] = (born, max(died, later))
    return lives
