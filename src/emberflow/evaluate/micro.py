"""TensorFlow Lite for Microcontrollers, the reference for what a chip computes. Says whether it runs a model, why not, and in what arena.

TFLM runs in a process of its own (`micro_process`): with some models and arenas it ends its process, and it complains on
file descriptor 2 from C++.
"""

import io
import re
import signal
import subprocess
import sys

import numpy as np

from emberflow.errors import GraphError, WorkerLost
from emberflow.evaluate.borders import codes_of
from emberflow.evaluate.litert import read_borders
from emberflow.evaluate.micro_process import GENEROUS_ARENA_BYTES, REFUSED
from emberflow.units import show_bytes
from emberflow.values import AnyArray
from emberflow.variant import MicroVerdict
from emberflow.view import Rows, pieces

SAMPLES_AT_ONCE = 65_536
"""Of small ones: starting a process takes a second."""
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

# What TFLM prints (of the pinned version), and what it means to someone who has never read its sources.
_MEANINGS = (
    (r"Didn't find op for builtin opcode '(\w+)'", r"TFLM has no kernel for \1; replace the layer that becomes it"),
    (r"registration from op code CUSTOM", "TFLM has no kernel for a custom operator; build the layer from built-in operators"),
    (
        r"Hybrid models are not supported|Input type: FLOAT32 with filter type: INT8",
        "TFLM doesn't run hybrid models (float activations with int8 weights, which the dynamic format makes); try int8",
    ),
    (r"dequantize_common\.cc", "TFLM can't unpack float16 weights; try int8, or float32 where flash allows"),
    (r"missing: \d+", f"the model needs an arena of more than {show_bytes(GENEROUS_ARENA_BYTES)}; try a shorter window or fewer filters"),
)


def trial(model: bytes, x: Rows) -> tuple[MicroVerdict, AnyArray | None]:
    """Whether TFLM runs `model`, and the raw outputs when it does, computed in exactly the arena that the verdict states.

    Args: x: shape (n, *input_shape), float32, n at least 1; quantized here to what the model takes.
    Returns: the verdict; outputs of shape (n, *output_shape) in the type of the model's output, each sample from a fresh
        state, or None when TFLM doesn't run the model.
    Raises: GraphError: not a model, or not of one input and one output (`litert.read_borders`). DataError: samples of another shape.
        WorkerLost: TFLM's process was ended from outside.
    """
    return _try(model, x, arena_bytes=0)


def _try(model: bytes, x: Rows, arena_bytes: int) -> tuple[MicroVerdict, AnyArray | None]:
    """In an arena of `arena_bytes`; in the smallest where that is 0, which is looked for once."""
    verdict, found = MicroVerdict(runs=False, reason="no samples", arena_bytes=arena_bytes), []
    for codes in pieces(codes_of(x, read_borders(model).input), SAMPLES_AT_ONCE):
        verdict, outputs = _ask(model, codes, verdict.arena_bytes or 0)
        if outputs is None:
            return verdict, None
        found.append(outputs)
    return verdict, np.concatenate(found)


def _ask(model: bytes, codes: AnyArray, arena_bytes: int) -> tuple[MicroVerdict, AnyArray | None]:
    request = io.BytesIO()
    np.savez(request, model=np.frombuffer(model, np.uint8), samples=codes, arena_bytes=arena_bytes)
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.evaluate.micro_process"]
    return read_answer(subprocess.run(command, input=request.getvalue(), capture_output=True, check=False))  # noqa: S603  our own module


def run(model: bytes, x: Rows) -> AnyArray:
    """Raw outputs, computed in an arena that is large enough for any. Arguments and errors as in `trial`.

    Raises: GraphError: TFLM doesn't run the model; the reason is in the message.
    """
    verdict, outputs = _try(model, x, GENEROUS_ARENA_BYTES)
    if outputs is None:
        raise GraphError(f"TFLM was asked to run a model that it can't run: {verdict.reason}")
    return outputs


def examine(model: bytes) -> MicroVerdict:
    """Whether TFLM runs `model`, why not, and the smallest arena. Errors as in `trial`."""
    return trial(model, np.zeros((1, *read_borders(model).input.shape[1:]), np.float32))[0]


def read_answer(ended: subprocess.CompletedProcess[bytes]) -> tuple[MicroVerdict, AnyArray | None]:
    """What TFLM's process found, from its exit code, stdout and stderr.

    Raises: WorkerLost: it ended in a way that says nothing about the model.
    """
    complaint = ended.stderr.decode(errors="replace")
    if ended.returncode == 0:
        with np.load(io.BytesIO(ended.stdout)) as answer:
            return MicroVerdict(runs=True, reason="", arena_bytes=int(answer["arena_bytes"])), answer["outputs"]
    if ended.returncode == REFUSED:
        return MicroVerdict(runs=False, reason=explain(complaint)), None
    if -ended.returncode in _CRASHES:
        name = signal.Signals(-ended.returncode).name
        return MicroVerdict(runs=False, reason=f"TFLM crashes on this model ({name}); try another format or a simpler layer"), None
    raise WorkerLost(
        f"the process that runs TFLM ended with code {ended.returncode}; expected 0 or {REFUSED}."
        f" Its last words: {last_line(complaint)}. Run the stage again; if it was killed for memory, with fewer workers"
    )


def explain(complaint: str) -> str:
    """What TFLM printed, in words of a user; its own first line where it isn't one of the known complaints."""
    for pattern, meaning in _MEANINGS:
        if match := re.search(pattern, complaint):
            return match.expand(meaning)
    first = next((line.strip() for line in complaint.splitlines() if line.strip()), "no reason given")
    return f"TFLM refuses the model: {first}"


def last_line(complaint: str) -> str:
    """The last line that isn't empty."""
    return next((line.strip() for line in reversed(complaint.splitlines()) if line.strip()), "none")
