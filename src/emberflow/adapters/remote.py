"""Where a team keeps blobs and results: an address that fsspec reaches, such as `s3://bucket/prefix`. Knows names below it; refuses to know what a blob means.

<address>/ab/abcd...ef.tflite     a blob, as in the folder of a store
<address>/results/<key>           the small result of a stage, which names blobs
<address>/altered/...             blobs that were not what their digest says
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from emberflow.adapters.address import check_address, failures
from emberflow.artifact import Artifact
from emberflow.errors import RemoteError


@dataclass(frozen=True)
class Remote:
    """One address; small and frozen.

    Raises: every method: RemoteError: it doesn't answer, or refuses; the same call may succeed later.
    """

    address: str

    def check(self) -> None:
        """Raises: ProjectError: it is no address, or needs a package that is missing."""
        check_address(self.address, "store")

    def has(self, artifact: Artifact) -> bool:
        """Whether the blob is there, with the size that it should have."""
        with self._answering() as (fs, root), suppress(FileNotFoundError):
            return bool(fs.info(f"{root}/{place_of(artifact)}")["size"] == artifact.size_bytes)
        return False

    def put(self, file: Path, artifact: Artifact) -> None:
        """Bring a blob there, unless it is there already."""
        if not self.has(artifact):
            self._send(file, place_of(artifact))

    def get(self, artifact: Artifact, file: Path) -> bool:
        """Fetch a blob as `file`, unchecked; whether there is one."""
        return self._fetch(place_of(artifact), file)

    def set_aside(self, artifact: Artifact) -> str:
        """Move a blob out of the way. Where to."""
        aside = f"altered/{artifact.name}"
        with self._answering() as (fs, root), suppress(FileNotFoundError):  # somebody else was faster
            _make_room_for(fs, f"{root}/{aside}")
            fs.mv(f"{root}/{place_of(artifact)}", f"{root}/{aside}")
        return f"{self.address}/{aside}"

    def put_result(self, result: Path) -> None:
        """Bring a stage's result there."""
        self._send(result, f"results/{result.name}")

    def get_result(self, result: Path) -> bool:
        """Fetch a stage's result; whether there is one."""
        return self._fetch(f"results/{result.name}", result)

    def _send(self, file: Path, name: str) -> None:
        """On a shared disk under another name first: there too a file appears whole, as it does in S3."""
        with self._answering() as (fs, root):
            goal = f"{root}/{name}"
            _make_room_for(fs, goal)
            if isinstance(fs, LocalFileSystem):
                unfinished = f"{goal}.{token_hex(4)}"
                fs.put_file(str(file), unfinished)
                os.replace(unfinished, goal)
            else:
                fs.put_file(str(file), goal)

    def _fetch(self, name: str, file: Path) -> bool:
        unfinished = file.with_name(f"{file.name}.{token_hex(4)}")
        with self._answering() as (fs, root):
            try:
                fs.get_file(f"{root}/{name}", str(unfinished))
            except FileNotFoundError:
                unfinished.unlink(missing_ok=True)
                return False
        os.replace(unfinished, file)
        return True

    @contextmanager
    def _answering(self) -> Iterator[tuple[Any, str]]:
        try:
            fs, root = fsspec.core.url_to_fs(self.address)
            fs.invalidate_cache()  # others write there too
            yield fs, root
        except failures() as error:
            said = " ".join(str(error).split())
            raise RemoteError(
                f"the store at {self.address} doesn't answer; see that it can be reached and written to, then run again: it said: {said}"
            ) from error


def place_of(artifact: Artifact) -> str:
    """The name of a blob below a store's folder or address."""
    return f"{artifact.sha256[:2]}/{artifact.name}"


def _make_room_for(fs: Any, goal: str) -> None:
    """The folder, on a disk: elsewhere there are none, and S3 would make a bucket of a name that was mistyped."""
    if isinstance(fs, LocalFileSystem):
        fs.makedirs(goal.rpartition("/")[0], exist_ok=True)
