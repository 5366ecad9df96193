"""Locks that the kernel holds for a process and frees with it, however it ends. Knows files and flock; refuses to know what they guard."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.1


@contextmanager
def sharing(path: Path) -> Iterator[None]:
    """Inside together with others who share `path`, and never together with one who is `alone`. Waits."""
    yield from _locked(path, fcntl.LOCK_SH)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else is inside `path`, in any process or thread. Waits."""
    yield from _locked(path, fcntl.LOCK_EX)


def _locked(path: Path, way: int) -> Iterator[None]:
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(held, way)
        yield
    finally:
        os.close(held)


@dataclass(frozen=True)
class Held:
    """A lock that this process has until it gives it back, or ends."""

    path: Path
    descriptor: int

    def give_back(self) -> None:
        """Somebody else may have it; its file stays."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """As `give_back`; its file is gone, so that names that never come again leave nothing behind."""
        self.path.unlink(missing_ok=True)  # while it is held: who waits for the old file finds that it isn't the one at `path` any more
        os.close(self.descriptor)


def share(path: Path) -> Held:
    """As `sharing`, until it is given back or the process ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return Held(path, descriptor)


def take(path: Path) -> Held | None:
    """The lock at `path`, a file (made where there is none) or a folder; None while somebody else has it."""
    while True:
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_at(descriptor, path):
            return Held(path, descriptor)
        os.close(descriptor)


def take_folder(path: Path) -> Held | None:
    """The lock of the folder at `path`; None while somebody else has it, where it is somebody else's, and where there is none (any more)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(descriptor, path) and os.fstat(descriptor).st_uid == os.getuid():
            return Held(path, descriptor)
    except BlockingIOError:
        pass  # told below
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Whether somebody has the lock at `path`."""
    if held := take(path):
        held.give_back()
    return held is None


def take_in_time(path: Path, check: Callable[[], None]) -> Held:
    """The lock at `path`, as soon as it is free; `check` is called ten times a second and ends the waiting by raising."""
    while (held := take(path)) is None:
        check()
        time.sleep(_LOOK_SECONDS)
    return held


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the file that was opened is the one that lies at `path` now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
