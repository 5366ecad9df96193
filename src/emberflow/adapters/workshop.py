"""Where a run works: the folder it keeps its things in, its workers and its store, as one small value that travels. Opens them when asked."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emberflow.adapters.crew import Crew, Job, abandon, crew_of
from emberflow.adapters.disk import telling_of_disk
from emberflow.adapters.store import Store


@dataclass(frozen=True)
class Workshop:
    """A folder (`.emberflow` by default), and how many workers of how many threads share the cores.

    run_name: `<project>/<run>`, whose ledger in the store says what it uses; empty for who only looks.
    address: where a team keeps the blobs, if not in the folder alone.
    """

    home: Path
    workers: int
    threads: int
    run_name: str = ""
    address: str = ""

    @classmethod
    def at(cls, home: Path, run_name: str = "", address: str = "") -> "Workshop":
        """One worker a core of those this process may use, of one thread each: small models gain more from working side by side."""
        return cls(home.resolve(), workers=len(os.sched_getaffinity(0)), threads=1, run_name=run_name, address=address)

    @property
    def store(self) -> Store:
        """The artifact store."""
        return Store(self.home / "store", self.run_name, self.address)

    @property
    def crew(self) -> Crew:
        """The worker processes."""
        return crew_of(self.workers, self.threads, self.home / "logs")

    def run(self, job: Job, report: Callable[[str], None]) -> Any:
        """Have a worker do `job`. Raises as `Crew.run`; StoreError: the disk of `home` is full, whatever the stage made of that."""
        with telling_of_disk(self.home):
            return self.crew.run(job, report)

    def abandon(self) -> None:
        """End all jobs of this process's crew at once, and those that wait for a worker; a crew that is asked for later is a new one."""
        abandon(self.workers, self.threads, self.home / "logs")
