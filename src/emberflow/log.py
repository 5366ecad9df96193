"""Log records as lines: one an event, as text or JSON, each with its project, run, stage and variant. Knows Python's logging; refuses to import Prefect.

Prefect's configuration of logging names both classes by their path, where EMBERFLOW_LOG asks for it (see `cli.environment`).
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, TextIO

from emberflow.errors import RecipeError, shown
from emberflow.recipe import Recipe

Form = Literal["text", "json"]

_AROUND: ContextVar[Mapping[str, Any] | None] = ContextVar("around", default=None)
_RUNS: dict[str, tuple[str, str | None]] = {}
_NOWHERE: tuple[str | None, str | None] = (None, None)


def name_run(flow_run: str | None, project: str, run: str | None = None) -> None:
    """From now on, what the flow run logs carries its project and the run's id; outside of any flow run nothing is noted."""
    if flow_run:
        _RUNS[flow_run] = (project, run)


@contextmanager
def around(marks: Mapping[str, Any]) -> Iterator[None]:
    """Meanwhile, records of this thread that have no marks of their own carry those: `flow_run_id`, `task_name`, `task_run_name` as Prefect's have."""
    token = _AROUND.set(marks)
    try:
        yield
    finally:
        _AROUND.reset(token)


class OneLine(logging.Formatter):
    """An event as one line. JSON: an object; its keys are `time` (UTC), `level`, `message`, `project`, `run`, `stage`, `variant`, `flow_run`, `logger`.

    What is not known, or has no meaning for an event, is null (in text: `-`). With an exception there is a further key, `trace`.

    Args: fmt: "text" or "json"; the others are what logging.config gives every formatter.
    """

    def __init__(self, fmt: Form = "text", datefmt: str | None = None, style: Literal["%"] = "%") -> None:
        super().__init__()
        self._is_json = fmt == "json"

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        said = record.getMessage()
        event = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": said,
            **_place_of(record),
            "logger": record.name,
        }
        if trace := _trace_of(self, record):
            event["trace"] = trace
        return json.dumps(event) if self._is_json else _text(event)


class Lines(logging.StreamHandler[TextIO]):
    """Writes to stderr what Prefect and Emberflow log, and Python's warnings. `styles` are those of the handler whose place it takes."""

    def __init__(self, stream: TextIO | None = None, styles: Mapping[str, str] | None = None, level: int | str = logging.NOTSET) -> None:
        super().__init__(stream)
        self.setLevel(level)
        logging.getLogger("emberflow").setLevel(logging.INFO)  # else the root's holds, which is WARNING: what workers write is INFO
        logging.captureWarnings(True)


def line_of(form: Form, level: int, message: str) -> str:
    """What is said outside of any logger, such as the error that ends a command, as a line of the same kind."""
    return OneLine(form).format(logging.LogRecord("emberflow", level, "", 0, "%s", (message,), None))


def _place_of(record: logging.LogRecord) -> dict[str, str | None]:
    marks = vars(record) if hasattr(record, "flow_run_id") or hasattr(record, "task_run_id") else _AROUND.get() or {}
    flow_run, name = _word(marks, "flow_run_id"), _word(marks, "flow_run_name")
    project, run = _RUNS.get(flow_run, _NOWHERE) if flow_run else _only_run()
    task, task_run = _word(marks, "task_name"), _word(marks, "task_run_name")
    variant = _variant(task_run.removeprefix(f"{task} ")) if task and task_run and task_run.startswith(f"{task} ") else None
    return {"project": project, "run": run or name, "stage": task, "variant": variant, "flow_run": flow_run}


def _only_run() -> tuple[str | None, str | None]:
    """Of a process that has had one run: what it says outside of the flow is about that one."""
    return next(iter(_RUNS.values())) if len(_RUNS) == 1 else _NOWHERE


def _word(marks: Mapping[str, Any], name: str) -> str | None:
    found = marks.get(name)
    return str(found) if found not in (None, "<unknown>") else None


@lru_cache
def _variant(words: str) -> str | None:
    """`words`, where they are a recipe or what several begin with."""
    for name in (words, f"{words}-int8"):
        try:
            Recipe.parse(name)
        except RecipeError:
            continue
        return words
    return None


def _trace_of(formatter: logging.Formatter, record: logging.LogRecord) -> str | None:
    return formatter.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else None


def _text(event: Mapping[str, str | None]) -> str:
    place = " ".join(f"{key}={event[key] or '-'}" for key in ("project", "run", "stage", "variant"))
    said = " | ".join(line.rstrip() for each in (event["message"], event.get("trace")) for line in (each or "").splitlines() if line.strip())
    return shown(f"{event['time']} {(event['level'] or '').upper():<7} {place}  {said}")
