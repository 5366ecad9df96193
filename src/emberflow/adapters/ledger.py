"""Which blobs a run uses, as a text file beside them; locked for as long as the run goes on. Refuses to know what a run or a blob is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emberflow.adapters.lock import alone, is_held


@dataclass(frozen=True)
class Ledger:
    """One run's file: `<store>/ledgers/<project>/<run>`, a blob's name a line."""

    path: Path

    @property
    def run(self) -> str:
        """The run's id, which sorts by time."""
        return self.path.name

    @property
    def project(self) -> str:
        """The name of the run's project."""
        return self.path.parent.name

    @contextmanager
    def open(self) -> Iterator[None]:
        """The run goes on, until this is left or its process ends."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with alone(self.path):
            yield

    def is_open(self) -> bool:
        """Whether the run goes on, in whatever process."""
        return is_held(self.path)

    def has(self, name: str) -> bool:
        """Whether this process has noted that blob."""
        return (self.path, name) in _noted

    def note(self, name: str) -> None:
        """Write down that the run uses a blob."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:  # one short write at the end: lines of two processes don't mix
            file.write(f"{name}\n".encode())
        _noted.add((self.path, name))

    def names(self) -> frozenset[str]:
        """The blobs that were noted."""
        return frozenset(self.path.read_text().split())

    def used(self) -> float:
        """When the last one was noted, in seconds since 1970."""
        return self.path.stat().st_mtime

    def remove(self) -> None:
        """Forget the run."""
        self.path.unlink(missing_ok=True)
        if not any(self.path.parent.iterdir()):
            os.rmdir(self.path.parent)


_noted: set[tuple[Path, str]] = set()


def ledgers_in(folder: Path) -> list[Ledger]:
    """All runs', by project and time."""
    return [Ledger(path) for path in sorted(folder.glob("*/*"))]
