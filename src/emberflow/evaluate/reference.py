"""The reference for firmware: what TFLM makes of input codes, at the output and after every layer. Knows how to ask; refuses to compare.

TFLM runs in a process of its own (`reference_process`): with some models it ends its process.
"""

import io
import subprocess
import sys
from collections.abc import Collection, Mapping

import numpy as np

from emberflow.errors import GraphError, WorkerLost
from emberflow.evaluate.micro import SAMPLES_AT_ONCE, explain
from emberflow.evaluate.micro_process import REFUSED
from emberflow.graph import read_graph
from emberflow.values import AnyArray, Arrays
from emberflow.view import Inputs, pieces_of_all


def outputs(model: bytes, codes: Inputs) -> Arrays:
    """Raw outputs, (n, *output_shape) each, of `codes`, inputs (n, *input_shape) in the types of the model's inputs.

    Raises: GraphError: TFLM doesn't run the model; says why. WorkerLost: its process was ended from outside.
    """
    count = len(read_graph(model).outputs)
    answers = [_ask(model, some, outputs=np.array(count)) for some in pieces_of_all(codes, SAMPLES_AT_ONCE)]
    return tuple(np.concatenate([answer[f"outputs{position}"] for answer in answers]) for position in range(count))


def trace(model: bytes, sample: Arrays, tensors: Collection[int]) -> dict[int, bytes]:
    """The bytes of each of `tensors` after an inference of `sample`, shape (*input_shape) for each input. Raises as `outputs`."""
    answer = _ask(model, tuple(codes[np.newaxis] for codes in sample), traced=np.array(sorted(tensors), np.int64))
    return {int(index): data.tobytes() for index, data in answer.items()}


def arena_bytes(model: bytes, codes: Arrays) -> int:
    """The smallest arena that TFLM takes, and in which it runs the first of `codes`. Arguments and errors as in `outputs`."""
    return int(_ask(model, codes, arena=np.array(True))["arena_bytes"])


def _ask(model: bytes, codes: Arrays, **arrays: AnyArray) -> Mapping[str, AnyArray]:
    request = io.BytesIO()
    inputs = {f"codes{position}": each for position, each in enumerate(codes)}
    np.savez(request, allow_pickle=False, model=np.frombuffer(model, np.uint8), **inputs, **arrays)
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.evaluate.reference_process"]
    return read_answer(subprocess.run(command, input=request.getvalue(), capture_output=True, check=False))  # noqa: S603  our own module


def read_answer(ended: subprocess.CompletedProcess[bytes]) -> Mapping[str, AnyArray]:
    """What the process gave. Raises as `outputs`."""
    words = ended.stderr.decode(errors="replace")
    if ended.returncode == REFUSED:
        raise GraphError(f"TFLM was asked to run a model that it can't run: {explain(words)}")
    if ended.returncode:
        raise WorkerLost(
            f"the process that runs TFLM ended with code {ended.returncode}; expected 0 or {REFUSED}."
            f" Its last words: {words.strip()[-200:] or 'none'}. Run the stage again; if it was killed for memory, with fewer workers"
        )
    with np.load(io.BytesIO(ended.stdout)) as answer:
        return {name: answer[name] for name in answer.files}
