"""The generated C on this machine: built as a library, run in a process of its own, for thousands of samples a second. Compares nothing."""

import io
import signal
import subprocess
import sys
from collections.abc import Mapping

import numpy as np

from emberflow.adapters.toolchain import Toolchain
from emberflow.errors import ChipError
from emberflow.evaluate.micro import SAMPLES_AT_ONCE
from emberflow.values import AnyArray, Arrays
from emberflow.view import Inputs, pieces_of_all


def run_on_host(toolchain: Toolchain, sources: Mapping[str, bytes], function: str, codes: Inputs, output_bytes: tuple[int, ...]) -> Arrays:
    """Outputs as bytes, shape (n, bytes) and uint8 each, of `codes`, inputs of shape (n, ...) as `function` takes them.

    Raises: ToolchainError: no compiler, or it refuses a source. ChipError: the code crashed.
    """
    words = {"library": np.array(str(toolchain.build_for_host(sources))), "function": np.array(function), "output_bytes": np.array(output_bytes)}
    answers = [_ask(function, words, some) for some in pieces_of_all(codes, SAMPLES_AT_ONCE)]
    return tuple(np.concatenate([answer[f"outputs{position}"] for answer in answers]) for position in range(len(output_bytes)))


def _ask(function: str, words: Mapping[str, AnyArray], codes: Arrays) -> Mapping[str, AnyArray]:
    request = io.BytesIO()
    np.savez(request, allow_pickle=False, **words, **{f"codes{position}": each for position, each in enumerate(codes)})
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.adapters.native_process"]
    ended = subprocess.run(command, input=request.getvalue(), capture_output=True, check=False)  # noqa: S603  our own module
    if ended.returncode:
        raise ChipError(f"{function}, built for this machine, ended with {_way(ended)}; expected outputs: the generated C is wrong", function)
    with np.load(io.BytesIO(ended.stdout)) as answer:
        return {name: answer[name] for name in answer.files}


def _way(ended: subprocess.CompletedProcess[bytes]) -> str:
    if ended.returncode < 0:
        return signal.Signals(-ended.returncode).name
    return f"code {ended.returncode} ({ended.stderr.decode(errors='replace').strip()[-200:] or 'it said nothing'})"
