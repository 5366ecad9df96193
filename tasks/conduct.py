"""How every stage behaves: which errors are retried, what is logged when. Knows Prefect; no stage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.tasks import exponential_backoff

from emberflow.errors import PassingError
from emberflow.log import around
from emberflow.units import show_seconds

EVENT = "emberflow_event"  # on a log record: `began`, `told` or `ended`, for who shows progress
STAGE = "emberflow_stage"


def may_pass(task: "Task[..., Any]", run: TaskRun, state: "State[Any]") -> bool:
    """Whether the stage failed of something that the next try may not meet; a wrong configuration or model is not of that kind."""
    return isinstance(state.result(raise_on_failure=False), PassingError | ConnectionError)


RETRIED: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
    "result_serializer": "json",
}

WAITING: dict[str, Any] = RETRIED | {"retries": 5, "retry_delay_seconds": [5, 10, 20, 30, 60]}
"""How a task behaves that tells MLflow: its server may be restarted, which takes a minute or two, and nothing that was to be told is lost."""


@contextmanager
def stage(label: str) -> Iterator[Callable[[str], None]]:
    """Log when the stage called `label` begins and ends, and give it a way to tell of its progress."""
    log = get_run_logger()
    start, said = 0.0, ""  # the clock starts when a worker takes the job up, which is the first it tells of

    def tell(text: str) -> None:
        nonlocal said, start
        said, start = text, start or time.monotonic()
        log.info("%s: %s", label, text, extra={EVENT: "told", STAGE: label})

    log.info("%s", label, extra={EVENT: "began", STAGE: label})
    try:
        with around(getattr(log, "extra", None) or {}):
            yield tell
    except BaseException:
        log.info("%s failed", label, extra={EVENT: "failed", STAGE: label})
        raise
    log.info("%s  %s  (%s)", label, said, show_seconds(time.monotonic() - start if start else 0.0), extra={EVENT: "ended", STAGE: label})
