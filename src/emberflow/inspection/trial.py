"""Real samples for an inspection, from a .npy or .npz. Knows arrays, whose they are, and how many are enough; runs nothing."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from emberflow.errors import DataError, ProjectError, did_you_mean
from emberflow.firmware.literals import border_words
from emberflow.pickled import is_about_pickles
from emberflow.values import AnyArray, FloatArray

MOST_SAMPLES = 200
NAMELESS = ""
"""The name of the one array of a .npy."""

_ALONE = "x"


@dataclass(frozen=True, eq=False)
class Trial:
    """arrays: samples by their names in the file, shape (n, *input_shape) each, float32. origin: which, in words."""

    arrays: Mapping[str, FloatArray]
    origin: str

    @classmethod
    def of(cls, x: FloatArray, origin: str) -> "Trial":
        """Samples of a model's one input."""
        return cls({NAMELESS: x}, origin)


def read_trial(path: Path) -> Trial:
    """At most MOST_SAMPLES of the samples at `path`, evenly spread; nothing is done to their numbers.

    Args: path: a .npy of shape (n, *input_shape); or an .npz, of which only arrays of numbers count.
    Raises: ProjectError: no such file, or it holds something else.
    """
    found = _load(path)
    if isinstance(found, np.ndarray) and not _are_samples(found):
        raise ProjectError(f"received '{path}' with an array of {found.dtype} and shape {found.shape}; expected numbers of shape (samples, ...)")
    held = {NAMELESS: found} if isinstance(found, np.ndarray) else {name: array for name, array in found.items() if _are_samples(array)}
    if not held:
        names = ", ".join(found) or "none"
        raise ProjectError(
            f"received '{path}' with the arrays {names}; expected numbers of shape (samples, ...), an array for each input of the model"
        )
    arrays = {name: array[_spread(len(array))].astype(np.float32) for name, array in held.items()}
    longest = max(len(array) for array in held.values())
    return Trial(arrays, path.name if longest <= MOST_SAMPLES else f"{path.name}, spread over its {longest:,}")


def _are_samples(array: AnyArray) -> bool:
    return array.dtype.kind in "fiu" and array.ndim >= 2 and array.size > 0


def _spread(count: int) -> AnyArray:
    return np.unique(np.linspace(0, count - 1, min(MOST_SAMPLES, count)).round().astype(int))


def _load(path: Path) -> "AnyArray | dict[str, AnyArray]":
    try:
        loaded = np.load(path, allow_pickle=False, mmap_mode=None if path.suffix == ".npz" else "r")
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            return dict(_plain(loaded))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ProjectError(f"received '{path}' as data, which can't be read ({error}); expected a .npy or .npz file of numbers") from error


def _plain(archive: NpzFile) -> Iterator[tuple[str, AnyArray]]:
    """What isn't pickled: that is never opened, and no sample."""
    for name in archive.files:
        try:
            yield name, archive[name]
        except ValueError as error:
            if not is_about_pickles(error):
                raise


def choose(arrays: Mapping[str, FloatArray], names: Sequence[str]) -> tuple[FloatArray, ...]:
    """The samples of each of a model's inputs, which have these `names`, in their order.

    Of one input: the array that has its name or is called `x`, or the only one. Of several: those that have their names, or are called `input0`,
    `input1` and so on in the model's order.
    Raises: DataError: an input has none, they are not as many for each, or not finite.
    """
    chosen = tuple(_of_one(arrays, names[0]) if len(names) == 1 else _of_several(arrays, names))
    if len({len(array) for array in chosen}) > 1:
        counts = ", ".join(f"{name}: {len(array)}" for name, array in zip(names, chosen, strict=True))
        raise DataError(f"received other numbers of samples for each input ({counts}); expected as many of each")
    if not all(np.isfinite(array).all() for array in chosen):
        raise DataError("received samples with numbers that are not finite; expected none: check the data for missing values")
    return chosen


def _of_one(arrays: Mapping[str, FloatArray], name: str) -> Iterator[FloatArray]:
    key = next((key for key in (name, _ALONE) if key in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
    if key is None:
        raise DataError(
            f"received samples with the arrays {', '.join(arrays)}; expected one alone, or one called '{_ALONE}' or '{name}'.{did_you_mean(name, arrays)}"
        )
    yield arrays[key]


def _of_several(arrays: Mapping[str, FloatArray], names: Sequence[str]) -> Iterator[FloatArray]:
    words = names if set(names) <= arrays.keys() else border_words("input", len(names))
    if not set(words) <= arrays.keys():
        held = "one array without a name" if NAMELESS in arrays else f"the arrays {', '.join(arrays)}"
        hints = "".join(did_you_mean(name, arrays) for name in names if name not in arrays)
        raise DataError(
            f"received samples with {held}; the model has {len(names)} inputs: expected an .npz with an array for each, called {', '.join(names)}, or"
            f" {', '.join(border_words('input', len(names)))} in this order.{hints}"
        )
    yield from (arrays[word] for word in words)
