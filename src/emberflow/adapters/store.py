"""The artifact store: blobs by their content, in a folder. Knows files; refuses to know what a blob means."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emberflow.artifact import Artifact, Kind, describe
from emberflow.errors import BundleError, EmberflowError, StoreError, WorkerLost
from emberflow.units import show_bytes

_ROOM_BYTES = 64 * 1024**2
_FULL_BYTES = 1024**2  # what is left when a file didn't fit: less than a block, or what others freed meanwhile


@dataclass(frozen=True)
class Store:
    """A folder of blobs, each under the SHA-256 of its bytes; written whole or not at all."""

    root: Path

    def path(self, artifact: Artifact) -> Path:
        """Where the bytes of `artifact` lie.

        Raises: StoreError: the blob is gone.
        """
        place = self._place(artifact)
        if not place.is_file():
            raise StoreError(f"the blob {artifact.sha256[:12]} ({artifact.kind}) is not in '{self.root}'; run again, and it is made anew")
        return place

    def has(self, artifact: Artifact) -> bool:
        """Whether the blob is there, with the size that it should have."""
        place = self._place(artifact)
        return place.is_file() and place.stat().st_size == artifact.size_bytes

    def put(self, file: Path, kind: Kind) -> Artifact:
        """Take `file` in: it is moved, so it must lie on the same disk, as in a `workplace`. The same bytes twice are one blob.

        Raises: StoreError: no space, or no right to write.
        """
        artifact = describe(file, kind)
        place = self._place(artifact)
        if self.has(artifact):
            file.unlink()
            return artifact
        with telling_of_disk(self.root):
            place.parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(file, place)
        return artifact

    def check_room(self) -> None:
        """Raises: StoreError: less than 64 MiB are free where the store is, or is going to be."""
        free = _free_bytes(self.root)
        if free < _ROOM_BYTES:
            raise StoreError(
                f"only {show_bytes(free)} are free at '{self.root}'; expected at least {show_bytes(_ROOM_BYTES)}:"
                f" free {show_bytes(_ROOM_BYTES - free)} or more, then run again"
            )

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder beside the blobs, gone afterwards: what is made there and put into the store is moved, not copied.

        Raises: StoreError: less than 64 MiB free, or no right to write.
        """
        with telling_of_disk(self.root):
            base = self.root / "unfinished"
            base.mkdir(parents=True, exist_ok=True)
            self.check_room()
            folder = Path(tempfile.mkdtemp(dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _place(self, artifact: Artifact) -> Path:
        return self.root / artifact.sha256[:2] / f"{artifact.sha256}.{artifact.kind}"


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
