"""A process of its own for TensorFlow Lite for Microcontrollers: model and codes in, outputs or every tensor out, as .npz.

Run by `reference.py`. Knows numpy and TFLM; refuses to explain what TFLM says, which stands on stderr.
"""

import io
import sys
from typing import TYPE_CHECKING

import numpy as np

from emberflow.evaluate.micro_process import GENEROUS_ARENA_BYTES, REFUSED, infer, open_micro

if TYPE_CHECKING:  # pydantic is not worth its import here
    from emberflow.values import AnyArray


def trace(model: bytes, sample: "AnyArray", indices: "AnyArray") -> "dict[str, AnyArray]":
    """The bytes of the tensors `indices` after one inference, by index, each kept as its operator wrote it."""
    from tflite_micro import runtime  # noqa: PLC0415  a second, paid in this process alone

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=GENEROUS_ARENA_BYTES, intrepreter_config=keep)
    interpreter.set_input(sample[np.newaxis], 0)
    interpreter.invoke()
    return {str(index): np.frombuffer(interpreter.GetTensor(int(index), 0)["tensor_data"].tobytes(), np.uint8) for index in indices}


def main() -> int:
    """Read `model`, `codes` and perhaps `traced` from stdin; write `outputs`, or the traced tensors of the first sample, to stdout."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        asked = {name: request[name] for name in request.files}
    model, codes = asked["model"].tobytes(), asked["codes"]
    try:
        answer = trace(model, codes[0], asked["traced"]) if "traced" in asked else {"outputs": infer(open_micro(model, GENEROUS_ARENA_BYTES), codes)}
    except RuntimeError:
        return REFUSED
    np.savez(sys.stdout.buffer, allow_pickle=False, **answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
