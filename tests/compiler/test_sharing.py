"""What needs no copy, and what does."""

import numpy as np
import pytest
from tflite import BuiltinOperator as Code

from emberflow.compiler import compile_model
from emberflow.compiler.plan import plan
from emberflow.compiler.program import Alias, Call
from emberflow.compiler.sharing import Settlement, share
from tests.compiler.harness import Native, activation, differing_bytes, lowered
from tests.models import OperatorSpec, write_tflite

POOL = {"Padding": 1, "StrideH": 1, "StrideW": 1, "FilterHeight": 1, "FilterWidth": 1}


def pool(read, written):
    """Computes a tensor from one of the same shape."""
    return OperatorSpec(Code.MAX_POOL_2D, (read,), (written,), "Pool2DOptions", POOL)


def reshape(read, written):
    return OperatorSpec(Code.RESHAPE, (read,), (written,))


def join(reads, written, axis=3):
    return OperatorSpec(Code.CONCATENATION, tuple(reads), (written,), "ConcatenationOptions", {"Axis": axis})


def model(shapes, operators, inputs, outputs):
    return write_tflite(tuple(activation("x", shape) for shape in shapes), tuple(operators), tuple(inputs), tuple(outputs))


def steps(data):
    """`alias <index> in <whole> at <offset>`, or the function that is called and what it writes."""
    program, _ = share(lowered(data))
    return [
        f"alias {step.index} in {step.whole} at {step.offset_bytes}" if isinstance(step, Alias) else f"{step.function} {step.writes[0]}"
        for step in program.steps
    ]


ONE, TWO, FOUR, ROWS = (1, 1, 1, 1), (1, 1, 1, 2), (1, 1, 1, 4), (1, 2, 1, 2)
CASES = {
    "a reshape between two kernels": (
        [ROWS, ROWS, FOUR, FOUR],
        [pool(0, 1), reshape(1, 2), pool(2, 3)],
        [0],
        [3],
        ["ef_max_pool_2d 1", "alias 2 in 1 at 0", "ef_max_pool_2d 3"],
    ),
    "a reshape of the graph's input": ([ROWS, FOUR, FOUR], [reshape(0, 1), pool(1, 2)], [0], [2], ["alias 1 in 0 at 0", "ef_max_pool_2d 2"]),
    "a reshape to the graph's output": ([ROWS, ROWS, FOUR], [pool(0, 1), reshape(1, 2)], [0], [2], ["ef_max_pool_2d 1", "alias 2 in 1 at 0"]),
    "a reshape from input to output": ([ROWS, FOUR], [reshape(0, 1)], [0], [1], ["ef_copy 1"]),
    "two outputs with the same codes": ([ROWS, ROWS, FOUR], [pool(0, 1), reshape(1, 2)], [0], [1, 2], ["ef_max_pool_2d 1", "ef_copy 2"]),
    "parts that are computed": (
        [TWO, TWO, TWO, FOUR, FOUR],
        [pool(0, 1), pool(1, 2), join([1, 2], 3), pool(3, 4)],
        [0],
        [4],
        ["ef_max_pool_2d 1", "ef_max_pool_2d 2", "alias 1 in 3 at 0", "alias 2 in 3 at 2", "ef_max_pool_2d 4"],
    ),
    "a part that is the graph's input": (
        [TWO, TWO, FOUR],
        [pool(0, 1), join([0, 1], 2)],
        [0],
        [2],
        ["ef_max_pool_2d 1", "ef_copy 2", "alias 1 in 2 at 2"],
    ),
    "a part that is an output": ([TWO, TWO, FOUR], [pool(0, 1), join([0, 1], 2)], [0], [1, 2], ["ef_max_pool_2d 1", "ef_copy 2", "ef_copy 2"]),
    "one part twice": ([TWO, TWO, FOUR], [pool(0, 1), join([1, 1], 2)], [0], [2], ["ef_max_pool_2d 1", "alias 1 in 2 at 0", "ef_copy 2"]),
    "a part that was reshaped": (
        [(1, 2, 1, 1), (1, 2, 1, 1), TWO, FOUR],
        [pool(0, 1), reshape(1, 2), join([2, 2], 3)],
        [0],
        [3],
        ["ef_max_pool_2d 1", "alias 2 in 1 at 0", "alias 1 in 3 at 0", "ef_copy 3"],
    ),
    "parts of parts": (
        [ONE, ONE, TWO, FOUR, FOUR],
        [pool(0, 1), join([0, 1], 2), join([2, 2], 3), pool(3, 4)],
        [0],
        [4],
        ["ef_max_pool_2d 1", "ef_copy 2", "alias 1 in 2 at 1", "alias 2 in 3 at 0", "ef_copy 3", "ef_max_pool_2d 4"],
    ),
    "parts that lie interleaved": (
        [ROWS, ROWS, (1, 2, 1, 4)],
        [pool(0, 1), join([0, 1], 2)],
        [0],
        [2],
        ["ef_max_pool_2d 1", "ef_move 2", "ef_move 2"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_copied(case):
    """Nothing that need not be; and never a buffer of the caller's into another."""
    *parts, expected = CASES[case]
    assert expected == steps(model(*parts))


def test_what_is_shared_equals_tflm():
    """Every case, byte for byte."""
    assert dict.fromkeys(CASES, 0) == {case: differing_bytes(model(*parts[:4]), samples=8, flavours=("plain",))[0] for case, parts in CASES.items()}


def test_parts_are_copied_where_joining_takes_more_memory():
    """64 bytes that are early and joined late would keep 512 while another 512 are computed and pooled; copied, they keep 64."""
    small, wide = (1, 1, 1, 64), (1, 1, 8, 64)
    shrink = OperatorSpec(Code.MAX_POOL_2D, (2,), (3,), "Pool2DOptions", POOL | {"FilterWidth": 8})
    data = model([small, small, wide, small, wide], [pool(0, 1), join([0] * 8, 2, 2), shrink, join([1, *[3] * 7], 4, 2)], [0], [4])

    program, planned = share(lowered(data))
    assert () == program.aliases
    assert planned.arena_bytes < plan(Settlement(lowered(data), joins=True).settle()).arena_bytes


def test_a_copy_that_nobody_settled_is_a_call():
    """Without joining, the parts are copied."""
    data = model(CASES["parts that are computed"][0], *CASES["parts that are computed"][1:4])
    settled = Settlement(lowered(data), joins=False).settle()
    assert ["ef_copy", "ef_copy"] == [step.function for step in settled.steps if isinstance(step, Call) and step.kernel == "move"]


def test_the_caller_s_buffers_are_left_alone():
    """An input that is joined, reshaped and given out stays what it was."""
    compiled = compile_model(model([TWO, FOUR, (1, 4), TWO], [join([0, 0], 1), reshape(1, 2), pool(0, 3)], [0], [2, 3]), "m")
    codes = np.array([[3, 4]], np.int8).reshape(1, *TWO)
    assert [[[3, 4, 3, 4]], [[[[3, 4]]]]] == [answer[0].tolist() for answer in Native(compiled).run([codes])]
    assert [3, 4] == codes.reshape(-1).tolist()
