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
from emberflow.errors import StoreError
from emberflow.units import show_bytes

_ROOM_BYTES = 64 * 1024**2


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

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder beside the blobs, gone afterwards: what is made there and put into the store is moved, not copied.

        Raises: StoreError: less than 64 MiB free, or no right to write.
        """
        with telling_of_disk(self.root):
            base = self.root / "unfinished"
            base.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(base).free
            if free < _ROOM_BYTES:
                raise StoreError(
                    f"only {show_bytes(free)} are free at '{self.root}'; expected at least {show_bytes(_ROOM_BYTES)}: free some space, then run again"
                )
            folder = Path(tempfile.mkdtemp(dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _place(self, artifact: Artifact) -> Path:
        return self.root / artifact.sha256[:2] / f"{artifact.sha256}.{artifact.kind}"


@contextmanager
def telling_of_disk(root: Path) -> Iterator[None]:
    """Turn the operating system's word on a full or closed disk into a StoreError that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StoreError(f"no space left at '{root}'; free some, then run again: what was finished is kept") from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise StoreError(f"can't write to '{root}': {error.strerror}; give --home a folder that you may write to") from error
        raise
