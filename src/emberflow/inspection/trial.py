"""Real samples for an inspection, from a .npy or .npz. Knows arrays and how many are enough; runs nothing."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emberflow.errors import ProjectError, did_you_mean
from emberflow.values import AnyArray, FloatArray

MOST_SAMPLES = 200
_NAME = "x"


@dataclass(frozen=True, eq=False)
class Trial:
    """x: samples as the model takes them, shape (n, *input_shape), float32. origin: which, in words."""

    x: FloatArray
    origin: str


def read_trial(path: Path) -> Trial:
    """At most MOST_SAMPLES of the samples at `path`, evenly spread; nothing is done to their numbers.

    Args: path: a .npy of shape (n, *input_shape); or an .npz with one array, or with one called `x`.
    Raises: ProjectError: no such file, or it holds something else.
    """
    array = _load(path)
    if array.dtype.kind not in "fiu" or array.ndim < 2 or not array.size:
        raise ProjectError(f"received '{path}' with an array of {array.dtype} and shape {array.shape}; expected numbers of shape (samples, ...)")
    chosen = np.unique(np.linspace(0, len(array) - 1, min(MOST_SAMPLES, len(array))).round().astype(int))
    x = array[chosen].astype(np.float32)
    if not np.isfinite(x).all():
        raise ProjectError(f"received '{path}' with numbers that are not finite; expected none: check the data for missing values")
    return Trial(x, path.name if len(x) == len(array) else f"{path.name}, spread over its {len(array):,}")


def _load(path: Path) -> AnyArray:
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode=None if path.suffix == ".npz" else "r")
        return loaded if isinstance(loaded, np.ndarray) else _of_archive(path, loaded)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, ProjectError):
            raise
        raise ProjectError(f"received '{path}' as data, which can't be read ({error}); expected a .npy or .npz file of numbers") from error


def _of_archive(path: Path, archive: "np.lib.npyio.NpzFile") -> AnyArray:
    with archive:
        name = archive.files[0] if len(archive.files) == 1 else _NAME
        if name not in archive.files:
            raise ProjectError(
                f"received '{path}' with the arrays {', '.join(archive.files) or 'none'}; expected one alone, or one called '{_NAME}'."
                f"{did_you_mean(_NAME, archive.files)}"
            )
        array: AnyArray = archive[name]
        return array
