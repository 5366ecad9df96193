import ast
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from emberflow.evaluate import micro
from emberflow.evaluate.borders import quantize
from emberflow.evaluate.litert import read_borders
from emberflow.evaluate.micro_process import ARENA_STEP_BYTES, GENEROUS_ARENA_BYTES, infer, open_micro

Models = Callable[[str], bytes]


def takes_each(model: bytes, *arena_bytes: int) -> list[bool]:
    """`takes` in a fresh process, because it forks, and this one has TensorFlow's threads."""
    code = f"""
import sys
from emberflow.evaluate.micro_process import GENEROUS_ARENA_BYTES, open_micro, takes
model = sys.stdin.buffer.read()
open_micro(model, GENEROUS_ARENA_BYTES)
print([takes(model, bytes) for bytes in {arena_bytes}])
"""
    done = subprocess.run([sys.executable, "-c", code], input=model, capture_output=True, check=True)
    return list(ast.literal_eval(done.stdout.decode()))


@pytest.mark.parametrize("name", ["conv-float32", "conv-int8", "conv-int16x8", "sigmoid-int8"])
def test_the_arena_is_the_smallest_that_works(tflite: Models, name: str) -> None:
    """TFLM takes the model with exactly that many bytes and with more, whatever their number, and not with one step less."""
    arena_bytes = micro.examine(tflite(name)).arena_bytes
    assert arena_bytes is not None

    more = [arena_bytes + extra for extra in (0, 1, 8, 16, 64, 1000, 100_001)]

    assert takes_each(tflite(name), *more, arena_bytes - ARENA_STEP_BYTES) == [True] * 7 + [False]


def test_an_interpreter_of_exactly_that_arena_infers(tflite: Models, signals: np.ndarray) -> None:
    """And gives what one with plenty of room gives."""
    model = tflite("conv-int8")
    arena_bytes = micro.examine(model).arena_bytes
    samples = quantize(signals, read_borders(model).input)
    assert arena_bytes is not None

    tight, roomy = (infer(open_micro(model, room), samples) for room in (arena_bytes, GENEROUS_ARENA_BYTES))

    assert np.array_equal(tight, roomy)


def test_an_arena_that_makes_tflm_crash_is_just_too_small(tflite: Models) -> None:
    """With 96 bytes TFLM follows a null pointer; here that is an answer."""
    assert takes_each(tflite("conv-int8"), 96, GENEROUS_ARENA_BYTES) == [False, True]


def test_junk_on_stdin_is_not_taken_for_a_refusal() -> None:
    """An error of ours ends with another code than TFLM's refusal."""
    ended = subprocess.run([sys.executable, "-m", "emberflow.evaluate.micro_process"], input=b"junk", capture_output=True, check=False)

    assert ended.returncode == 1
    assert b"Error" in ended.stderr
