"""Where tensors lie."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emberflow.compiler.plan import ALIGNMENT_BYTES, Plan, find_roots, plan
from emberflow.compiler.program import Alias, Call, Program, Read, Scratch, Write
from emberflow.graph import Graph, Operator, Tensor


def tensor(index, size):
    return Tensor(index, f"t{index}", (1, size), (1, size), "int8", None, None, 0, False)


def call(position, reads, writes, scratch=0, in_place=()):
    operator = Operator(position, "ADD", 1, reads, writes, {})
    arguments = (*(Read(i) for i in reads), *(Write(i) for i in writes), *((Scratch(scratch),) if scratch else ()))
    return Call(operator, "k", "f", arguments, in_place)


def program(sizes, steps, inputs=(0,), outputs=None):
    tensors = tuple(tensor(index, size) for index, size in enumerate(sizes))
    outputs = (len(sizes) - 1,) if outputs is None else outputs
    return Program(Graph(tensors, (), inputs, outputs, "", 3, 1), tuple(steps))


def test_a_chain_needs_its_two_largest_neighbours():
    """64 -> 32 -> 16 bytes: input and middle side by side, the output where the input was."""
    made = plan(program((64, 32, 16), [call(0, (0,), (1,)), call(1, (1,), (2,))]))

    assert (96, 96) == (made.arena_bytes, made.peak_bytes)
    assert made.offsets[2] != made.offsets[1]


def test_offsets_are_multiples_of_16():
    """Whatever the sizes: kernels read words, and DMA likes lines."""
    made = plan(program((3, 5, 7), [call(0, (0,), (1,)), call(1, (1,), (2,))]))

    assert {0} == {offset % ALIGNMENT_BYTES for offset in made.offsets.values()}


def test_an_alias_is_the_same_memory():
    """A reshape in the middle costs nothing."""
    made = plan(program((64, 64, 16), [Alias(1, 0), call(0, (1,), (2,))]))

    assert made.offsets[0] == made.offsets[1]
    assert 80 == made.arena_bytes


def test_an_alias_may_begin_inside():
    """Two halves written one after the other, read as one."""
    halves = program((16, 16, 32, 8), [Alias(0, 2), Alias(1, 2, 16), call(0, (0,), (1,)), call(1, (2,), (3,))])

    made = plan(halves)
    assert 16 == made.offsets[1] - made.offsets[0]
    assert {0: (2, 0), 1: (2, 16), 2: (2, 0), 3: (3, 0)} == find_roots(halves)


def test_a_tensor_may_lie_where_one_was_that_is_read_for_the_last_time():
    """Two buffers become one."""
    made = plan(program((64, 64), [call(0, (0,), (1,), in_place=((1, 0),))]))

    assert 64 == made.arena_bytes


def test_not_where_it_is_read_again():
    """The second call still needs it."""
    steps = [call(0, (0,), (1,), in_place=((1, 0),)), call(1, (0, 1), (2,))]

    assert 192 == plan(program((64, 64, 64), steps)).arena_bytes


def test_not_where_it_is_larger():
    """It would run over what lies behind."""
    assert 192 == plan(program((64, 128), [call(0, (0,), (1,), in_place=((1, 0),))])).arena_bytes


def test_scratch_is_free_again_after_its_call():
    """48 bytes beside the first call's tensors, then the second call's output lies there."""
    made = plan(program((16, 16, 48), [call(0, (0,), (1,), scratch=48), call(1, (1,), (2,))]))

    assert 80 == made.arena_bytes
    assert {0} == set(made.scratch)


def test_outputs_stay_to_the_end():
    """An output that is written first and one that is written last."""
    made = plan(program((16, 16, 16), [call(0, (0,), (1,)), call(1, (0,), (2,))], outputs=(1, 2)))

    assert 48 == made.arena_bytes


@given(
    st.lists(st.integers(1, 200), min_size=2, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_nothing_alive_overlaps(sizes, seed):
    """A law over random chains with skips, scratch and in-place calls: whatever is alive together has addresses of its own."""
    generator = np.random.default_rng(seed)
    steps = []
    for position in range(len(sizes) - 1):
        skipped = int(generator.integers(0, position + 1))
        in_place = ((position + 1, position),) if generator.random() < 0.5 and sizes[position + 1] <= sizes[position] else ()
        steps.append(call(position, tuple({position, skipped}), (position + 1,), int(generator.integers(0, 50)), in_place))
    made_of = program(sizes, steps)
    made = plan(made_of)

    assert [] == overlaps(made_of, made)
    assert made.peak_bytes <= made.arena_bytes


def overlaps(made_of: Program, made: Plan) -> list[tuple[int, int, int]]:
    """(call, tensor, tensor) of which both are needed during the call and share a byte, other than an in-place pair."""
    found = []
    last = {index: at for at, step in enumerate(made_of.calls) for index in (*step.writes, *step.reads)} | dict.fromkeys(made_of.graph.outputs, 999)
    first = {0: -1} | {index: at for at, step in reversed(list(enumerate(made_of.calls))) for index in step.writes}
    for at, step in enumerate(made_of.calls):
        alive = [t for t in first if first[t] <= at <= last[t]]
        spans = {t: (made.offsets[t], made.offsets[t] + made_of.graph.tensors[t].size_bytes) for t in alive}
        if step.scratch_bytes:
            spans["scratch"] = (made.scratch[at], made.scratch[at] + step.scratch_bytes)
        for a in spans:
            for b in spans:
                shared = max(spans[a][0], spans[b][0]) < min(spans[a][1], spans[b][1])
                if a != b and shared and (a, b) not in step.in_place and (b, a) not in step.in_place:
                    found.append((at, a, b))
    return found
