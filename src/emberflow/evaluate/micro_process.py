"""A process of its own for TensorFlow Lite for Microcontrollers: model and samples in, smallest arena and outputs out, as .npz.

Run by `micro.py`. Knows numpy and TFLM; refuses to explain what TFLM says, which stands on stderr.
"""

import io
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # pydantic is not worth its import here
    from emberflow.values import AnyArray

REFUSED = 3
GENEROUS_ARENA_BYTES = 256 << 20  # memory that is never touched costs nothing
ARENA_STEP_BYTES = 16  # MicroArenaBufferAlignment in TFLM


def open_micro(model: bytes, arena_bytes: int) -> Any:
    """A TFLM interpreter of `model`. Raises RuntimeError: TFLM refuses it, or the arena is too small."""
    from tflite_micro import runtime  # noqa: PLC0415  a second, paid in this process alone

    return runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)


def smallest_arena(model: bytes) -> int:
    """The smallest arena that TFLM takes for `model`, in bytes, by bisection in steps of 16.

    It can exceed what TFLM reports as used, because planning the memory needs room that inference does not.
    """
    refused, taken = 0, GENEROUS_ARENA_BYTES // ARENA_STEP_BYTES
    while taken - refused > 1:
        middle = (refused + taken) // 2
        if takes(model, middle * ARENA_STEP_BYTES):
            taken = middle
        else:
            refused = middle
    return taken * ARENA_STEP_BYTES


def takes(model: bytes, arena_bytes: int) -> bool:
    """Whether TFLM takes `model` with that arena. Tried in a fork: some arenas that are too small make TFLM crash, not complain."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        open_micro(model, arena_bytes)
    except RuntimeError:
        os._exit(1)
    os._exit(0)


def infer(interpreter: Any, samples: "AnyArray") -> "AnyArray":
    """Raw outputs (n, *output_shape) of quantized samples (n, *input_shape), each from a fresh state."""
    outputs = []
    for sample in samples:
        interpreter.reset()  # an LSTM's state lives on between invocations
        interpreter.set_input(sample[np.newaxis], 0)
        interpreter.invoke()
        outputs.append(interpreter.get_output(0)[0])
    return np.stack(outputs)


def main() -> int:
    """Read model, samples and the arena, 0 where it is to be found, from stdin, write arena and outputs to stdout. Returns `REFUSED` when TFLM refuses the model."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        model, samples, arena_bytes = request["model"].tobytes(), request["samples"], int(request["arena_bytes"])
    try:
        open_micro(model, GENEROUS_ARENA_BYTES)  # before the search, and aloud: its complaint is the reason to give
        arena_bytes = arena_bytes or smallest_arena(model)
        outputs = infer(open_micro(model, arena_bytes), samples)
    except RuntimeError:
        return REFUSED
    np.savez(sys.stdout.buffer, arena_bytes=arena_bytes, outputs=outputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
