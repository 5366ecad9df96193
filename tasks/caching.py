"""When a stage need not run again: the same inputs, settings and code, and every blob still there. Knows Prefect's cache; no stage."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.settings import get_current_settings

from emberflow import fingerprint
from emberflow.adapters.workshop import Workshop
from emberflow.artifact import Artifact, digest

Inputs = Mapping[str, Any]


@dataclass(kw_only=True)
class StageCache(CachePolicy):
    """A key of digests: the stage's code with all it imports, the versions of what decides results, and the facts it depends on.

    Where the stage runs (the Workshop) is no part of it. A result whose blobs are gone from the store is forgotten, so that the stage
    runs again.

    Args:
        stage: begins the key; the module under `emberflow.stages` whose code counts, unless `module` names another.
        facts: what of the task's inputs decides the result, as text: digests, settings, the source of a user's function.
        tools: packages whose versions count besides those that decide every result.
    """

    stage: str
    facts: Callable[[Inputs], str]
    module: str = ""
    tools: tuple[str, ...] = ()

    def compute_key(self, task_ctx: TaskRunContext, inputs: Inputs, flow_parameters: Inputs, **_: Any) -> str:
        """The key under which the result is kept."""
        code = fingerprint.of_stage(self.module or f"emberflow.stages.{self.stage}")
        versions = {**fingerprint.versions(), **fingerprint.versions(self.tools)}
        said = json.dumps([task_ctx.task.name, code, versions, self.facts(inputs)], sort_keys=True)
        key = f"{self.stage}-{digest(said.encode())}"
        _forget_when_incomplete(_results() / key, inputs["workshop"])
        return key


def _results() -> Path:
    return Path(get_current_settings().results.local_storage_path)


def _forget_when_incomplete(result: Path, workshop: Workshop) -> None:
    if result.is_file() and not all(workshop.store.has(artifact) for artifact in _artifacts(_read(result))):
        result.unlink(missing_ok=True)


def _read(result: Path) -> Any:
    try:
        record = json.loads(result.read_text())
        return json.loads(record["result"])
    except (ValueError, KeyError, TypeError):
        result.unlink(missing_ok=True)  # half written, or by another version of Prefect
        return None


def _artifacts(value: Any) -> Iterator[Artifact]:
    if isinstance(value, dict):
        if value.keys() == Artifact.model_fields.keys():
            yield Artifact(**value)
        for inner in value.values():
            yield from _artifacts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _artifacts(inner)
