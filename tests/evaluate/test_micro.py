import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from emberflow.errors import DataError, GraphError, WorkerLost
from emberflow.evaluate import litert, micro
from emberflow.evaluate.litert import Kernels

Models = Callable[[str], bytes]


@pytest.mark.parametrize("name", ["conv-float32", "conv-int8", "conv-int16x8", "lstm-float32"])
def test_what_tflm_runs(tflite: Models, signals: np.ndarray, name: str) -> None:
    """Outputs come raw, in the type LiteRT gives, and vary from sample to sample."""
    verdict, outputs = micro.trial(tflite(name), signals)

    expected = litert.run(tflite(name), signals, Kernels.REFERENCE)
    assert (verdict.runs, verdict.reason) == (True, "")
    assert outputs is not None
    assert (outputs.dtype, outputs.shape) == (expected.dtype, expected.shape)
    assert len(np.unique(outputs, axis=0)) > len(signals) / 2


def test_int8_equals_litert_reference_kernels(tflite: Models, signals: np.ndarray) -> None:
    """Byte for byte on a small convolution: two implementations of one specification."""
    assert np.array_equal(micro.run(tflite("conv-int8"), signals), litert.run(tflite("conv-int8"), signals, Kernels.REFERENCE))


def test_a_sample_does_not_depend_on_those_before(tflite: Models, signals: np.ndarray) -> None:
    """An LSTM's state is wiped between samples."""
    backwards = micro.run(tflite("lstm-float32"), signals[::-1])[::-1]

    assert np.array_equal(micro.run(tflite("lstm-float32"), signals), backwards)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wide-dynamic", "TFLM doesn't run hybrid models (float activations with int8 weights, which the dynamic format makes); try int8"),
        ("wide-float16", "TFLM can't unpack float16 weights; try int8, or float32 where flash allows"),
        ("atan2-float32", "TFLM has no kernel for ATAN2; replace the layer that becomes it"),
        ("erf-float32", "TFLM has no kernel for a custom operator; build the layer from built-in operators"),
    ],
)
def test_what_tflm_refuses(tflite: Models, capfd: pytest.CaptureFixture[str], name: str, reason: str) -> None:
    """With the reason in words of a user, and nothing of it on the terminal."""
    verdict = micro.examine(tflite(name))

    assert (verdict.runs, verdict.reason, verdict.arena_bytes) == (False, reason, None)
    assert "CUSTOM" not in capfd.readouterr().err


def test_running_what_tflm_refuses_is_an_error(tflite: Models) -> None:
    """With the same reason."""
    with pytest.raises(GraphError, match="asked to run a model that it can't run: TFLM doesn't run hybrid models"):
        micro.run(tflite("wide-dynamic"), np.zeros((1, 64), np.float32))


def test_examining_needs_no_samples(tflite: Models, signals: np.ndarray) -> None:
    """The verdict is that of a trial."""
    assert micro.examine(tflite("conv-int8")) == micro.trial(tflite("conv-int8"), signals)[0]


@pytest.mark.parametrize(
    ("complaint", "reason"),
    [
        (
            "\nconv_common.cc Hybrid models are not supported on TFLite Micro.\n",
            "TFLM doesn't run hybrid models (float activations with int8 weights, which the dynamic format makes); try int8",
        ),
        (
            "Failed to resize buffer. Requested: 8192, available 7608, missing: 584",
            "the model needs an arena of more than 256 MiB; try a shorter window or fewer filters",
        ),
        ("\n  Something new.\nNode ABS failed\n", "TFLM refuses the model: Something new."),
        ("", "TFLM refuses the model: no reason given"),
    ],
    ids=["hybrid", "arena", "unknown", "silent"],
)
def test_complaints_are_explained(complaint: str, reason: str) -> None:
    """The known ones in our words, others in TFLM's own."""
    assert micro.explain(complaint) == reason


def test_a_crash_is_a_verdict() -> None:
    """A model that ends TFLM's process with a signal doesn't run there; the pipeline goes on."""
    verdict, outputs = micro.read_answer(subprocess.CompletedProcess([], -11, b"", b""))

    assert (verdict.runs, outputs) == (False, None)
    assert verdict.reason == "TFLM crashes on this model (SIGSEGV); try another format or a simpler layer"


@pytest.mark.parametrize("code", [-9, 1])
def test_a_process_ended_from_outside_is_no_verdict(code: int) -> None:
    """Killed for memory, say: the same call may succeed later."""
    with pytest.raises(WorkerLost, match=f"ended with code {code}; expected 0 or 3. Its last words: MemoryError"):
        micro.read_answer(subprocess.CompletedProcess([], code, b"", b"Traceback\nMemoryError\n"))


def test_bytes_that_are_no_model_are_refused() -> None:
    """Before TFLM sees them: it doesn't check what it reads."""
    with pytest.raises(GraphError, match=r"expected a whole \.tflite"):
        micro.examine(b"TFL3" * 10)


def test_samples_of_another_shape_are_refused(tflite: Models) -> None:
    """The message states both shapes."""
    with pytest.raises(DataError, match=r"received samples of shape \(3,\); the model takes \(16, 3\)"):
        micro.run(tflite("conv-int8"), np.zeros((2, 3), np.float32))
