"""Room on a disk: looked for before it is needed, and its lack told in words. Knows the operating system's; refuses to know what is written."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emberflow.errors import BundleError, EmberflowError, StoreError, WorkerLost
from emberflow.units import show_bytes

_ROOM_BYTES = 64 * 1024**2
_FULL_BYTES = 1024**2  # what is left when a file didn't fit: less than a block, or what others freed meanwhile


def check_room(root: Path) -> None:
    """Raises: StoreError: less than 64 MiB are free where `root` is, or is going to be."""
    free = _free_bytes(root)
    if free < _ROOM_BYTES:
        raise StoreError(
            f"only {show_bytes(free)} are free at '{root}'; expected at least {show_bytes(_ROOM_BYTES)}:"
            f" free {show_bytes(_ROOM_BYTES - free)} or more, then run again"
        )


@contextmanager
def telling_of_disk(root: Path) -> Iterator[None]:
    """Turn the operating system's word on a full or closed disk into a StoreError that says where and what to do.

    A stage may have met the full disk in a library that says something else, or nothing and dies: then its own words are added.
    """
    try:
        yield
    except (BundleError, WorkerLost) as error:
        if is_full(root):
            raise no_space(root, str(error)) from error
        raise
    except EmberflowError as error:
        if type(error) is EmberflowError and is_full(root):  # what a stage raised that is none of ours
            raise no_space(root, str(error)) from error
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space(root) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise StoreError(f"can't write to '{root}': {error.strerror}; give --home a folder that you may write to") from error
        raise


def no_space(root: Path, said: str = "") -> StoreError:
    """The error of a full disk: where, how much is missing, what to do, and what the one who met it `said`."""
    free = _free_bytes(root)
    missing = f" ({show_bytes(_ROOM_BYTES - free)} less than the {show_bytes(_ROOM_BYTES)} that a run needs at least)" if free < _ROOM_BYTES else ""
    told = f". It was met as: {said}" if said else ""
    return StoreError(f"no space left at '{root}'{missing}; free some, then run again: what was finished is kept{told}")


def is_full(root: Path) -> bool:
    """Whether next to nothing can be written at `root`."""
    return _free_bytes(root) < _FULL_BYTES


def _free_bytes(root: Path) -> int:
    return shutil.disk_usage(next(path for path in (root, *root.absolute().parents) if path.exists())).free
