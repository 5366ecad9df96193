"""A process of its own for libhdf5: a file in, the same groups, numbers and texts out as a new file. Run by `hdf5.py`; knows no model."""

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from emberflow.errors import ModelError
from emberflow.keras_file.content import LARGEST_BYTES
from emberflow.keras_file.hdf5 import AGAIN, REFUSED
from emberflow.units import show_bytes

_DEEPEST = 40
_FILTERS = {1, 2, 3, 6, 32000}
"""deflate, shuffle, checksum, scale-offset, LZF: what h5py decodes by itself. Any other is a plug-in that HDF5 would look for and load."""

_LEFT_OUT = ("optimizer_weights",)
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, OverflowError, NotImplementedError, IndexError)
"""What h5py makes of libhdf5's complaints; all of them have been seen."""


def copy(source: Path, out: Path) -> int:
    """Write what `source` holds to `out`. Returns: how many numbers that is.

    Raises: ModelError: the file is damaged, reaches outside of itself, holds objects, or unpacks to more than a model needs.
    """
    try:
        with h5py.File(source) as file, h5py.File(out, "w") as copied:
            return _copy_groups(file, copied)
    except _DAMAGED as error:
        raise ModelError(f"its HDF5 data are cut short or damaged: {' '.join(str(error).split())[:200]}; {AGAIN}") from error


def _copy_groups(file: Any, copied: Any) -> int:
    values = unpacked_bytes = 0
    _copy_texts(file, copied)
    for path, item in _items(file, "", set(), 0):
        if isinstance(item, h5py.Group):
            _copy_texts(item, copied.create_group(path))
            continue
        _check(path, item)
        values += int(item.size or 0)
        unpacked_bytes += int(item.size or 0) * int(item.dtype.itemsize)
        if unpacked_bytes > LARGEST_BYTES:
            raise ModelError(
                f"'{path}' brings the weights to {show_bytes(unpacked_bytes)} (CVE-2026-0897); expected at most {show_bytes(LARGEST_BYTES)}"
            )
        _copy_texts(item, copied.create_dataset(path, data=item[()]))
    return values


def _items(group: Any, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    """All groups and data sets, a group before what is in it; one that is in several groups is given once."""
    if depth > _DEEPEST:
        raise ModelError(f"its groups are nested deeper than {_DEEPEST}; no model needs that")
    for name in group:
        place = f"{path}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ModelError(f"'{place}' is a link to somewhere else (CVE-2026-1669); expected data in the file itself")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen or place.strip("/") in _LEFT_OUT:
            continue
        seen.add(address)
        yield place, item
        if isinstance(item, h5py.Group):
            yield from _items(item, place, seen, depth + 1)


def _check(path: str, data: Any) -> None:
    if not isinstance(data, h5py.Dataset):
        raise ModelError(f"'{path}' holds a {type(data).__name__}; expected numbers")
    if data.external:
        raise ModelError(f"the numbers of '{path}' lie in another file, {data.external[0][0]!r} (CVE-2026-1669); expected them in the file itself")
    if data.is_virtual:
        raise ModelError(f"the numbers of '{path}' are put together from other files (CVE-2026-12480); expected them in the file itself")
    if data.dtype.kind not in "fiubV" or data.dtype.hasobject:
        raise ModelError(f"'{path}' holds {data.dtype}; expected numbers")
    settings = data.id.get_create_plist()
    for number in range(settings.get_nfilters()):
        if settings.get_filter(number)[0] not in _FILTERS:
            raise ModelError(f"'{path}' is packed by filter {settings.get_filter(number)[0]}, which is a plug-in; expected deflate, LZF or none")


def _copy_texts(item: Any, copied: Any) -> None:
    """Attributes: names of layers and weights, the configuration, versions."""
    for name, value in item.attrs.items():
        dtype = h5py.string_dtype() if getattr(getattr(value, "dtype", None), "hasobject", False) else None
        copied.attrs.create(name, value, dtype=dtype)


def _limit(kind: int, most: int) -> None:
    """Never above what this machine's administrator allows."""
    allowed = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if allowed == resource.RLIM_INFINITY else min(most, allowed), allowed))


def main(source: Path, out: Path, cpu_seconds: int) -> int:
    """Copy within limits of time and memory; tell on stdout how many numbers there are, or why the file is refused."""
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, cpu_seconds), (resource.RLIMIT_AS, 8 * LARGEST_BYTES)):
        _limit(kind, most)
    try:
        values = copy(source, out)
    except ModelError as error:
        sys.stdout.write(json.dumps({"refused": str(error)}))
        return REFUSED
    sys.stdout.write(json.dumps({"values": values}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
