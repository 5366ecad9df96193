"""LiteRT in a process of its own: answers, refusals and crashes."""

import subprocess

import numpy as np
import pytest
import tflite

from emberflow.errors import DataError, GraphError, WorkerLost
from emberflow.inspection import Subject, Trial, inspect_model
from emberflow.inspection.apart import Answer, ask, read_answer
from emberflow.inspection.noise import measure


def test_the_answer_is_what_was_measured(case):
    """As in this process."""
    healthy = case("healthy")
    strayed = measure(healthy.quantized, healthy.real, {"": healthy.x[:8]})

    assert Answer(noise=strayed.noise, unmatched=strayed.unmatched, samples=8) == ask(healthy.quantized, healthy.real, {"": healthy.x[:8]})


def test_without_samples_a_model_is_only_opened(models):
    """A custom operator is refused."""
    step = models.OperatorSpec(tflite.BuiltinOperator.CUSTOM, (0,), (1,), custom="Mine")
    tensors = tuple(models.TensorSpec(name, scales=(1.0,), zero_points=(0,)) for name in "xy")

    assert Answer() == ask(models.small_tflite())
    assert ask(models.write_tflite(tensors, (step,))).refusal.startswith("LiteRT refuses the model: ")


def test_samples_that_don_t_fit_are_told(models):
    """With both shapes."""
    with pytest.raises(DataError, match=r"received samples of shape \(7,\); the model takes \(6, 6, 2\)"):
        ask(models.small_tflite(), samples={"": np.ones((2, 7), np.float32)})


def test_what_litert_s_python_can_t_read_is_a_refusal(models):
    """A name that is no text, which the reader of graphs lets pass."""
    data = models.small_tflite().replace(b"input", b"\xff\xfenpu", 1)

    assert ask(data, samples={"": np.ones((1, 6, 6, 2), np.float32)}).refusal.startswith(
        "LiteRT can't read the model: 'utf-8' codec can't decode byte 0xff"
    )


def test_a_crash_of_native_code_is_a_refusal():
    """By its signal."""
    crashed = subprocess.CompletedProcess([], -6, b"", b"")

    assert "LiteRT crashes on this model (SIGABRT); convert it again" == read_answer(crashed).refusal


def test_a_process_that_was_ended_is_told():
    """With its last words."""
    with pytest.raises(WorkerLost, match=r"the process that runs LiteRT ended with code -9; its last words: all is lost\. Try again"):
        read_answer(subprocess.CompletedProcess([], -9, b"", b"first\nall is lost\n"))
    with pytest.raises(WorkerLost, match="its last words: none"):
        read_answer(subprocess.CompletedProcess([], -9, b"", b""))


@pytest.mark.parametrize("number", [38, 122, 125, 212])
def test_a_hostile_model_is_refused_in_one_line(number):
    """Mutants of real models with which LiteRT ends its process, or whose names and indices its Python can't read."""
    from tests.fuzz.mutants import mutant

    model = mutant(number).data
    with pytest.raises(GraphError) as caught:
        inspect_model(Subject("m", model, "a mutant"), Trial.of(np.zeros((1, 6, 6, 2), np.float32), "zeros"))
    assert 0 < len(str(caught.value).splitlines()) <= 1
