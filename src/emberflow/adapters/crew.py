"""A crew of warm worker processes with TensorFlow's threads counted. Knows processes and pipes; refuses to know what is worked on."""

import atexit
import heapq
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from emberflow.adapters.chatter import Chatter
from emberflow.adapters.cores import Cores
from emberflow.adapters.lock import Held
from emberflow.adapters.scratch import Scratch
from emberflow.adapters.worker import BROKEN, DONE, FAILED, READY, TOLD
from emberflow.errors import EmberflowError, OutOfMemory, StageTimeout, WorkerLost
from emberflow.units import show_seconds

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.05  # between two looks for a core that another run gave back
_DEATH_SECONDS = 1.0  # between the end of a process's pipe and its own
_ENDED = "the run was ended from outside, and its work with it; run again: what was finished is kept"
AT_WORK = "at work"  # the first that a job reports: it has a worker now


@dataclass(frozen=True)
class Job:
    """A call for a worker.

    Args:
        entry: `module:function` in the domain; it is given `keywords` and `report`.
        limit_seconds: the longest it may take, from when a worker takes it up; then its process is killed.
        urgency: of the calls that wait, the one with the highest goes first.
    """

    entry: str
    keywords: dict[str, Any]
    limit_seconds: float
    urgency: int = 0


class Worker:
    """One process in a session of its own, so that it and whatever it started can be killed at once."""

    def __init__(self, number: int, threads: int, log: Path) -> None:
        ours, theirs = socket.socketpair()
        self.log, self._chatter = log, Chatter(log)
        self._scratch = Scratch()  # TensorFlow's files of traced functions stay where a process is killed
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "emberflow.adapters.worker", str(theirs.fileno()), str(os.getpid()), str(self._scratch.path)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self._chatter.sink,
            stderr=self._chatter.sink,
            start_new_session=True,
            env={**os.environ, **_surroundings(threads), "TMPDIR": str(self._scratch.path)},
        )
        theirs.close()
        self.pipe = Connection(ours.detach())
        self.number = number

    def run(self, job: Job, report: Callable[[str], None]) -> Any:
        """What the job's function returns.

        Raises: its EmberflowError; StageTimeout; WorkerLost: the process died; OutOfMemory: it was killed as the system kills when memory runs
            out, or said itself that it has none. After the last three the worker can't be used again.
        """
        end = time.monotonic() + job.limit_seconds
        try:
            self.pipe.send((job.entry, job.keywords))
            while True:
                if not self.pipe.poll(max(0.0, end - time.monotonic())):
                    self.kill()
                    raise StageTimeout(f"{job.entry} was ended after its limit of {show_seconds(job.limit_seconds)}; its log is {self.log}")
                word, content = self.pipe.recv()
                if word == TOLD:
                    report(content)
                elif word == DONE:
                    return content
                elif word == FAILED:
                    raise content
                elif word == BROKEN:
                    raise EmberflowError(f"{content}; the trace is in {self.log}")
        except (EOFError, OSError) as error:
            if isinstance(error, StageTimeout):
                raise
            self._let_die()
            self.kill()
            kind = OutOfMemory if self.process.returncode == -signal.SIGKILL else WorkerLost
            raise kind(f"the worker process ended in {job.entry} ({_way_of_death(self.process)}); its log is {self.log}") from error
        finally:
            self._chatter.pass_on()

    def _let_die(self) -> None:
        """Give a process whose pipe has ended a moment to end too, so that its exit code is its own; it isn't collected, `kill` needs its group."""
        end = time.monotonic() + _DEATH_SECONDS
        with suppress(ChildProcessError):  # collected long ago
            while not os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) and time.monotonic() < end:
                time.sleep(0.01)

    def wait_until_ready(self) -> None:
        """Block until the process answers. Raises WorkerLost when it doesn't."""
        try:
            if self.pipe.poll(_START_SECONDS) and self.pipe.recv()[0] == READY:
                return
        except (EOFError, OSError):
            pass  # told below, as a worker that doesn't answer
        self.kill()
        raise WorkerLost(f"a worker process did not start; its log is {self.log}")

    def end(self) -> None:
        """Kill the process while another thread waits for its answer: that thread finds the pipe closed, and does the rest."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End the process and all that it started, which outlives a process that died of itself; its temporary files are gone too."""
        if self.process.returncode is None:  # not waited for yet, so the number of its group is still its own
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.pipe.close()
        self._chatter.close()
        self._scratch.remove()


