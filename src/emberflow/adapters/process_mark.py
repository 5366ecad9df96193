"""Which process does something, in words that another one can check later: is it still alive? Knows the process table; refuses to know what is done."""

import os
import socket
from dataclasses import dataclass

import psutil

_TOLERANCE_SECONDS = 1.0  # between what two readings of one process's start may say


@dataclass(frozen=True)
class ProcessMark:
    """A process by its machine, its number and when it started, because numbers are given again.

    Args:
        started: seconds since 1970, as the operating system has it.
    """

    host: str
    number: int
    started: float

    @classmethod
    def of_this(cls) -> "ProcessMark":
        """The mark of the process that asks."""
        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    @classmethod
    def parse(cls, text: str) -> "ProcessMark | None":
        """The mark that `str` wrote; None for anything else."""
        match text.split():
            case [host, number, started]:
                try:
                    return cls(host, int(number), float(started))
                except ValueError:
                    return None
        return None

    def __str__(self) -> str:
        return f"{self.host} {self.number} {self.started:.2f}"

    def has_ended(self) -> bool:
        """Whether the process is known to be gone; of another machine's nothing is known."""
        if self.host != socket.gethostname():
            return False
        try:
            found = psutil.Process(self.number)
            return bool(abs(found.create_time() - self.started) > _TOLERANCE_SECONDS or found.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
