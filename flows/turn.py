"""One retraining of a project at a time. Knows Prefect's concurrency limits; refuses to know what a run does with its turn."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency

from emberflow.errors import ProjectError
from emberflow.project import read_project
from emberflow.record import Record
from flows.settings import RunConfig

_LEASE_SECONDS = 60  # the least that Prefect takes; renewed while a run goes on, and given back up to 15 s after one that was killed


def in_turn(run: Callable[[RunConfig], Record]) -> Callable[[RunConfig], Record]:
    """`run`, but where a deployment started it, not before every other such run of the same project has ended.

    A run from the shell doesn't wait: it has a Prefect of its own, or somebody in front of it.
    """

    @wraps(run)
    def wait_and_run(config: RunConfig) -> Record:
        turn = _turn_of(config) if runtime.deployment.id else None
        if turn is None:
            return run(config)
        with concurrency(turn, lease_duration=_LEASE_SECONDS, strict=True):
            return run(config)

    return wait_and_run


def _turn_of(config: RunConfig) -> str | None:
    """The name of the project's limit, which is made where there is none; Prefect's UI lists it under Concurrency.

    None where the project can't be read: the run itself will say why.
    """
    try:
        name = f"project {read_project(Path(config.project)).name}"
    except ProjectError:
        return None
    with get_client(sync_client=True) as prefect:
        prefect.upsert_global_concurrency_limit_by_name(name, 1)
    return name
