"""Arrays that a file holds as pickled Python objects: read where the user trusts them, and made plain numbers. Knows NumPy's format, and no project."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emberflow.errors import DataError
from emberflow.values import AnyArray

RISK = "reading them runs whatever code the file holds, with your rights"
"""Of pickles: a description of objects is a list of functions to call."""

_SAID = ("Object arrays cannot be loaded", "Python objects in dtype")
"""What NumPy says of them when it isn't to read them, whole or memory-mapped."""

_PLAIN = "fiubUS"


def refusal(place: str) -> DataError:
    """The error to raise where `place` holds pickles and nobody said that they are trusted."""
    return DataError(
        f"{place} holds pickled Python objects, and {RISK}; expected plain numbers: write it with numpy.savez or numpy.save from one array of"
        " numbers; or, if you trust whoever made the file, allow it: `trust_pickles: true` under `data`"
    )


def is_about_pickles(error: Exception) -> bool:
    """Whether `error` is NumPy's refusal to read them."""
    return any(said in str(error) for said in _SAID)


def read_array(path: Path) -> AnyArray:
    """The array of a .npy file, objects in it unpickled. Raises: DataError: it can't be, or they are no numbers of one shape."""
    with path.open("rb") as file:
        return _plain(f"'{path}'", lambda: np.lib.format.read_array(file, allow_pickle=True))


def read_member(archive: Any, key: str, place: str) -> AnyArray:
    """The array called `key` of an open .npz, objects in it unpickled. Raises as `read_array`."""
    with archive.zip.open(f"{key}.npy" if f"{key}.npy" in archive.zip.namelist() else key) as file:
        return _plain(place, lambda: np.lib.format.read_array(file, allow_pickle=True))


def _plain(place: str, read: Callable[[], AnyArray]) -> AnyArray:
    try:
        array = read()
    except Exception as error:
        raise DataError(f"{place} can't be unpickled: {type(error).__name__}: {error}; write it as one array of numbers") from error
    return flatten(array, place) if array.dtype.hasobject else array


def flatten(objects: AnyArray, place: str) -> AnyArray:
    """An array of objects as the array of numbers or names that they are when stacked.

    Raises: DataError: they have different shapes, or are neither numbers nor text.
    """
    try:
        stacked = np.asarray(objects.tolist())
    except ValueError as error:
        raise DataError(f"{place} holds objects of the shapes {_shapes(objects)}; expected one shape for all samples: pad or cut them") from error
    if stacked.dtype.kind not in _PLAIN:
        kinds = ", ".join(sorted({type(each).__name__ for each in objects.reshape(-1)})[:4])
        raise DataError(f"{place} holds objects that are no numbers ({kinds}), of shape {objects.shape}; expected numbers, or arrays of them")
    return stacked


def _shapes(objects: AnyArray) -> str:
    counts = Counter(_told(objects))
    some = ", ".join(f"{shape} ({count:,} times)" for shape, count in counts.most_common(4))
    return f"{some} and {len(counts) - 4} more" if len(counts) > 4 else some


def _told(objects: AnyArray) -> Iterator[str]:
    for each in objects.reshape(-1):
        try:
            yield str(np.shape(each))
        except ValueError:
            yield "a list of lists that differ"
