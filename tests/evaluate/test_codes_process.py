"""The process that asks TFLM, from inside: what it answers when some codes are refused, and that a crash stays in a fork."""

import os
import subprocess
import sys

import numpy as np
import pytest

from emberflow.evaluate.codes_process import all_answers, one_answer

CODES = np.arange(4, dtype=np.int8).reshape(1, 4)


class Doubler:
    """Stands in for TFLM's interpreter: doubles codes, and refuses an input that holds one of `refused`."""

    def __init__(self, *refused):
        self.refused = refused

    def set_input(self, codes, _):  # noqa: D102  TFLM's own method
        self.codes = codes

    def invoke(self):  # noqa: D102  TFLM's own method
        if np.isin(self.codes, self.refused).any():
            raise RuntimeError("refused")

    def get_output(self, _):  # noqa: D102  TFLM's own method
        return 2 * self.codes


def answers(*refused):
    found = all_answers(Doubler(*refused), CODES)
    return found["table"].tolist(), found["answered"].tolist()


def test_all_codes_are_asked_at_once():
    """One inference is enough."""
    assert ([0, 2, 4, 6], [True] * 4) == answers()


def test_refused_codes_get_the_answer_of_the_lowest_that_is_taken():
    """Codes 0 and 2 are refused; code 1 has the answer 2."""
    assert ([2, 2, 2, 6], [False, True, False, True]) == answers(0, 2)


def test_a_model_that_takes_no_code_is_refused():
    """There is nothing to answer."""
    with pytest.raises(RuntimeError, match="every code is refused"):
        answers(0, 1, 2, 3)


def test_one_answer():
    """Of an input that holds one code only."""
    assert 6 == one_answer(Doubler(1), np.full((1, 4), 3, np.int8))
    assert one_answer(Doubler(1), np.full((1, 4), 1, np.int8)) is None


def test_a_crash_a_failure_and_a_hang_stay_in_their_forks():
    """In a fresh process, because it forks, and this one may have threads."""
    code = """
import os, signal, time
import numpy as np
from emberflow.evaluate import codes_process
from emberflow.evaluate.codes_process import apart
def refuse():
    os.write(2, b"no")
    raise RuntimeError
print(apart(lambda: os.kill(os.getpid(), signal.SIGSEGV)))
print(apart(refuse))
answer, status, words = apart(lambda: {"a": np.zeros(1)})
print(len(answer) > 0, status, words)
print(apart(lambda: {}["nothing"])[1:])
codes_process.LIMIT_S = 1
print(apart(lambda: time.sleep(60)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=dict(os.environ))

    crash, refusal, answer, failure, hang = done.stdout.splitlines()
    assert ["(b'', -11, b'')", "(b'', 3, b'no')", "True 0 b''", "(b'', -14, b'')"] == [crash, refusal, answer, hang]
    assert failure.startswith("(4, b'Traceback")
    assert "KeyError" in failure
