"""The artifact store: blobs by their content, in a folder, written whole and checked when read. Knows files; refuses to know what a blob means."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emberflow.adapters.disk import check_room, telling_of_disk
from emberflow.adapters.ledger import Ledger
from emberflow.adapters.lock import alone, is_held, sharing, take
from emberflow.adapters.remote import Remote, place_of
from emberflow.artifact import Artifact, Kind, describe, digest_file
from emberflow.errors import StoreError


@dataclass(frozen=True)
class Store:
    """A folder of blobs, each under the SHA-256 of its bytes; written whole or not at all.

    run: `<project>/<run>`, whose ledger says which blobs it uses; empty for who only looks.
    address: where a team keeps its blobs, such as `s3://bucket/prefix`: what is put goes there too, and what isn't here is fetched from there.
    """

    root: Path
    run: str = ""
    address: str = ""

    @property
    def remote(self) -> Remote | None:
        """What answers at the address."""
        return Remote(self.address) if self.address else None

    @property
    def lock(self) -> Path:
        """Shared while a blob is taken in or into a ledger; held alone while blobs are removed."""
        return self.root / "lock"

    @property
    def ledgers(self) -> Path:
        """The folder of the ledgers."""
        return self.root / "ledgers"

    @property
    def unfinished(self) -> Path:
        """The folder of the workplaces."""
        return self.root / "unfinished"

    @contextmanager
    def using(self, *, then_forget: bool = False) -> Iterator[None]:
        """For as long as a run goes on: what it uses is not removed. What killed runs left unfinished is gone.

        then_forget: afterwards it doesn't count among the runs that are kept: it only looked.
        Raises: StoreError: no space, or no right to write.
        """
        ledger = Ledger(self.ledgers / self.run)
        with ExitStack() as stack:
            with telling_of_disk(self.root):
                self.clear()
                with sharing(self.lock):
                    stack.enter_context(ledger.open())
            try:
                yield
            finally:
                if then_forget:
                    ledger.remove()

    def left(self) -> list[Path]:
        """The workplaces whose processes are gone."""
        return [folder for folder in self.unfinished.glob("*") if not is_held(folder)]

    def clear(self) -> list[Path]:
        """Remove the workplaces whose processes are gone. Which ones."""
        self.unfinished.mkdir(parents=True, exist_ok=True)
        with alone(self.lock):
            for folder in (left := self.left()):
                shutil.rmtree(folder, ignore_errors=True)
        return left

    def blobs(self) -> list[Path]:
        """The files of all blobs."""
        return list(self.root.glob("??/*"))

    def path(self, artifact: Artifact) -> Path:
        """Where the bytes of `artifact` lie; that they are those of its digest is checked once a process, and when the file has changed.

        Raises: StoreError: the blob is gone, or was altered.
        """
        if trouble := self.look(artifact):
            raise StoreError(f"{trouble}; run again, and it is made anew")
        return self._place(artifact)

    def proven(self, artifact: Artifact) -> Path:
        """As `path`, but every byte is read again now: for what leaves the house."""
        _proven.pop(self._place(artifact), None)
        return self.path(artifact)

    def has(self, artifact: Artifact) -> bool:
        """Whether the blob is there, and is what it should be."""
        return not self.look(artifact)

    def look(self, artifact: Artifact) -> str:
        """What is wrong with the blob, in words; nothing when it is whole. One that was altered is set aside, so that it can be made anew.

        Raises: RemoteError: the store's address doesn't answer.
        """
        self._note(artifact)
        if self.remote and not self._place(artifact).exists():
            return self._fetch(artifact, self.remote)
        trouble = self._look_here(artifact)
        if not trouble:
            self._share(artifact)
        return trouble

    def _look_here(self, artifact: Artifact) -> str:
        place = self._place(artifact)
        try:
            found = _stamp(place)
            if _proven.get(place) == found:
                return ""
            if found.size_bytes == artifact.size_bytes and digest_file(place) == artifact.sha256:
                _proven[place] = found
                return ""
        except FileNotFoundError:
            return _missing(artifact, str(self.root))
        return _altered(artifact, str(self._set_aside(place, found)))

    def _fetch(self, artifact: Artifact, remote: Remote) -> str:
        """Bring a blob here from the address; as `look`."""
        with self.workplace() as folder:
            if not remote.get(artifact, folder / "fetched"):
                return _missing(artifact, self.address)
            if digest_file(folder / "fetched") != artifact.sha256:
                return _altered(artifact, remote.set_aside(artifact))
            self._take_in(folder / "fetched", self._place(artifact))
        _shared.add((self.address, artifact.name))
        return ""

    def _share(self, artifact: Artifact) -> None:
        """Bring a blob to the address, unless it is there; looked for once a process."""
        if self.remote and (self.address, artifact.name) not in _shared:
            self.remote.put(self._place(artifact), artifact)
            _shared.add((self.address, artifact.name))

    def put(self, file: Path, kind: Kind) -> Artifact:
        """Take `file` in: it is moved, so it must lie on the same disk, as in a `workplace`. The same bytes twice are one blob.

        Raises: StoreError: no space, or no right to write. RemoteError: the store's address doesn't answer.
        """
        artifact = describe(file, kind)
        self._note(artifact)
        if self._look_here(artifact):
            self._take_in(file, self._place(artifact))
        else:
            file.unlink()
        self._share(artifact)
        return artifact

    def _take_in(self, file: Path, place: Path) -> None:
        with telling_of_disk(self.root):
            place.parent.mkdir(parents=True, exist_ok=True)
            _sync(file)
            with sharing(self.lock):
                os.replace(file, place)
                _proven[place] = _stamp(place)
            for folder in (place.parent, self.root):  # else a power cut may take the name away again
                _sync(folder)

    def check(self) -> None:
        """Raises: StoreError: no room. ProjectError: the address is none, or needs a package that is missing."""
        if self.remote:
            self.remote.check()
        check_room(self.root)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder beside the blobs, gone afterwards: what is made there and put into the store is moved, not copied.

        Raises: StoreError: less than 64 MiB free, or no right to write.
        """
        with telling_of_disk(self.root):
            self.unfinished.mkdir(parents=True, exist_ok=True)
            check_room(self.root)
            with sharing(self.lock):
                folder = Path(tempfile.mkdtemp(dir=self.unfinished))
                held = take(folder)
        try:
            yield folder
        finally:
            with sharing(self.lock):  # else who looks for what was left finds half of it
                shutil.rmtree(folder, ignore_errors=True)
            if held:
                held.give_back()

    def _set_aside(self, place: Path, seen: "Stamp") -> Path:
        """Move the file that was `seen` out of the way; another one that lies there by now is let be."""
        aside = self.root / "altered" / place.name
        with telling_of_disk(self.root), alone(self.lock):
            aside.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # somebody else was faster
                if _stamp(place) == seen:
                    os.replace(place, aside)
        return aside

    def _note(self, artifact: Artifact) -> None:
        """Before it is looked at: whoever removes blobs has read the ledgers before, and then it is gone, or reads this line and keeps it."""
        ledger = Ledger(self.ledgers / self.run)
        if self.run and not ledger.has(artifact.name):
            with telling_of_disk(self.root):
                self.root.mkdir(parents=True, exist_ok=True)
                with sharing(self.lock):
                    ledger.note(artifact.name)

    def _place(self, artifact: Artifact) -> Path:
        return self.root / place_of(artifact)


class Stamp(NamedTuple):
    """What tells without reading it that a file is the one that was read before."""

    inode: int
    written_ns: int
    size_bytes: int


def _missing(artifact: Artifact, where: str) -> str:
    return f"the blob {artifact.sha256[:12]} ({artifact.kind}) is not in '{where}'"


def _altered(artifact: Artifact, aside: str) -> str:
    told = f"the blob {artifact.sha256[:12]} ({artifact.kind}) was altered: its bytes are not those of its digest"
    return f"{told}. It was set aside for a look, as '{aside}'"


_shared: set[tuple[str, str]] = set()  # the addresses and names of blobs that this process has seen or brought there
_proven: dict[Path, Stamp] = {}  # the blobs that this process has read and found whole


def _stamp(file: Path) -> Stamp:
    found = file.stat()
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def _sync(path: Path) -> None:
    """Have the disk keep a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
