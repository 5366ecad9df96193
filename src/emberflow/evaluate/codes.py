"""What a reference answers to each of the 256 codes, for models that work on each element by itself. Knows how to ask; judges no operator.

TFLM or LiteRT's reference kernels run in a process of their own (`codes_process`), one for all models, and each model in a fork of it: with some
models they crash.
"""

import io
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from emberflow.errors import WorkerLost
from emberflow.evaluate.codes_process import ANSWERED, LIMIT_S, LITERT, REFUSED, TFLM
from emberflow.evaluate.micro import explain, last_line
from emberflow.values import AnyArray

CODES = 256


class Reference(StrEnum):
    """Whose answers."""

    TFLM = TFLM
    LITERT = LITERT


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model makes of every code.

    table: the answer to each code, from the lowest on, in the type of the model's output; empty when the reference doesn't run the model. Where
        it refuses a code (RSQRT below zero), the answer to the lowest code that it takes.
    answered: which codes it takes.
    reason: why it doesn't run the model; "" when it does.
    """

    table: AnyArray
    answered: AnyArray
    reason: str


def all_codes(dtype: str) -> AnyArray:
    """Every code of int8 or uint8, from the lowest on, as one input of shape (1, 256)."""
    return np.arange(np.iinfo(dtype).min, np.iinfo(dtype).max + 1).astype(dtype).reshape(1, CODES)


def ask(models: tuple[tuple[bytes, str], ...], reference: Reference = Reference.TFLM) -> tuple[Answers, ...]:
    """Answers of each model, in order, by `reference`.

    Args: models: a .tflite whose one input and output have shape (1, 256), and the input's type, int8 or uint8.
    Raises: WorkerLost: the reference's process was ended from outside.
    """
    request = io.BytesIO()
    np.savez(request, allow_pickle=False, **question(models, reference))
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.evaluate.codes_process"]
    ended = subprocess.run(command, input=request.getvalue(), capture_output=True, check=False)  # noqa: S603  our own module
    return read_answers(ended, len(models), reference)


def question(models: tuple[tuple[bytes, str], ...], reference: Reference = Reference.TFLM) -> dict[str, AnyArray]:
    """What the process is sent: `reference`, `model<i>` and `codes<i>`."""
    arrays: dict[str, AnyArray] = {f"model{index}": np.frombuffer(model, np.uint8) for index, (model, _) in enumerate(models)}
    return arrays | {"reference": np.array(str(reference))} | {f"codes{index}": all_codes(dtype) for index, (_, dtype) in enumerate(models)}


def read_answers(ended: subprocess.CompletedProcess[bytes], count: int, reference: Reference = Reference.TFLM) -> tuple[Answers, ...]:
    """What the process said of `count` models. Raises: WorkerLost: it ended otherwise than by itself."""
    if ended.returncode:
        raise WorkerLost(
            f"the process that reads tables out of {reference} ended with code {ended.returncode}; expected 0. Its last words:"
            f" {ended.stderr.decode(errors='replace').strip()[-200:] or 'none'}. Run the stage again; if it was killed for memory, with fewer workers"
        )
    with np.load(io.BytesIO(ended.stdout)) as answer:
        return tuple(read_answer(answer, index, reference) for index in range(count))


def read_answer(answer: Mapping[str, AnyArray], index: int, reference: Reference = Reference.TFLM) -> Answers:
    """What was said of model `index`."""
    status = int(answer[f"status{index}"])
    if status == ANSWERED:
        return Answers(answer[f"table{index}"], answer[f"answered{index}"], "")
    words = answer[f"words{index}"].tobytes().decode(errors="replace")
    return Answers(np.empty(0, np.int8), np.empty(0, np.bool_), _reason(status, words, reference))


def _reason(status: int, words: str, reference: Reference) -> str:
    if status == REFUSED:
        return explain(words) if reference is Reference.TFLM else f"{reference}'s reference kernels refuse the model: {last_line(words)}"
    if status > 0:
        return f"{reference} gives no answer: {last_line(words)}"
    if -status == signal.SIGALRM:
        return f"{reference} is not done with it after {LIMIT_S} s"
    return f"{reference} crashes on it ({signal.Signals(-status).name})"
