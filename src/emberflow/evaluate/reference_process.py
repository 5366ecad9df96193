"""A process of its own for TensorFlow Lite for Microcontrollers: model and codes in, outputs or every tensor out, as .npz.

Run by `reference.py`. Knows numpy and TFLM; refuses to explain what TFLM says, which stands on stderr.
"""

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from emberflow.evaluate.micro_process import GENEROUS_ARENA_BYTES, REFUSED, open_micro, smallest_arena

if TYPE_CHECKING:  # pydantic is not worth its import here
    from emberflow.values import AnyArray, Arrays


def infer(interpreter: Any, inputs: "Arrays", count: int) -> "dict[str, AnyArray]":
    """Raw outputs `outputs0` and so on, `count` of them, shape (n, *output_shape) each; each sample from a fresh state."""
    answers: list[list[AnyArray]] = [[] for _ in range(count)]
    for sample in zip(*inputs, strict=True):
        interpreter.reset()  # an LSTM's state lives on between invocations
        _set(interpreter, sample)
        interpreter.invoke()
        for position, answer in enumerate(answers):
            answer.append(interpreter.get_output(position)[0])
    return {f"outputs{position}": np.stack(answer) for position, answer in enumerate(answers)}


def _set(interpreter: Any, sample: "Arrays") -> None:
    for position, codes in enumerate(sample):
        interpreter.set_input(codes[np.newaxis], position)


def trace(model: bytes, sample: "Arrays", indices: "AnyArray") -> "dict[str, AnyArray]":
    """The bytes of the tensors `indices` after one inference, by index, each kept as its operator wrote it."""
    from tflite_micro import runtime  # noqa: PLC0415  a second, paid in this process alone

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=GENEROUS_ARENA_BYTES, intrepreter_config=keep)
    _set(interpreter, sample)
    interpreter.invoke()
    return {str(index): np.frombuffer(interpreter.GetTensor(int(index), 0)["tensor_data"].tobytes(), np.uint8) for index in indices}


def main() -> int:
    """Read `model`, and `codes0` and so on with `outputs` (how many) or `traced`, or `arena`, from stdin.

    Writes to stdout: `outputs0` and so on, or the traced tensors of the first sample, or `arena_bytes`.
    """
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        asked = {name: request[name] for name in request.files}
    model, codes = asked["model"].tobytes(), tuple(asked[f"codes{n}"] for n in range(sum(name.startswith("codes") for name in asked)))
    try:
        if "arena" in asked:
            open_micro(model, GENEROUS_ARENA_BYTES)  # before the search, and aloud: its complaint is the reason to give
            arena_bytes = smallest_arena(model)
            infer(open_micro(model, arena_bytes), tuple(each[:1] for each in codes), 0)  # some operators are refused no earlier
            answer = {"arena_bytes": np.array(arena_bytes)}
        elif "traced" in asked:
            answer = trace(model, tuple(each[0] for each in codes), asked["traced"])
        else:
            answer = infer(open_micro(model, GENEROUS_ARENA_BYTES), codes, int(asked["outputs"]))
    except RuntimeError:
        return REFUSED
    np.savez(sys.stdout.buffer, allow_pickle=False, **answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
