"""LiteRT asked in a process of its own, because with hostile models it ends its process. Starts it and reads its answer; measures nothing."""

import io
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from emberflow.errors import DataError, WorkerLost
from emberflow.inspection.findings import TensorNoise
from emberflow.values import FloatArray, Value

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_LIMIT_SECONDS = 1800


class Answer(Value):
    """What LiteRT said of a model: why it doesn't run it, "" when it does; and what was measured, where there were samples."""

    refusal: str = ""
    noise: tuple[TensorNoise, ...] = Field(default=(), description="worst first")
    unmatched: tuple[str, ...] = ()
    samples: int = Field(default=0, description="how many were run")
    wrong: str = Field(default="", description="what is wrong with the samples")


def ask(model: bytes, twin: bytes | None = None, samples: Mapping[str, FloatArray] | None = None) -> Answer:
    """Open `model`; with samples, arrays by name, run it beside its float `twin`, as `noise.measure` does.

    Raises: DataError: samples of another shape, or of other inputs. WorkerLost: the process was ended from outside.
    """
    arrays: dict[str, Any] = {"model": np.frombuffer(model, np.uint8)}
    if twin is not None:
        arrays["twin"] = np.frombuffer(twin, np.uint8)
    if samples is not None:
        arrays["names"] = np.frombuffer(json.dumps(list(samples)).encode(), np.uint8)
        arrays |= {f"x{position}": array for position, array in enumerate(samples.values())}
    request = io.BytesIO()
    np.savez(request, **arrays)
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.inspection.noise_process"]
    ended = subprocess.run(command, input=request.getvalue(), capture_output=True, check=False, timeout=_LIMIT_SECONDS)  # noqa: S603  our own module
    return read_answer(ended)


def read_answer(ended: "subprocess.CompletedProcess[bytes]") -> Answer:
    """What the process found. A crash of native code is an answer, too. Raises: as `ask`."""
    if -ended.returncode in _CRASHES:
        return Answer(refusal=f"LiteRT crashes on this model ({signal.Signals(-ended.returncode).name}); convert it again")
    if ended.returncode:
        words = ended.stderr.decode(errors="replace").strip().splitlines() or ["none"]
        raise WorkerLost(
            f"the process that runs LiteRT ended with code {ended.returncode}; its last words: {words[-1]}. Try again with fewer samples"
        )
    said = Answer(**json.loads(ended.stdout))
    if said.wrong:
        raise DataError(said.wrong)
    return said
