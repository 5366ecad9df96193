"""A .keras archive, read without unpacking it. Knows zip; refuses entries that a model doesn't need, and to believe what an entry says of its size."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfileobj

from emberflow.errors import ModelError
from emberflow.keras_file.content import LARGEST_BYTES
from emberflow.units import show_bytes

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_LARGEST_CONFIG_BYTES = 64 << 20
_MOST_ENTRIES = 1000


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at `path`, its names checked.

    Raises: ModelError: cut short or damaged, a name twice or one that is a path elsewhere, no model in it, or more than a model unpacks to.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(archive.infolist())
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ModelError(f"its zip archive is cut short or damaged: {' '.join(str(error).split())[:200]}; copy or save the model again") from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > _MOST_ENTRIES or len(set(names)) < len(names):
        raise ModelError(f"its zip archive holds {len(names):,} entries, or one of them twice; expected {CONFIG}, {METADATA} and {WEIGHTS}")
    for name in names:
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ModelError(
                f"its zip archive holds {name[:80]!r}, a path out of the archive (CVE-2026-12479); expected {CONFIG}, {METADATA} and {WEIGHTS}"
            )
    if missing := [name for name in (CONFIG, METADATA, WEIGHTS) if name not in names]:
        inside = ", ".join(sorted(names)[:5]) or "nothing"
        raise ModelError(f"is a zip archive that holds {inside} and no {missing[0]}; expected what model.save('model.keras') writes")
    if any(entry.flag_bits & 1 for entry in entries):
        raise ModelError("its zip archive is encrypted; expected what model.save('model.keras') writes")


def read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A short entry as bytes. Raises: ModelError: it is not short."""
    with archive.open(name) as entry:
        data = entry.read(_LARGEST_CONFIG_BYTES + 1)
    if len(data) > _LARGEST_CONFIG_BYTES:
        raise ModelError(f"'{name}' unpacks to more than {show_bytes(_LARGEST_CONFIG_BYTES)}; no model needs that")
    return data


def unpack_weights(archive: zipfile.ZipFile, out: Path) -> None:
    """Write the weights to `out`. Raises: ModelError: they unpack to more than a model needs."""
    if archive.getinfo(WEIGHTS).file_size > LARGEST_BYTES:  # zipfile never reads more than this says
        size = show_bytes(archive.getinfo(WEIGHTS).file_size)
        raise ModelError(f"its weights unpack to {size}; expected at most {show_bytes(LARGEST_BYTES)}")
    with archive.open(WEIGHTS) as entry, out.open("wb") as file:
        copyfileobj(entry, file)


def write(out: Path, config: bytes, metadata: bytes, weights: Path) -> None:
    """An archive of these three and nothing else."""
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(METADATA, metadata)
        archive.writestr(CONFIG, config)
        archive.write(weights, WEIGHTS)
