"""A project's data as it names them: a function's Dataset, or array files. Reads plain arrays; refuses pickles, unless the project trusts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is one

import numpy as np

from emberflow import pickled
from emberflow.dataset import Dataset, from_arrays
from emberflow.entry import call
from emberflow.errors import DataError
from emberflow.project import ArrayFiles, DataFiles, PartFiles, Project
from emberflow.task import TaskKind
from emberflow.units import show_bytes

_UNREADABLE = (ValueError, OSError, EOFError, MemoryError, RuntimeError, BadZipFile, ZlibError, TokenError)
"""What numpy.load and zipfile raise at a file that is missing, cut short or damaged; all of them have been seen."""

_KEYS = ("x", "y", "group")
_UNSUSPICIOUS_BYTES = 256 * 1024**2
_DENSEST = 200
"""By how much deflate packs real samples at most; it packs zeros by a thousand."""


def load_dataset(project: Project, folder: Path) -> object:
    """What the project's data are, not yet checked: from its function, or from its files.

    Raises: ProjectError: the function; DataError: a file.
    """
    if isinstance(project.data, DataFiles):
        return read_files(project.data, folder, needs_y=project.task is not TaskKind.ANOMALY)
    return call(project.data, folder)


def read_files(files: DataFiles, folder: Path, needs_y: bool = True) -> Dataset:
    """The Dataset that `.npz` and `.npy` files hold; `.npy` files are memory-mapped. Without `needs_y` an archive may hold x alone.

    Raises: DataError: a file is missing, corrupt, lacks an array, or holds pickled objects that `files` doesn't trust or that are no numbers.
    """
    named: Mapping[str, PartFiles | None] = {
        "train": files.train,
        "validation": files.validation,
        "test": files.test,
        "calibration": files.calibration,
    }
    reader = _Reader(folder, files.trust_pickles, ("x", "y") if needs_y else ("x",))
    parts = {name: reader.read(name, part) for name, part in named.items() if part is not None}
    return from_arrays(parts, files.labels, files.sampling, files.target_unit)


@dataclass(frozen=True)
class _Reader:
    """How the files in `folder` are read: whether pickles are trusted, and which arrays an archive must hold."""

    folder: Path
    trusts_pickles: bool
    needed: tuple[str, ...]

    def read(self, name: str, part: PartFiles) -> dict[str, Any]:
        if isinstance(part, ArrayFiles):
            named = part.model_dump()
            return {key: self._array(self.folder / named[key]) for key in _KEYS if named[key] is not None}
        with _opened(self.folder / part) as archive:
            if not set(self.needed) <= set(archive.files):
                held = ", ".join(archive.files) or "nothing"
                raise DataError(f"'{part}' ({name}) holds {held}; expected arrays called {' and '.join(self.needed)}")
            return {key: self._member(archive, key, f"'{part}' ({name})") for key in _KEYS if key in archive.files}

    def _array(self, path: Path) -> Any:
        try:
            return np.lib.format.open_memmap(path, mode="r")
        except _UNREADABLE as error:
            if not pickled.is_about_pickles(error):
                raise DataError(f"'{path}' can't be read as an array: {error}; write it with numpy.save, plain arrays only") from error
            if not self.trusts_pickles:
                raise pickled.refusal(f"'{path}'") from error
            return pickled.read_array(path)

    def _member(self, archive: Any, key: str, place: str) -> Any:
        try:
            return archive[key]
        except _UNREADABLE as error:
            if not pickled.is_about_pickles(error):
                raise DataError(f"{place} can't be read: {error}; write it with numpy.savez, plain arrays only") from error
            if not self.trusts_pickles:
                raise pickled.refusal(f"{place}: {key}") from error
            return pickled.read_member(archive, key, f"{place}: {key}")


def _opened(path: Path) -> Any:
    try:
        opened = np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise DataError(f"'{path}' can't be read as arrays: {error}; write it with numpy.savez, plain arrays only") from error
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise DataError(f"'{path}' holds one array without a name; expected arrays called x and y: write it with numpy.savez")
    _refuse_bomb(path, opened)
    return opened


def _refuse_bomb(path: Path, opened: Any) -> None:
    """zipfile never reads more of an entry than it says it unpacks to, so what is said can be believed."""
    entries = [entry for entry in opened.zip.infolist() if entry.filename.removesuffix(".npy") in _KEYS]
    packed, unpacked = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    if unpacked > max(_UNSUSPICIOUS_BYTES, _DENSEST * packed):
        raise DataError(
            f"'{path}' has {show_bytes(packed)} that unpack to {show_bytes(unpacked)}, which no real samples do; expected numbers that differ. If they"
            " are meant, write them with numpy.savez, which doesn't pack them, or as .npy"
        )
