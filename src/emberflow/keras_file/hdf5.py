"""An HDF5 file from a stranger, written anew by a process of its own: libhdf5 may crash, or never come back, on a damaged file. Says what came of it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from emberflow.errors import ModelError

CPU_SECONDS = 20
"""That the process may take for a small file; a second more for each 16 MiB."""

_BYTES_A_SECOND = 16 << 20
_MOST_WALL_SECONDS = 1800
REFUSED = 3
AGAIN = "copy or save the model again"


def rewrite(source: Path, out: Path) -> int:
    """Write the groups, numbers and texts of the file at `source` to `out`, and nothing else of it.

    Returns: how many numbers there are.
    Raises: ModelError: damaged, or more than numbers and texts in it, by name; or libhdf5 crashed on it or took too long.
    """
    seconds = CPU_SECONDS + source.stat().st_size // _BYTES_A_SECOND
    # -P: a folder of the user's that is called numpy, say, isn't imported
    command = [sys.executable, "-P", "-m", "emberflow.keras_file.hdf5_process", str(source), str(out), str(seconds)]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_MOST_WALL_SECONDS)  # noqa: S603  our own module
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"its HDF5 data took longer than {_MOST_WALL_SECONDS} s to read; {AGAIN}") from error
    if ended.returncode == 0:
        return int(json.loads(ended.stdout)["values"])
    if ended.returncode == REFUSED:
        raise ModelError(json.loads(ended.stdout)["refused"])
    raise ModelError(f"its HDF5 data are damaged: reading them {_way(ended, seconds)}; {AGAIN}")


def _way(ended: subprocess.CompletedProcess[str], seconds: int) -> str:
    if ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"did not end within {seconds} s of computing"
    if ended.returncode < 0:
        return f"crashed libhdf5 ({signal.Signals(-ended.returncode).name})"
    return f"ended with code {ended.returncode} ({ended.stderr.strip()[-200:] or 'it said nothing'})"
