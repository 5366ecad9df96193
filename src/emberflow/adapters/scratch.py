"""A process's folder of temporary files, which goes with it. Knows locks and folders; refuses to know whose files they are."""

import shutil
import tempfile
from pathlib import Path

from emberflow.adapters.lock import Held, take_folder

_PREFIX = "emberflow-worker-"


class Scratch:
    """A new folder, which nobody else removes while this process has it. Those of processes that were killed before they could remove theirs go first."""

    def __init__(self) -> None:
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            if held := take_folder(left):
                _remove(held)
        self._held: Held | None = None
        while self._held is None:  # somebody who sweeps may come between the two calls
            self._held = take_folder(Path(tempfile.mkdtemp(prefix=_PREFIX)))
        self.path = self._held.path

    def remove(self) -> None:
        """With all that is in it; once more does nothing."""
        held, self._held = self._held, None
        if held:
            _remove(held)


def _remove(held: Held) -> None:
    shutil.rmtree(held.path, ignore_errors=True)
    held.give_back()
