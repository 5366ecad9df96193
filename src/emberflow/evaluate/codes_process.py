"""A process of its own for a reference: models of one input in, its answers to every 8-bit code out, as .npz.

Run by `codes.py`. Knows numpy, TensorFlow Lite for Microcontrollers and LiteRT; refuses to explain what they say, which is passed on.
"""

import io
import os
import resource
import signal
import sys
import tempfile
import traceback
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emberflow.evaluate.micro_process import open_micro

if TYPE_CHECKING:  # pydantic is not worth its import here
    from collections.abc import Callable, Mapping

    from emberflow.values import AnyArray

ARENA_BYTES = 1 << 20
ANSWERED, REFUSED, FAILED = 0, 3, 4
TFLM, LITERT = "TFLM", "LiteRT"
LIMIT_S = 20
"""For one model, which takes milliseconds: hostile parameters must not keep TFLM busy for ever."""


def main() -> int:
    """Read `reference`, `model<i>` and `codes<i>` from stdin; write `status<i>`, `words<i>`, and what was answered, to stdout."""
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as request:
        asked = {name: request[name] for name in request.files}
    np.savez(sys.stdout.buffer, allow_pickle=False, **answer_all(asked))
    return 0


def answer_all(asked: "Mapping[str, AnyArray]") -> "dict[str, AnyArray]":
    """`status<i>`, `words<i>`, and what was answered, for `model<i>` and `codes<i>`, by `reference`."""
    open_model = OPENERS[str(asked["reference"])]
    _import_once(open_model)
    answers: dict[str, AnyArray] = {}
    for index in range(sum(name.startswith("model") for name in asked)):
        model, codes = asked[f"model{index}"].tobytes(), asked[f"codes{index}"]
        answer, status, words = apart(lambda model=model, codes=codes: all_answers(open_model(model), codes))  # type: ignore[misc]  # bound in the loop
        answers[f"status{index}"] = np.array(status)
        answers[f"words{index}"] = np.frombuffer(words, np.uint8)
        with io.BytesIO(answer) as file:
            answers |= {f"{name}{index}": array for name, array in np.load(file).items()} if answer else {}
    return answers


def apart(work: "Callable[[], dict[str, AnyArray]]") -> tuple[bytes, int, bytes]:
    """What `work` returns as .npz, how it ended (as `os.waitstatus_to_exitcode`), and what it printed.

    Run in a fork, which SIGALRM ends after LIMIT_S: TFLM may crash, or not come to an end.
    """
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as words:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(words.fileno(), 2)
            signal.alarm(LIMIT_S)
            os._exit(_status_of(work, answer))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answer.seek(0)
        words.seek(0)
        return answer.read() if status == ANSWERED else b"", status, words.read()


def _status_of(work: "Callable[[], dict[str, AnyArray]]", answer: "IO[bytes]") -> int:
    """ANSWERED, with what `work` returns in `answer`; else REFUSED, or FAILED with a traceback on file descriptor 2."""
    try:
        np.savez(answer, allow_pickle=False, **work())
        answer.flush()
    except RuntimeError:
        return REFUSED
    except Exception:  # noqa: BLE001  whatever it is, the fork must not go on as if it were its parent
        os.write(2, traceback.format_exc().encode())
        return FAILED
    return ANSWERED


def all_answers(interpreter: Any, codes: "AnyArray") -> "dict[str, AnyArray]":
    """`table`, the answer to each of `codes`, and `answered`, which of them were taken: all at once, or one by one where some are refused.

    Raises: RuntimeError: every code is refused.
    """
    try:
        return {"table": ask(interpreter, codes), "answered": np.ones(codes.size, np.bool_)}
    except RuntimeError:
        single = [one_answer(interpreter, np.full_like(codes, code)) for code in codes.reshape(-1)]
    taken = [answer for answer in single if answer is not None]
    if not taken:
        raise RuntimeError("every code is refused")
    return {
        "table": np.array([taken[0] if answer is None else answer for answer in single]),
        "answered": np.array([answer is not None for answer in single]),
    }


def one_answer(interpreter: Any, codes: "AnyArray") -> Any:
    """The answer where all elements hold the same code, or None where it is refused."""
    try:
        return ask(interpreter, codes)[0]
    except RuntimeError:
        return None


def ask(interpreter: Any, codes: "AnyArray") -> "AnyArray":
    """One inference; the output flat."""
    interpreter.set_input(codes, 0)
    interpreter.invoke()
    answer: AnyArray = interpreter.get_output(0).reshape(-1)
    return answer


class LiteRt:
    """LiteRT's reference kernels, asked in the way of TFLM's interpreter. Raises: RuntimeError: they refuse the model; why goes to file descriptor 2."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415  only where it is asked

        try:
            self._interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            os.write(2, str(error).encode())
            raise RuntimeError from error

    def set_input(self, codes: "AnyArray", position: int) -> None:
        """`codes` as input number `position`."""
        self._interpreter.set_tensor(self._interpreter.get_input_details()[position]["index"], codes)

    def invoke(self) -> None:
        """One inference."""
        self._interpreter.invoke()

    def get_output(self, position: int) -> Any:
        """Output number `position`."""
        return self._interpreter.get_tensor(self._interpreter.get_output_details()[position]["index"])


def open_tflm(model: bytes) -> Any:
    """TFLM's interpreter. Raises: RuntimeError: TFLM refuses the model."""
    return open_micro(model, ARENA_BYTES)


OPENERS: "dict[str, Callable[[bytes], Any]]" = {TFLM: open_tflm, LITERT: LiteRt}


def _import_once(open_model: "Callable[[bytes], Any]") -> None:
    """Before the forks, so that each finds the runtime imported."""
    if open_model is open_tflm:
        from tflite_micro import runtime  # noqa: F401, PLC0415
    else:
        from ai_edge_litert import interpreter  # noqa: F401, PLC0415


if __name__ == "__main__":
    sys.exit(main())
