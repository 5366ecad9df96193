"""Which tensors are parts of others' memory, so that nothing needs to be copied. Knows lifetimes of names; refuses to know addresses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from emberflow.compiler.plan import Plan, plan
from emberflow.compiler.program import Alias, Call, Copy, Program, Read, Step, Write


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: in the memory of tensor `root`, from `offset` on."""

    root: int
    offset: int


@dataclass(eq=False)
class Settlement:
    """The copies of a program on their way to aliases and calls, in order.

    joins: whether what is copied into a larger tensor may lie there from the start.
    """

    program: Program
    joins: bool
    aliases: dict[int, Alias] = field(default_factory=dict)

    def settle(self) -> Program:
        """`program` with every Copy an Alias, or a Call where one speaks against sharing."""
        return replace(self.program, steps=tuple(self._settled(step) for step in self.program.steps))

    def _settled(self, step: Step) -> Step:
        if isinstance(step, Call):
            return step
        alias = step if isinstance(step, Alias) else self._alias(step)
        if alias is None:
            return _call(step)
        self.aliases[alias.index] = alias
        return alias

    def _alias(self, copy: Copy) -> Alias | None:
        source = self._place(copy.source)
        if self._may_be_part(copy, source):
            return Alias(copy.target, copy.source, copy.source_offset)
        if self.joins and self._may_join(copy, source):
            return Alias(source.root, copy.target, copy.target_offset)
        return None

    def _may_be_part(self, copy: Copy, source: Place) -> bool:
        """Whether the target may be seen as a part of the source: nothing else writes it, and the caller's buffers stay whole."""
        if self._writers[copy.target] != 1 or copy.size_bytes != self._bytes(copy.target):
            return False
        return copy.target not in self._borders or (self._is_free(source.root) and self._bytes(source.root) == copy.size_bytes)

    def _may_join(self, copy: Copy, source: Place) -> bool:
        """Whether all of the source may lie in the target from the start: it is computed here, and is no buffer of the caller's."""
        begin = source.offset + copy.source_offset
        is_whole = begin == 0 and copy.size_bytes == self._bytes(source.root)
        return is_whole and self._is_free(source.root) and source.root in self._writers and source.root != self._place(copy.target).root

    def _is_free(self, root: int) -> bool:
        """Whether nothing that lies in the memory of `root` is an input or output of the graph."""
        return not any(self._place(border).root == root for border in self._borders)

    def _place(self, index: int) -> Place:
        offset = 0
        while index in self.aliases:
            offset += self.aliases[index].offset_bytes
            index = self.aliases[index].whole
        return Place(index, offset)

    def _bytes(self, index: int) -> int:
        return self.program.graph.tensors[index].size_bytes

    @cached_property
    def _borders(self) -> tuple[int, ...]:
        return (*self.program.graph.inputs, *self.program.graph.outputs)

    @cached_property
    def _writers(self) -> Mapping[int, int]:
        return _count(index for step in self.program.steps for index in (step.writes if isinstance(step, Call) else _targets(step)))


def share(program: Program) -> tuple[Program, Plan]:
    """`program` without a Copy, and its plan: the one with the smaller arena of those that join and that don't.

    What is joined needs no copy, but keeps its whole memory from the time when its first part is written.
    """
    settled = [Settlement(program, joins).settle() for joins in (True, False)]
    return min(((each, plan(each)) for each in settled), key=lambda pair: pair[1].arena_bytes)


def _call(copy: Step) -> Step:
    if not isinstance(copy, Copy):
        return copy
    arguments = (Read(copy.source), copy.source_offset, Write(copy.target), copy.target_offset, copy.size_bytes)
    return Call(copy.operator, "move", "ef_copy", arguments)


def _targets(step: Step) -> tuple[int, ...]:
    return (step.target,) if isinstance(step, Copy) else ()


def _count(indices: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for index in indices:
        counts[index] = counts.get(index, 0) + 1
    return counts
