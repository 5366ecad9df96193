"""What a worker process writes to stdout and stderr: into its log, and, where somebody listens, as log records of the job that it did.

Knows files and Python's logging; refuses to know what the words mean, but for a trace, which is one event.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

_LOGGER = logging.getLogger("emberflow.worker")
_TRACE = "Traceback (most recent call last):"
_FATAL = "Fatal Python error"
_BETWEEN = ("During handling of the above exception", "The above exception was the direct cause")


class Chatter:
    """Where one worker writes. The log may be shared with the workers of other runs, so what it writes there can't be told apart; its own file can."""

    def __init__(self, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()  # whoever is told where it lies finds it, however little was written
        self._log = log
        self._is_heard = _LOGGER.isEnabledFor(logging.INFO)
        self._passed_bytes = 0
        self.sink: IO[bytes] = TemporaryFile() if self._is_heard else log.open("ab")  # noqa: SIM115 - as long as the process

    def pass_on(self) -> None:
        """Append what came since the last time to the log, and tell of it."""
        if not self._is_heard or self.sink.closed:
            return
        size_bytes = os.fstat(self.sink.fileno()).st_size
        said = os.pread(self.sink.fileno(), size_bytes - self._passed_bytes, self._passed_bytes)  # the file's position is the worker's
        self._passed_bytes += len(said)
        if said:
            with self._log.open("ab") as log:
                log.write(said)
        for event in events(said.decode(errors="replace")):
            _LOGGER.log(logging.ERROR if event.startswith((_TRACE, _FATAL)) else logging.INFO, "%s", event)

    def close(self) -> None:
        """Once the process has ended."""
        self.pass_on()
        self.sink.close()


def events(text: str) -> Iterator[str]:
    """The lines of `text`, but for traces, each of which is one event with all its lines and those of the exceptions that led to it."""
    event: list[str] = []
    for line in text.splitlines():
        if event and not _goes_on(event, line):
            yield "\n".join(event)
            event = []
        if line.strip():
            event.append(line)
    if event:
        yield "\n".join(event)


def _goes_on(event: list[str], line: str) -> bool:
    is_in_trace = event[0].startswith(_TRACE)
    if not line.strip():
        return is_in_trace
    if line.startswith((" ", "\t")):
        return True
    return is_in_trace and (event[-1].startswith((" ", _TRACE, *_BETWEEN)) or line.startswith(_BETWEEN))
