"""What TFLM makes of codes, at the output and after every layer."""

import subprocess

import numpy as np
import pytest

from emberflow.errors import GraphError, WorkerLost
from emberflow.evaluate import reference
from emberflow.evaluate.micro_process import takes
from tests.adapters.a_network import CODES, PAIRS, network, two_by_two
from tests.compiler.harness import run_tflm, trace_tflm


def test_outputs_are_those_of_the_interpreter():
    """Asked in this process."""
    (expected,) = run_tflm(network(), [CODES[:, np.newaxis]])

    assert np.array_equal(expected.reshape(120, 3), reference.outputs(network(), (CODES,))[0])


def test_each_output_of_several_inputs():
    """In the graph's order, each in its own type."""
    expected = run_tflm(two_by_two(), [codes[:, np.newaxis] for codes in PAIRS])
    found = reference.outputs(two_by_two(), PAIRS)

    assert [("int8", (120, 4)), ("uint8", (120, 3))] == [(each.dtype.name, each.shape) for each in found]
    assert all(np.array_equal(theirs.reshape(ours.shape), ours) for ours, theirs in zip(found, expected, strict=True))


def test_tensors_are_kept_as_their_operators_wrote_them():
    """The hidden layer and the output, though the output could lie over it."""
    expected = trace_tflm(network(), [CODES[:1]])

    assert {2: expected[2].tobytes(), 4: expected[4].tobytes()} == reference.trace(network(), (CODES[0],), {4, 2})


def test_the_arena_is_the_smallest_that_serves():
    """TFLM takes it, and none that is 16 B smaller."""
    found = reference.arena_bytes(two_by_two(), PAIRS)

    assert (True, False) == (takes(two_by_two(), found), takes(two_by_two(), found - 16))


def test_a_model_that_tflm_refuses(tflite):
    """Its reason is in the message."""
    with pytest.raises(GraphError, match="TFLM was asked to run a model that it can't run: TFLM doesn't run hybrid models"):
        reference.outputs(tflite("wide-dynamic"), (np.zeros((1, 64), np.float32),))
    with pytest.raises(GraphError, match="TFLM doesn't run hybrid models"):
        reference.arena_bytes(tflite("wide-dynamic"), (np.zeros((1, 64), np.float32),))


def test_a_process_that_was_killed():
    """Code -9 says nothing of the model."""
    ended = subprocess.CompletedProcess([], -9, b"", b"last words")

    with pytest.raises(WorkerLost, match=r"ended with code -9; expected 0 or 3. Its last words: last words. Run the stage again"):
        reference.read_answer(ended)
