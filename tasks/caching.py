"""When a stage need not run again: the same inputs, settings and code, and every blob still there and whole. Knows Prefect's cache; no stage."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.locking.protocol import LockManager
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, get_current_settings, temporary_settings
from prefect.transactions import IsolationLevel

from emberflow import fingerprint
from emberflow.adapters.results import artifacts_of
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import digest
from emberflow.errors import RemoteError
from tasks.turns import TURNS, Turn

Inputs = Mapping[str, Any]


@dataclass(kw_only=True)
class StageCache(CachePolicy):
    """A key of digests: the stage's code with all it imports, the versions of what decides results, and the facts it depends on.

    Where the stage runs (the Workshop) is no part of it. A result whose blobs are gone from the store, or were altered there, is forgotten, so
    that the stage runs again. Of several runs that want the same result one makes it, and the others wait.

    Args:
        stage: begins the key; the module under `emberflow.stages` whose code counts, unless `module` names another.
        facts: what of the task's inputs decides the result, as text: digests, settings, the source of a user's function.
        tools: packages whose versions count besides those that decide every result.
    """

    stage: str
    facts: Callable[[Inputs], str]
    module: str = ""
    tools: tuple[str, ...] = ()
    isolation_level: Literal["READ_COMMITTED", "SERIALIZABLE"] | IsolationLevel | None = "SERIALIZABLE"
    lock_manager: LockManager | None = field(default_factory=lambda: TURNS)

    def compute_key(self, task_ctx: TaskRunContext, inputs: Inputs, flow_parameters: Inputs, **_: Any) -> str:
        """The key under which the result is kept."""
        code = fingerprint.of_stage(self.module or f"emberflow.stages.{self.stage}")
        versions = {**fingerprint.versions(), **fingerprint.versions(self.tools)}
        said = json.dumps([task_ctx.task.name, code, versions, self.facts(inputs)], sort_keys=True)
        key = f"{self.stage}-{digest(said.encode())}"
        workshop: Workshop = inputs["workshop"]
        result = _Result(_results() / key, workshop)
        TURNS.expect(key, Turn(_results() / "locks" / key, workshop.crew.check, result.settle, result.share))
        return key


@contextmanager
def anew(is_wanted: bool) -> Iterator[None]:
    """Meanwhile, where that is wanted, no stage takes its result from the cache; what it makes takes the place of what is there."""
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True} if is_wanted else {}):
        yield


def _results() -> Path:
    return Path(get_current_settings().results.local_storage_path)


class _Result:
    """The result of one key, for as long as its turn lasts."""

    def __init__(self, file: Path, workshop: Workshop) -> None:
        self._file, self._store = file, workshop.store
        self._found: int | None = None

    def settle(self) -> None:
        """Fetch it, where a team keeps results; forget it when its blobs aren't whole."""
        if self._store.remote and not self._file.is_file():
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._store.remote.get_result(self._file)
        if self._file.is_file():
            self._forget_when_incomplete()
        self._found = self._written()

    def share(self) -> None:
        """Bring one that was made in this turn to where a team keeps results; without it the others make their own."""
        if self._store.remote and self._written() not in (None, self._found):
            try:
                self._store.remote.put_result(self._file)
            except RemoteError as error:
                get_run_logger().warning("%s", error)

    def _written(self) -> int | None:
        """When the file was written, in nanoseconds; None where there is none."""
        return self._file.stat().st_mtime_ns if self._file.is_file() else None

    def _forget_when_incomplete(self) -> None:
        artifacts = artifacts_of(self._file)
        troubles = [trouble for artifact in artifacts or () if (trouble := self._store.look(artifact))]
        if artifacts is None or troubles:
            self._file.unlink(missing_ok=True)
        if troubles:
            get_run_logger().warning("%s; it is made anew", "; ".join(troubles))
