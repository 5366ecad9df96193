"""The arena: where each tensor lies, given when it is written and last read. Knows sizes and times; refuses to know what kernels do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from emberflow.compiler.program import Alias, Program

ALIGNMENT_BYTES = 16
_FOREVER = 1 << 30


@dataclass(frozen=True)
class Block:
    """Memory for one or more tensors that share it.

    tensors: the tensors whose memory it is; empty for the scratch of a call.
    begins, ends: first and last call, by position, during which it must keep its contents. Graph inputs begin at -1.
    """

    tensors: tuple[int, ...]
    size_bytes: int
    begins: int
    ends: int

    def overlaps(self, other: "Block") -> bool:
        """Whether both hold something during some call."""
        return self.begins <= other.ends and other.begins <= self.ends


@dataclass(frozen=True)
class Plan:
    """Where everything lies.

    offsets: bytes from the start of the arena, by tensor.
    scratch: the same, by position of the call.
    arena_bytes: size of the arena, a multiple of 16.
    peak_bytes: the largest sum of sizes of tensors alive at once, what no plan can go below without overlapping tensors.
    """

    offsets: Mapping[int, int]
    scratch: Mapping[int, int]
    arena_bytes: int
    peak_bytes: int


def plan(program: Program) -> Plan:
    """Place every tensor that is computed, and every call's scratch, at a multiple of 16 bytes.

    Greedy: blocks in some order, each at the lowest address that is free for all of its time. Three orders are tried (by size, by size
    times time, by begin), and the smallest arena is taken. Input and output of the graph lie in the arena too, so that a program needs no
    buffers of its own; a caller who has buffers may pass those instead.
    """
    blocks = find_blocks(program)
    placed = min((_place(blocks, order) for order in _ORDERS), key=_extent)
    bases = {tensor: base for block, base in placed.items() for tensor in block.tensors}
    offsets = {tensor: bases[root] + offset for tensor, (root, offset) in find_roots(program).items() if root in bases}
    return Plan(
        offsets=offsets,
        scratch={block.begins: base for block, base in placed.items() if not block.tensors},
        arena_bytes=_extent(placed),
        peak_bytes=_peak(tuple(block for block in blocks if block.tensors), len(program.calls)),
    )


def find_blocks(program: Program) -> tuple[Block, ...]:
    """Everything that needs memory, and when: tensors, those merged of which one may be written over the other, then the scratch of calls."""
    roots = find_roots(program)
    blocks = _share(program, roots, {block.tensors[0]: block for block in _tensor_blocks(program, roots)})
    return (*blocks, *(Block((), call.scratch_bytes, position, position) for position, call in enumerate(program.calls) if call.scratch_bytes))


def find_roots(program: Program) -> dict[int, tuple[int, int]]:
    """For each tensor that is not constant: the tensor whose memory it lies in, and from which byte on. Aliases are followed."""
    direct = {alias.index: alias for alias in program.aliases}
    computed = {index for call in program.calls for index in call.writes}
    known = {*program.graph.inputs, *computed, *direct, *(alias.whole for alias in program.aliases)}
    return {index: _root(index, direct) for index in sorted(known)}


def _root(index: int, direct: Mapping[int, Alias]) -> tuple[int, int]:
    offset = 0
    while index in direct:
        offset += direct[index].offset_bytes
        index = direct[index].whole
    return index, offset


def _tensor_blocks(program: Program, roots: Mapping[int, tuple[int, int]]) -> Iterator[Block]:
    begins: dict[int, int] = {roots[index][0]: -1 for index in program.graph.inputs if index in roots}
    ends: dict[int, int] = dict(begins)
    for position, call in enumerate(program.calls):
        for index in (*call.writes, *call.reads):
            if index in roots:
                root = roots[index][0]
                begins.setdefault(root, position)
                ends[root] = position
    ends |= {roots[index][0]: _FOREVER for index in program.graph.outputs if index in roots}
    for root, begin in begins.items():
        yield Block((root,), program.graph.tensors[root].size_bytes, begin, ends[root])


def _share(program: Program, roots: Mapping[int, tuple[int, int]], blocks: dict[int, Block]) -> Iterator[Block]:
    """Blocks, with those merged of which one may be written over the other: the read one ends where the written one begins."""
    home = {root: root for root in blocks}
    for position, call in enumerate(program.calls):
        for written, read in call.in_place:
            if read not in roots or written not in roots:
                continue
            into, source = home[roots[written][0]], home[roots[read][0]]
            if into != source and _may_share(blocks[into], blocks[source], position) and (roots[written][1], roots[read][1]) == (0, 0):
                blocks[source] = _merge(blocks[source], blocks.pop(into))
                home = {root: source if at == into else at for root, at in home.items()}
                break
    yield from blocks.values()


def _may_share(into: Block, source: Block, position: int) -> bool:
    return source.ends == position and into.begins == position and into.size_bytes <= source.size_bytes


def _merge(source: Block, into: Block) -> Block:
    return replace(source, tensors=(*source.tensors, *into.tensors), ends=into.ends)


def _time(block: Block) -> int:
    return min(block.ends, 1 << 16) - block.begins + 1


_ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.size_bytes, block.begins),
    lambda block: (-block.size_bytes * _time(block), block.begins),
    lambda block: (block.begins, -block.size_bytes),
)


def _place(blocks: tuple[Block, ...], order: Callable[[Block], tuple[int, ...]]) -> dict[Block, int]:
    placed: dict[Block, int] = {}
    for block in sorted(blocks, key=order):
        neighbours = sorted((base, base + _round_up(other.size_bytes)) for other, base in placed.items() if block.overlaps(other))
        base = 0
        for low, high in neighbours:
            if low - base >= _round_up(block.size_bytes):
                break
            base = max(base, high)
        placed[block] = base
    return placed


def _extent(placed: Mapping[Block, int]) -> int:
    return max((base + _round_up(block.size_bytes) for block, base in placed.items()), default=0)


def _round_up(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _peak(blocks: tuple[Block, ...], calls: int) -> int:
    return max((sum(block.size_bytes for block in blocks if block.begins <= at <= block.ends) for at in range(-1, max(calls, 1))), default=0)
