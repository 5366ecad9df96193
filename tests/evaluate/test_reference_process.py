"""The process that asks TFLM: .npz in, .npz out."""

import io
import subprocess
import sys

import numpy as np

from emberflow.evaluate.micro_process import REFUSED
from emberflow.evaluate.reference_process import trace
from tests.adapters.a_network import CODES, network


def ask(**arrays):
    request = io.BytesIO()
    np.savez(request, **arrays)
    command = [sys.executable, "-m", "emberflow.evaluate.reference_process"]
    return subprocess.run(command, input=request.getvalue(), capture_output=True, check=False)


def test_the_trace_ends_with_the_output():
    """Of the first sample."""
    model = np.frombuffer(network(), np.uint8)
    with (
        np.load(io.BytesIO(ask(model=model, codes0=CODES, outputs=np.array(1)).stdout)) as whole,
        np.load(io.BytesIO(ask(model=model, codes0=CODES, traced=np.array([4])).stdout)) as traced,
    ):
        assert whole["outputs0"][0].tobytes() == traced["4"].tobytes()


def test_a_trace_holds_what_was_asked_for():
    """Four hidden units are four bytes."""
    assert {"2": 4} == {name: len(data) for name, data in trace(network(), (CODES[0],), np.array([2])).items()}


def test_a_model_that_tflm_refuses_ends_with_a_code_of_its_own(tflite):
    """TFLM's complaint stands on stderr."""
    ended = ask(model=np.frombuffer(tflite("wide-dynamic"), np.uint8), codes0=np.zeros((1, 64), np.float32), outputs=np.array(1))

    assert ended.returncode == REFUSED
    assert b"FLOAT32 with filter type: INT8 not supported" in ended.stderr
