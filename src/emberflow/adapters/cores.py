"""The cores of this machine, one a busy worker, shared by all runs of a user. Knows lock files; refuses to know who works."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emberflow.adapters.lock import Held, is_held, sharing, take
from emberflow.errors import StoreError


@dataclass(frozen=True)
class Cores:
    """A lock file for each core that this process may use.

    The kernel holds the locks: a killed run gives its cores back. Processes that were bound to different cores don't take each other's.
    """

    folder: Path
    numbers: tuple[int, ...]

    @classmethod
    def of_machine(cls) -> "Cores":
        """Those that this process may use, shared with all other processes of the user."""
        return cls(Path(tempfile.gettempdir()) / f"emberflow-{os.getuid()}", tuple(sorted(os.sched_getaffinity(0))))

    def take(self) -> Held | None:
        """A core that nobody works on; None when there is none now. Raises: StoreError: the folder is somebody else's."""
        self._make_folder()
        return next((held for number in self.numbers if (held := take(self.folder / f"core-{number}"))), None)

    def are_wanted(self) -> bool:
        """Whether somebody waits for a core: then who comes now lets them look first, or a run of many variants would never let another one in."""
        self._make_folder()
        return is_held(self._wanted)

    @contextmanager
    def wanting(self) -> Iterator[None]:
        """Waits for a core; others can see it."""
        with sharing(self._wanted):
            yield

    @property
    def _wanted(self) -> Path:
        return self.folder / "wanted"

    def _make_folder(self) -> None:
        with suppress(FileExistsError):
            self.folder.mkdir(mode=0o700)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise StoreError(
                f"'{self.folder}' belongs to somebody else; expected a folder of your own: have it removed, or set TMPDIR to another place"
            )
