"""Feeds: arrays for the inputs of a model, by name, from a file. Knows arrays and what inputs ask for; runs nothing, and reads no pickles."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from emberflow.errors import ProjectError, did_you_mean
from emberflow.saved_model import Tensor
from emberflow.values import AnyArray


def read_feeds(path: Path, inputs: Sequence[Tensor]) -> dict[str, AnyArray]:
    """The samples in `path`, shape (n, ...) for each of `inputs`: a .npy for a model of one, a .npz with their names for one of several.

    Raises: ProjectError: no such file, pickles in it, names that are missing or unknown, shapes or numbers that an input doesn't take.
    """
    arrays = _load(path)
    names = [tensor.name for tensor in inputs]
    if len(inputs) == 1 and len(arrays) == 1:
        arrays = dict(zip(names, arrays.values(), strict=True))
    if set(arrays) != set(names):
        hints = "".join(did_you_mean(name, names) for name in arrays if name not in names)
        raise ProjectError(f"received '{path}' with {', '.join(arrays) or 'nothing'}; expected an array for each input: {', '.join(names)}.{hints}")
    feeds = {tensor.name: _fitting(arrays[tensor.name], tensor, path) for tensor in inputs}
    if len({len(feed) for feed in feeds.values()}) > 1:
        counts = ", ".join(f"{name}: {len(feed)}" for name, feed in feeds.items())
        raise ProjectError(f"received '{path}' with different numbers of samples ({counts}); expected as many for each input")
    return feeds


def _load(path: Path) -> dict[str, AnyArray]:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return {"an array without a name": found}
        with found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise ProjectError(f"received '{path}' as data, which can't be read ({error}); expected a .npy or .npz of plain numbers") from error


def _fitting(array: AnyArray, tensor: Tensor, path: Path) -> AnyArray:
    """`array` in the type of `tensor`; whole numbers may become float, not the other way round."""
    given, wanted = array.dtype, np.dtype(tensor.dtype)
    if given.kind not in ("fiu" if wanted.kind == "f" else "iu"):
        raise ProjectError(f"received '{path}' with {given} for the input {tensor}; expected numbers that become {wanted} as they are")
    sizes = tensor.shape or ()
    fits = len(sizes) == array.ndim and all(size in (None, held) for size, held in zip(sizes[1:], array.shape[1:], strict=True))
    if not fits or not len(array):
        raise ProjectError(
            f"received '{path}' with shape {array.shape} for the input {tensor}; expected samples (n, ...) of that shape, at least one"
        )
    if not np.isfinite(array).all():
        raise ProjectError(f"received '{path}' with numbers that are not finite; expected none: check the data for missing values")
    return array.astype(wanted)
