"""Progress on the terminal, from the log records that stages leave. Shows lines and a status; knows nothing of what the stages do."""

import logging
import time

from rich.console import Console
from rich.status import Status

_EVENT, _STAGE = "emberflow_event", "emberflow_stage"  # set by tasks.conduct
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")
_PATIENCE_SECONDS = 15.0  # without a terminal that can redraw: how long before a stage that works is heard of again


class Progress(logging.Handler):
    """A line for each stage that ends and each warning; below them, on a terminal, what is being done now."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._status: Status | None = console.status("starting", spinner="dots") if console.is_terminal else None
        self._now: dict[str, str] = {}
        self._heard: dict[str, float] = {}
        self._start = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self)
        if self._status:
            self._status.stop()

    def listen(self) -> None:
        """Hear of stages from now on; to be called when Prefect is imported, which sets its loggers up anew."""
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)

    def say(self, text: str) -> None:
        """Show what is done outside of any stage."""
        if self._status:
            self._status.update(text)
        else:
            self._line(text)

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record of a stage, or a warning."""
        event, stage = getattr(record, _EVENT, None), getattr(record, _STAGE, "")
        if event == "told":
            self._tell(stage, record.getMessage())
        elif event in ("ended", "failed"):
            self._now.pop(stage, None)
            self._show_now()
            self._line(record.getMessage(), "red" if event == "failed" else None)
        elif record.levelno >= logging.WARNING and not _ends_the_run(record):
            first, *_ = record.getMessage().strip().split("\n")
            self._line(f"warning: {first}", "yellow")

    def _tell(self, stage: str, text: str) -> None:
        self._now[stage] = text
        self._show_now()
        if not self._status and time.monotonic() - self._heard.setdefault(stage, time.monotonic()) > _PATIENCE_SECONDS:
            self._heard[stage] = time.monotonic()
            self._line(text)

    def _show_now(self) -> None:
        if self._status:
            self._status.update("   ".join(self._now.values()))

    def _line(self, text: str, style: str | None = None) -> None:
        passed = int(time.monotonic() - self._start)
        self._console.print(f"{passed // 60:3d}:{passed % 60:02d}  {text}", style=style, highlight=False, markup=False, soft_wrap=True)


def _ends_the_run(record: logging.LogRecord) -> bool:
    """Prefect's own word on an exception that leaves the flow; the command line says it once more, without the trace."""
    return (record.name == "prefect.flow_runs" and record.exc_info is not None) or "Finished in state" in record.getMessage()
