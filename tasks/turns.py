"""One run at a time makes the result of a key; the others wait and find it. Knows Prefect's protocol for locks; the kernel holds them.

Prefect's own file locks have no holder that can die: after a SIGKILL the next run would wait for ever.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident

from anyio import to_thread

from emberflow.adapters.lock import Held, is_held, take_in_time


@dataclass(frozen=True)
class Turn:
    """How one key is waited for.

    Args:
        path: the lock's file.
        check: raises when whoever waits should wait no longer.
        begin: called when the lock is held, before the result is looked for.
        end: called before the lock is given back; it must not raise.
    """

    path: Path
    check: Callable[[], None]
    begin: Callable[[], None]
    end: Callable[[], None] = lambda: None


class Turns:
    """Prefect's LockManager; what it calls a holder is one attempt at a task."""

    def __init__(self) -> None:
        self._expected: dict[str, Turn] = {}
        self._held: dict[tuple[str, str], tuple[Held, Turn]] = {}
        self._threads: dict[tuple[str, str], int] = {}

    def __reduce__(self) -> tuple[type["Turns"], tuple[()]]:
        return Turns, ()  # locks stay with their process

    def expect(self, key: str, turn: Turn) -> None:
        """Say how a key is waited for, before Prefect asks for it."""
        self._expected[key] = turn

    def acquire_lock(self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None) -> bool:
        """Wait for the key, for however long. True, or the error of the turn's check or of its beginning."""
        turn = self._expected[key]
        self._release_leaked(key)
        turn.path.parent.mkdir(parents=True, exist_ok=True)
        held = take_in_time(turn.path, turn.check)
        try:
            turn.begin()
        except BaseException:
            held.remove()
            raise
        self._held[key, holder], self._threads[key, holder] = (held, turn), get_ident()
        return True

    async def aacquire_lock(self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None) -> bool:
        """As `acquire_lock`."""
        return await to_thread.run_sync(self.acquire_lock, key, holder)

    def release_lock(self, key: str, holder: str) -> None:
        """Let the next one in."""
        held, turn = self._held.pop((key, holder))
        del self._threads[key, holder]
        try:
            turn.end()
        finally:
            held.remove()

    def _release_leaked(self, key: str) -> None:
        """Of an attempt that failed while it read its result Prefect releases no lock (Transaction.rollback); the next one, in its thread, does."""
        for held, holder in [each for each, thread in self._threads.items() if each[0] == key and thread == get_ident()]:
            self.release_lock(held, holder)

    def is_locked(self, key: str) -> bool:
        """Whether somebody, in any process, makes the result of the key."""
        path = self._expected[key].path
        return path.exists() and is_held(path)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether this attempt does."""
        return (key, holder) in self._held

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody makes it, and say so; False when that took longer than `timeout` seconds."""
        end = time.monotonic() + timeout if timeout is not None else float("inf")
        while self.is_locked(key):
            if time.monotonic() > end:
                return False
            self._expected[key].check()
            time.sleep(0.1)
        return True

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """As `wait_for_lock`."""
        return await to_thread.run_sync(self.wait_for_lock, key, timeout)


TURNS = Turns()
