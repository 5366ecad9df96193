"""The stack of one home folder: which processes `emberflow up` started and where they answer. Knows its file and its processes; starts none."""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import Field, ValidationError

from emberflow.errors import StoreError
from emberflow.values import Value

MARK = "EMBERFLOW_STACK"  # in the environment of every process of a stack, and so of whatever these start


class Member(Value):
    """One process that was started, and where it writes what it has to say."""

    name: str
    pid: int
    log: str


class Stack(Value):
    """Two servers and a worker; `mark` is in the environment of each process, so that no other is ever taken for one of them."""

    mark: str
    prefect: str = Field(description="address of Prefect for processes of this machine; its API is below /api")
    mlflow: str = Field(description="address of MLflow for processes of this machine")
    pages: dict[str, str] = Field(description="the same for a browser, which may be on another machine, by name")
    is_secure: bool
    members: tuple[Member, ...] = ()
    versions: dict[str, str]

    @property
    def dead(self) -> tuple[Member, ...]:
        """Members that ended without being told to."""
        alive = {process.pid for process in self.processes()}
        return tuple(member for member in self.members if member.pid not in alive)

    def processes(self) -> list[psutil.Process]:
        """All that runs of it, whoever started it: members, their children, runs of flows and their workers."""
        return [process for process in psutil.process_iter() if _mark_of(process) == self.mark]

    def tree_of(self, names: Collection[str]) -> set[int]:
        """Process ids of the members called so, and of whatever they started."""
        roots = {member.pid for member in self.members if member.name in names}
        return {process.pid for process in self.processes() if roots & _line_of(process)}


def _line_of(process: psutil.Process) -> set[int]:
    """Process ids of a process and its ancestors."""
    with suppress(psutil.Error):  # one of them ended meanwhile
        return {process.pid, *(parent.pid for parent in process.parents())}
    return {process.pid}


def _mark_of(process: psutil.Process) -> str | None:
    with suppress(psutil.Error, OSError):  # it ended meanwhile, or is somebody else's
        mark: str | None = process.environ().get(MARK)
        return mark
    return None


def stack_file(home: Path) -> Path:
    """Where the stack of a home folder is noted."""
    return home / "stack.json"


def read_stack(home: Path) -> Stack | None:
    """The stack that was noted, whether it still runs or not; None when there is none. Raises: StoreError: the file can't be read."""
    path = stack_file(home)
    try:
        return Stack.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, ValueError) as error:
        raise StoreError(
            f"'{path}' does not say what runs: it is damaged, or of another version of Emberflow; end what still runs"
            f" (its environment holds {MARK}), then delete the file"
        ) from error


def running_stack(home: Path) -> Stack | None:
    """The stack whose members all run; None when there is none."""
    stack = read_stack(home)
    return stack if stack and not stack.dead else None


def write_stack(home: Path, stack: Stack) -> None:
    """Note `stack`, at once or not at all."""
    path = stack_file(home)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(stack.model_dump_json(indent=1), encoding="utf-8")
    os.replace(unfinished, path)


def forget_stack(home: Path) -> None:
    """There is none any more."""
    stack_file(home).unlink(missing_ok=True)


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """While one `emberflow up` or `down` works on `home`, another waits."""
    with (home / "stack.lock").open("w") as lock:  # the kernel frees it when the process ends, however it does
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def end_processes(processes: list[psutil.Process], patience_seconds: float) -> None:
    """Ask each to end; what hasn't after `patience_seconds` is killed."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience_seconds)
