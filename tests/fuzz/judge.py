"""A process that reads and compiles mutants: `judge.py FIRST COUNT`, a line of JSON for each. Ends by a signal where one takes too long or too much.

The law: what is not compiled is refused by a GraphError or a CompileError, in one line that a terminal can show.
"""

import json
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from emberflow.compiler import Compiled, Parity, compile_model, tables
from emberflow.errors import CompileError, GraphError
from emberflow.evaluate.codes import Answers, Reference, question, read_answer
from emberflow.evaluate.codes_process import answer_all
from tests.fuzz.mutants import Mutant, mutant

LIMIT_S = 10
LONGEST_WAIT_S = 300
LIMIT_BYTES = 1 << 30
LONGEST_MESSAGE = 800
"""Characters; a shape of eight large sizes takes a hundred."""


def judge(case: Mutant) -> tuple[str, str]:
    """What became of a mutant: "compiled", "refused" or "wrong", and in which words. Of every fourth the C is to equal LiteRT's reference."""
    try:
        compile_apart(case.data, parity=Parity.TFLM if case.number % 4 else Parity.LITERT_REFERENCE)
    except (GraphError, CompileError) as error:
        return ("refused" if is_message(str(error)) else "wrong"), str(error)
    except Exception as error:  # noqa: BLE001  any other is what this looks for
        return "wrong", f"{type(error).__name__}: {error} at {place_of(error)}"
    return "compiled", ""


def compile_apart(model: bytes, name: str = "m", parity: Parity = Parity.TFLM) -> Compiled:
    """`compile_model`, with tables asked for in forks of this process, where the references are imported already."""
    asked, tables.ask = tables.ask, ask
    try:
        return compile_model(model, name, parity)
    finally:
        tables.ask = asked


def ask(models: tuple[tuple[bytes, str], ...], reference: Reference) -> tuple[Answers, ...]:
    """As `evaluate.codes.ask`."""
    answers = answer_all(question(models, reference))
    return tuple(read_answer(answers, index, reference) for index in range(len(models)))


def is_message(text: str) -> bool:
    """Whether a terminal shows it in one line, and a reader gets to its end."""
    return 20 <= len(text) <= LONGEST_MESSAGE and text.isprintable()


def place_of(error: Exception) -> str:
    """File and line that raised it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f"{re.sub('.*/src/', '', frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End the process by a signal where what is inside takes more of the processor, or waits for LONGEST_WAIT_S; Python can't stop native code."""
    signal.setitimer(signal.ITIMER_PROF, seconds)  # by the clock, a machine with other work would end it too
    signal.alarm(LONGEST_WAIT_S)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.alarm(0)


def limit_memory() -> None:
    """No more than LIMIT_BYTES beyond what the process has."""
    pages = int(open("/proc/self/statm", encoding="ascii").read().split()[0])  # noqa: SIM115  read at once
    limit = pages * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(first: int, count: int) -> None:
    """Judge `count` mutants from number `first` on."""
    limit_memory()
    for number in range(first, first + count):
        _tell(number=number)
        with limited(LIMIT_S):
            case = mutant(number)
            verdict, words = judge(case)
        _tell(number=number, story=case.story, verdict=verdict, words=words)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
