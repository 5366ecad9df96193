"""Asking TFLM for the answer to every code: all at once, one by one where it refuses some, and never with its crash."""

import signal
import subprocess

import numpy as np
import pytest
import tflite

from emberflow.errors import WorkerLost
from emberflow.evaluate.codes import Reference, all_codes, ask, read_answer, read_answers


@pytest.fixture
def unary(models):
    """A model of one operator over (1, 256)."""

    def write(code, zero_point=0, output=(0.1, 0), kind=""):
        tensors = (
            models.TensorSpec("x", (1, 256), scales=(0.1,), zero_points=(zero_point,)),
            models.TensorSpec("y", (1, 256), scales=output[:1], zero_points=output[1:]),
        )
        operator = models.OperatorSpec(getattr(tflite.BuiltinOperator, code), (0,), (1,), kind)
        return models.write_tflite(tensors, (operator,))

    return write


def test_all_codes():
    """From the lowest on, as numbers."""
    assert (-128, 127, 256) == (all_codes("int8")[0, 0], all_codes("int8")[0, -1], all_codes("int8").size)
    assert (0, 255, 256) == (all_codes("uint8")[0, 0], all_codes("uint8")[0, -1], all_codes("uint8").size)


def test_each_model_gets_its_answers(unary):
    """Steps are equal on both sides: RELU cuts at 0, ABS mirrors, and 128 is more than a code holds."""
    relu, absolute = ask(((unary("RELU"), "int8"), (unary("ABS"), "int8")))

    codes = np.arange(-128, 128)
    assert np.maximum(codes, 0).tolist() == relu.table.tolist()
    assert np.minimum(np.abs(codes), 127).tolist() == absolute.table.tolist()
    assert ("", True) == (relu.reason, bool(relu.answered.all()))


def test_codes_that_tflm_refuses_are_told(unary):
    """A root of less than 0: those codes get the answer of the lowest code that has one."""
    (root,) = ask(((unary("RSQRT", zero_point=100), "int8"),))

    assert [False] * 228 + [True] * 28 == root.answered.tolist()
    assert {127} == set(root.table[:229].tolist())  # 1 / sqrt(0) is beyond every code
    assert 32 == root.table[229]  # 1 / sqrt(0.1) = 3.16


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("GELU", "TFLM has no kernel for GELU"),
        ("EXP", "TFLM refuses the model: tensorflow/lite/micro/kernels/exp.cc"),
        ("SQUARE", "TFLM refuses the model: tensorflow/lite/micro/kernels/elementwise.cc"),
    ],
)
def test_a_model_that_tflm_does_not_run_has_a_reason(code, reason, unary):
    """In preparation, or at the first inference."""
    (answers,) = ask(((unary(code), "int8"),))

    assert reason in answers.reason
    assert 0 == answers.table.size


def test_a_crash_is_a_reason_and_touches_no_other_model(unary):
    """A softmax whose beta is 0, as it is where nothing says so, fails a check of TFLM's that ends its process."""
    softmax, relu = ask(((unary("SOFTMAX", output=(1 / 256, -128), kind="SoftmaxOptions"), "int8"), (unary("RELU"), "int8")))

    assert "TFLM crashes on it (SIGABRT)" == softmax.reason
    assert ("", 256) == (relu.reason, relu.table.size)


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (-signal.SIGALRM, b"", "TFLM is not done with it after 20 s"),
        (4, b"Traceback ...\nKeyError: 'a'\n", "TFLM gives no answer: KeyError: 'a'"),
    ],
)
def test_whatever_ends_a_model_is_a_reason(status, words, reason):
    """A hang, and an error that is none of TFLM's."""
    told = {"status0": np.array(status), "words0": np.frombuffer(words, np.uint8)}

    assert reason == read_answer(told, 0).reason


def test_litert_is_asked_in_the_same_way(unary):
    """RELU is the same there; ELU in int8 it refuses, in its own words."""
    relu, refused = ask(((unary("RELU"), "int8"), (unary("ELU"), "int8")), Reference.LITERT)

    assert np.maximum(np.arange(-128, 128), 0).tolist() == relu.table.tolist()
    assert refused.reason.startswith("LiteRT's reference kernels refuse the model: ")


def test_a_process_that_was_ended_is_told():
    """By the memory killer, say."""
    with pytest.raises(WorkerLost, match=r"ended with code -9; expected 0\. Its last words: none\. Run the stage again"):
        read_answers(subprocess.CompletedProcess([], -9, b"", b""), 1)
