"""A project's data as it names them: a function's Dataset, or array files. Reads plain arrays only; refuses pickles."""

from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is one

import numpy as np

from emberflow.dataset import Dataset, from_arrays
from emberflow.entry import call
from emberflow.errors import DataError
from emberflow.project import ArrayFiles, DataFiles, PartFiles, Project
from emberflow.task import TaskKind

_UNREADABLE = (ValueError, OSError, EOFError, MemoryError, RuntimeError, BadZipFile, ZlibError, TokenError)
"""What numpy.load and zipfile raise at a file that is missing, cut short or damaged; all of them have been seen."""


def load_dataset(project: Project, folder: Path) -> object:
    """What the project's data are, not yet checked: from its function, or from its files.

    Raises: ProjectError: the function; DataError: a file.
    """
    if isinstance(project.data, DataFiles):
        return read_files(project.data, folder, needs_y=project.task is not TaskKind.ANOMALY)
    return call(project.data, folder)


def read_files(files: DataFiles, folder: Path, needs_y: bool = True) -> Dataset:
    """The Dataset that `.npz` and `.npy` files hold; `.npy` files are memory-mapped. Without `needs_y` an archive may hold x alone.

    Raises: DataError: a file is missing, corrupt, holds pickled objects, or lacks an array.
    """
    named: Mapping[str, PartFiles | None] = {
        "train": files.train,
        "validation": files.validation,
        "test": files.test,
        "calibration": files.calibration,
    }
    parts = {name: _read_part(name, part, folder, needs_y) for name, part in named.items() if part is not None}
    return from_arrays(parts, files.labels, files.sampling, files.target_unit)


def _read_part(name: str, part: PartFiles, folder: Path, needs_y: bool) -> dict[str, Any]:
    if isinstance(part, ArrayFiles):
        return {key: _read_array(folder / path) for key, path in part.model_dump().items() if path is not None}
    with _opened(folder / part) as archive:
        needed = ("x", "y") if needs_y else ("x",)
        if not set(needed) <= set(archive.files):
            raise DataError(f"'{part}' ({name}) holds {', '.join(archive.files) or 'nothing'}; expected arrays called {' and '.join(needed)}")
        try:
            return {key: archive[key] for key in ("x", "y", "group") if key in archive.files}
        except _UNREADABLE as error:
            raise DataError(f"'{part}' ({name}) can't be read: {error}; write it with numpy.savez, plain arrays only") from error


def _read_array(path: Path) -> Any:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except _UNREADABLE as error:
        raise DataError(f"'{path}' can't be read as an array: {error}; write it with numpy.save, plain arrays only") from error


def _opened(path: Path) -> Any:
    try:
        opened = np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise DataError(f"'{path}' can't be read as arrays: {error}; write it with numpy.savez, plain arrays only") from error
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise DataError(f"'{path}' holds one array without a name; expected arrays called x and y: write it with numpy.savez")
    return opened