class Crew:
    """Up to `size` workers, started when first needed and kept; each works on a core of its own, which other runs may want too."""

    def __init__(self, size: int, threads: int, logs: Path, cores: Cores) -> None:
        self._size, self._threads, self._logs, self._cores = size, threads, logs, cores
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._is_abandoned = False
        self._started = 0
        self._numbers = itertools.count(1)
        self._queue: list[tuple[int, int]] = []
        self._tickets = itertools.count()
        self._change = threading.Condition()

    def run(self, job: Job, report: Callable[[str], None]) -> Any:
        """What the job's function returns; waits for a free worker first. Raises as `Worker.run`."""
        with self._place_in_queue(job.urgency) as core:
            worker = self._take()
        usable = False
        try:
            if worker is None:
                worker = self._start()
            self._begin(worker)
            report(AT_WORK)
            result = worker.run(job, report)
            usable = True
            return result
        except EmberflowError as error:
            if self._is_abandoned:
                raise EmberflowError(_ENDED) from error  # not WorkerLost, after which a task tries again
            usable = worker is not None and not isinstance(error, StageTimeout | WorkerLost)
            raise
        finally:
            if worker is not None:
                self._busy.discard(worker)
                if not usable:
                    worker.kill()  # it may be at work still, for a caller that was interrupted
            core.give_back()
            self._give_back(worker if usable else None)

    def check(self) -> None:
        """Raises: EmberflowError: the crew was abandoned, and whoever waits for something should wait no longer."""
        if self._is_abandoned:
            raise EmberflowError(_ENDED)

    def close(self) -> None:
        """End all idle workers."""
        with self._change:
            workers, self._idle = self._idle, []
            self._started -= len(workers)
        for worker in workers:
            worker.kill()

    def abandon(self) -> None:
        """End all workers, in the middle of their jobs too; those jobs, and all that wait, raise EmberflowError."""
        with self._change:
            self._is_abandoned = True
            busy = tuple(self._busy)
            self._change.notify_all()
        for worker in busy:
            worker.end()
        self.close()

    def _begin(self, worker: Worker) -> None:
        with self._change:
            self._busy.add(worker)
        if self._is_abandoned:
            raise EmberflowError(_ENDED)

    @contextmanager
    def _place_in_queue(self, urgency: int) -> Iterator[Held]:
        """Waits for a worker and a core; of a crew only the most urgent call asks for a core, and takes the worker that is idle by then."""
        ticket = (-urgency, next(self._tickets))
        with self._change:
            heapq.heappush(self._queue, ticket)
            try:
                core = self._wait_for_core(ticket)
            finally:
                self._queue.remove(ticket)
                heapq.heapify(self._queue)
                self._change.notify_all()
            yield core

    def _wait_for_core(self, ticket: tuple[int, int]) -> Held:
        with ExitStack() as wanting:
            is_wanting = False
            while True:
                self._change.wait_for(lambda: self._is_abandoned or (self._queue[0] == ticket and (self._idle or self._started < self._size)))
                self.check()
                if (is_wanting or not self._cores.are_wanted()) and (core := self._cores.take()):
                    return core
                if not is_wanting:
                    wanting.enter_context(self._cores.wanting())
                    is_wanting = True
                self._pause(_LOOK_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Not shortened when a worker of this crew is done: who is told of that first would take its core before any other run can look."""
        end = time.monotonic() + seconds
        while not self._is_abandoned and (left := end - time.monotonic()) > 0:
            self._change.wait(left)

    def _take(self) -> Worker | None:
        if self._idle:
            return self._idle.pop()
        self._started += 1
        return None

    def _start(self) -> Worker:
        number = next(self._numbers)
        worker = Worker(number, self._threads, self._logs / f"worker-{number}.log")
        worker.wait_until_ready()
        return worker

    def _give_back(self, worker: Worker | None) -> None:
        with self._change:
            if worker is None:
                self._started -= 1
            else:
                self._idle.append(worker)
            self._change.notify_all()


def _surroundings(threads: int) -> dict[str, str]:
    """The environment of a worker: TensorFlow and BLAS share the cores, Keras 2 is meant, native code keeps quiet."""
    count = str(threads)
    counted = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
    return counted | {
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "MALLOC_ARENA_MAX": "2",
        "PYTHONFAULTHANDLER": "1",
    }


def _way_of_death(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    if code == -signal.SIGKILL:
        return "signal SIGKILL, which the system sends when memory runs out"
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


_crews: dict[tuple[int, int, Path], Crew] = {}  # whose was asked for last stands last
_crews_lock = threading.Lock()
_WARM_CREWS = 2


def crew_of(size: int, threads: int, logs: Path) -> Crew:
    """This process's crew of that shape; the same one at each call, ended with the process.

    A new one ends the idle workers of all others but the one before it: each holds up to a GB of TensorFlow.
    """
    shape = (size, threads, logs)
    with _crews_lock:
        crew = _crews.pop(shape, None)
        if crew is None:
            crew = Crew(size, threads, logs, Cores.of_machine())
            atexit.register(crew.close)
            for other in list(_crews.values())[: 1 - _WARM_CREWS]:
                other.close()
        _crews[shape] = crew
        return crew


def abandon(size: int, threads: int, logs: Path) -> None:
    """End all work of this process's crew of that shape; the next call of `crew_of` gives a new one."""
    with _crews_lock:
        crew = _crews.pop((size, threads, logs), None)
    if crew:
        crew.abandon()
